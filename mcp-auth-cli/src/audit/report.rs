//! How many calls, of whom and of what, and how they ended.

use std::collections::BTreeMap;

use mcp_auth_core::audit::{AuditEvent, OutcomeKind};
use serde::Serialize;

use super::output::{Output, printable, who};
use super::select::Selection;
use super::{Log, events, none, when};
use crate::failure::Failure;

/// More names of one kind are counted together.
const MOST_NAMES: usize = 10_000;
const SHOWN: usize = 20;

#[derive(Default, Serialize)]
struct Counts {
    calls: u64,
    writes: u64,
    succeeded: u64,
    failed: u64,
    denied: u64,
    other: u64,
    duration_ms: f64,
}

#[derive(Default, Serialize)]
struct Counted {
    from: Option<String>,
    until: Option<String>,
    total: Counts,
    tools: BTreeMap<String, Counts>,
    principals: BTreeMap<String, Counts>,
    reasons: BTreeMap<String, u64>,
}

impl Counts {
    fn take(&mut self, event: &AuditEvent) {
        self.calls += 1;
        self.writes += u64::from(event.effect.is_some_and(|effect| effect.writes()));
        match event.outcome {
            Some(OutcomeKind::Succeeded) => self.succeeded += 1,
            Some(OutcomeKind::Failed) => self.failed += 1,
            Some(OutcomeKind::Denied) => self.denied += 1,
            _ => self.other += 1,
        }
        self.duration_ms += event.duration_us.unwrap_or(0) as f64 / 1000.0;
    }

    fn row(&self, name: &str) -> [String; 8] {
        let mean = self.duration_ms / self.calls.max(1) as f64;
        let numbers = [self.calls, self.writes, self.succeeded, self.failed, self.denied, self.other];
        let [calls, writes, succeeded, failed, denied, other] = numbers.map(|number| number.to_string());
        [printable(name), calls, writes, succeeded, failed, denied, other, format!("{mean:.1}")]
    }
}

fn place(map: &mut BTreeMap<String, Counts>, name: String) -> &mut Counts {
    let name = if map.len() < MOST_NAMES || map.contains_key(&name) { name } else { "(others)".to_owned() };
    map.entry(name).or_default()
}

pub(super) async fn run(log: Log, selection: &Selection, output: Output) -> Result<(), Failure> {
    let mut counted = Counted::default();
    let mut span = None;
    events::each(log, |event| {
        if selection.takes(event) {
            let (from, until) = span.get_or_insert((event.time, event.time));
            (*from, *until) = ((*from).min(event.time), (*until).max(event.time));
            counted.total.take(event);
            let tool =
                event.target.clone().or_else(|| event.method.clone()).unwrap_or_else(|| "-".to_owned());
            place(&mut counted.tools, tool).take(event);
            place(&mut counted.principals, who(event)).take(event);
            if let Some(kind) = &event.kind
                && (counted.reasons.len() < MOST_NAMES || counted.reasons.contains_key(kind))
            {
                *counted.reasons.entry(kind.clone()).or_default() += 1;
            }
        }
        Ok(true)
    })
    .await?;
    let Some((from, until)) = span else { return Err(none()) };
    (counted.from, counted.until) = (Some(when::write(from)), Some(when::write(until)));
    if output.json {
        return output.object(&counted);
    }
    output.say(&format!("{} to {}", when::write(from), when::write(until)))?;
    let head =
        ["", "CALLS", "WRITES", "SUCCEEDED", "FAILED", "DENIED", "OTHER", "MEAN MS"].map(str::to_owned);
    let mut rows = vec![head, counted.total.row("all")];
    for (title, map) in [("BY TOOL", &counted.tools), ("BY WHO", &counted.principals)] {
        rows.push([title, "", "", "", "", "", "", ""].map(str::to_owned));
        let mut sorted: Vec<_> = map.iter().collect();
        sorted.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.calls));
        rows.extend(sorted.iter().take(SHOWN).map(|(name, counts)| counts.row(name)));
        if sorted.len() > SHOWN {
            let more = format!("… {} more, see --json", sorted.len() - SHOWN);
            rows.push([more.as_str(), "", "", "", "", "", "", ""].map(str::to_owned));
        }
    }
    output.table(&rows)?;
    for (kind, count) in &counted.reasons {
        output.say(&format!("denied, {}: {count}", printable(kind)))?;
    }
    Ok(())
}
