//! The counters of the hot path, looked up once: a request adds to them and looks nothing up.
//!
//! They are looked up when the first request comes, so that a recorder which is installed after the guard was built counts,
//! too.

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram, Unit};

/// What OpenTelemetry's conventions for MCP call the time that a request takes, in seconds.
const DURATION: &str = "mcp.server.operation.duration";
/// More tools and prompts are not told apart: a policy of the host's own may let any name through.
const MOST_TARGETS: usize = 1000;
/// The same of longer names, in bytes.
const LONGEST_TARGET: usize = 256;

type Targets = HashMap<Box<str>, OnceLock<Histogram>>;

/// The counters of one guard.
#[derive(Default)]
pub(super) struct Meters {
    counters: OnceLock<Counters>,
    /// By method and target; an empty one stands for none.
    durations: RwLock<HashMap<&'static str, Targets>>,
}

struct Counters {
    forwarded: Counter,
    cache_hit: Counter,
    cache_miss: Counter,
}

impl Meters {
    pub(super) fn forwarded(&self) {
        self.counters().forwarded.increment(1);
    }

    pub(super) fn cache_hit(&self) {
        self.counters().cache_hit.increment(1);
    }

    pub(super) fn cache_miss(&self) {
        self.counters().cache_miss.increment(1);
    }

    /// A call that ran so long; `target` is the tool or prompt.
    pub(super) fn operation(
        &self,
        method: &'static str,
        target: Option<&str>,
        error: Option<&str>,
        took: Duration,
    ) {
        let target = target.unwrap_or_default();
        let record = |target: &str, kept: &OnceLock<Histogram>| match error {
            // Seldom, and with too many kinds to keep.
            Some(error) => histogram(method, target, Some(error)).record(took),
            None => kept.get_or_init(|| histogram(method, target, None)).record(took),
        };
        let known = self.durations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = known.get(method).and_then(|targets| targets.get(target)) {
            return record(target, kept);
        }
        drop(known);
        let mut known = self.durations.write().unwrap_or_else(PoisonError::into_inner);
        let targets = known.entry(method).or_default();
        let is_told_apart = targets.len() < MOST_TARGETS && target.len() <= LONGEST_TARGET;
        let target = if is_told_apart { target } else { "_OTHER" };
        record(target, targets.entry(target.into()).or_default());
    }

    fn counters(&self) -> &Counters {
        self.counters.get_or_init(|| Counters {
            forwarded: metrics::counter!("mcp_auth_requests_total", "outcome" => "forwarded", "kind" => "allowed"),
            cache_hit: metrics::counter!("mcp_auth_token_cache_total", "outcome" => "hit"),
            cache_miss: metrics::counter!("mcp_auth_token_cache_total", "outcome" => "miss"),
        })
    }
}

fn histogram(method: &'static str, target: &str, error: Option<&str>) -> Histogram {
    metrics::describe_histogram!(DURATION, Unit::Seconds, "How long the requests took that ran.");
    let mut labels = vec![("mcp.method.name", method.to_owned())];
    match method {
        _ if target.is_empty() => {}
        "prompts/get" => labels.push(("gen_ai.prompt.name", target.to_owned())),
        _ => {
            labels.push(("gen_ai.tool.name", target.to_owned()));
            labels.push(("gen_ai.operation.name", "execute_tool".to_owned()));
        }
    }
    labels.extend(error.map(|error| ("error.type", error.to_owned())));
    metrics::histogram!(DURATION, &labels)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_that_somebody_made_up_are_not_told_apart() {
        for error in [None, Some("tool_error")] {
            let meters = Meters::default();
            let operation = |target: &str| {
                meters.operation("tools/call", Some(target), error, Duration::ZERO);
                let known = meters.durations.read().unwrap();
                let targets = known.get("tools/call").unwrap();
                (targets.len(), targets.contains_key(target))
            };
            assert_eq!(operation(&"x".repeat(LONGEST_TARGET + 1)), (1, false));
            for n in 1..MOST_TARGETS {
                assert_eq!(operation(&n.to_string()), (n + 1, true));
            }
            assert_eq!(operation("one more"), (MOST_TARGETS, false));
        }
    }
}
