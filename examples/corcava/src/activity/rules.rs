//! What is unusual, by the rules that the guide to key security names; the same that `mcp-auth audit review` looks for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mcp_auth_core::audit::{AuditEvent, Effect, OutcomeKind};
use mcp_auth_core::time::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// More than 10 % errors in five minutes, of at least ten calls.
    Errors,
    /// More than 100 calls a minute.
    Calls,
    /// More than 20 writes a minute.
    Writes,
    /// A call refused for being too many.
    TooMany,
    /// Five refusals (401, 403) in five minutes.
    Refusals,
    /// A key used from another address than before.
    NewAddress,
    /// Ten deletions in five minutes.
    MassChanges,
}

/// All of them, in the order in which they are shown.
pub(crate) const RULES: [Rule; 7] = [
    Rule::Errors,
    Rule::Calls,
    Rule::Writes,
    Rule::TooMany,
    Rule::Refusals,
    Rule::NewAddress,
    Rule::MassChanges,
];

/// A rule that something broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) rule: Rule,
    /// The key or client.
    pub(crate) who: String,
    /// The last time.
    pub(crate) at: Timestamp,
    /// How many in the time that the rule looks at, or from where.
    pub(crate) detail: String,
}

/// By which key or client.
pub(crate) fn actor(event: &AuditEvent) -> String {
    let client = event.principal.as_ref().and_then(|principal| principal.client.clone());
    event.key.as_ref().map(|key| key.name.clone()).or(client).unwrap_or_default()
}

impl Rule {
    /// The alerts among these events, in any order.
    pub(crate) fn look(events: &[AuditEvent]) -> Vec<Alert> {
        let mut by_actor: BTreeMap<String, Vec<&AuditEvent>> = BTreeMap::new();
        for event in events.iter().filter(|event| event.method.as_deref() != Some("settings")) {
            by_actor.entry(actor(event)).or_default().push(event);
        }
        let mut found = Vec::new();
        for (who, mut events) in by_actor {
            events.sort_by_key(|event| event.time);
            for rule in RULES {
                if let Some((at, detail)) = rule.broken(&events) {
                    found.push(Alert { rule, who: who.clone(), at, detail });
                }
            }
        }
        found
    }

    fn broken(self, events: &[&AuditEvent]) -> Option<(Timestamp, String)> {
        let peak = |window, most: usize, counts: &dyn Fn(&AuditEvent) -> bool| {
            let times: Vec<_> = events.iter().filter(|event| counts(event)).map(|event| event.time).collect();
            peak(&times, window).filter(|(count, _)| *count > most).map(|(count, at)| (at, count.to_string()))
        };
        match self {
            Self::Calls => peak(MINUTE, 100, &|_| true),
            Self::Writes => peak(MINUTE, 20, &|event| writes(event) && !event.is_denied()),
            Self::TooMany => peak(MINUTE, 0, &AuditEvent::is_too_many),
            Self::Refusals => peak(FIVE_MINUTES, 4, &AuditEvent::is_not_let_in),
            Self::MassChanges => {
                peak(FIVE_MINUTES, 9, &|event| event.ran() && event.effect == Some(Effect::Destructive))
            }
            Self::Errors => {
                let of: Vec<_> = events.iter().filter(|event| event.ran()).collect();
                let failed = |event: &&&&AuditEvent| event.outcome != Some(OutcomeKind::Succeeded);
                let (mut first, mut errors, mut last) = (0, 0, None);
                for (index, event) in of.iter().enumerate() {
                    errors += usize::from(failed(&event));
                    while let Some(begin) = of.get(first)
                        && event.time.since(begin.time) > FIVE_MINUTES
                    {
                        errors -= usize::from(failed(&begin));
                        first += 1;
                    }
                    let all = index + 1 - first;
                    if all >= 10 && errors * 10 > all {
                        last = Some((event.time, format!("{errors} / {all}")));
                    }
                }
                last
            }
            Self::NewAddress => {
                let mut known = BTreeSet::new();
                let mut last = None;
                for event in events {
                    if let Some(address) = event.address
                        && known.insert(address)
                        && known.len() > 1
                    {
                        last = Some((event.time, address.to_string()));
                    }
                }
                last
            }
        }
    }
}

/// The most in any window, and when that was.
fn peak(times: &[Timestamp], window: Duration) -> Option<(usize, Timestamp)> {
    let mut first = 0;
    let mut most = None;
    for (index, at) in times.iter().enumerate() {
        while times.get(first).is_some_and(|begin| at.since(*begin) > window) {
            first += 1;
        }
        let count = index + 1 - first;
        if most.is_none_or(|(most, _)| count >= most) {
            most = Some((count, *at));
        }
    }
    most
}

fn writes(event: &AuditEvent) -> bool {
    event.effect.is_some_and(Effect::writes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mcp_auth_core::audit::{EventId, RecordKind};
    use serde_json::json;

    use super::*;

    fn event(at: u64, outcome: OutcomeKind, effect: Effect, address: u8) -> AuditEvent {
        let id: EventId = serde_json::from_value(json!("0190b4a0-0000-7000-8000-000000000000")).unwrap();
        let mut event = AuditEvent::new(id, RecordKind::Event, Timestamp::from_secs(at));
        (event.outcome, event.effect) = (Some(outcome), Some(effect));
        event.address = Some([127, 0, 0, address].into());
        event
    }

    fn broken(events: &[AuditEvent]) -> Vec<Rule> {
        Rule::look(events).into_iter().map(|alert| alert.rule).collect()
    }

    #[test]
    fn each_rule_has_its_border() {
        let many = |count: u64, every: u64, outcome, effect| -> Vec<_> {
            (0..count).map(|n| event(1000 + n * every, outcome, effect, 1)).collect()
        };
        use OutcomeKind::{Denied, Failed, Succeeded};
        assert_eq!(broken(&many(100, 0, Succeeded, Effect::Read)), []);
        assert_eq!(broken(&many(101, 0, Succeeded, Effect::Read)), [Rule::Calls]);
        assert_eq!(broken(&many(20, 1, Succeeded, Effect::Write)), []);
        assert_eq!(broken(&many(21, 1, Succeeded, Effect::Write)), [Rule::Writes]);
        assert_eq!(broken(&many(40, 4, Succeeded, Effect::Write)), [], "spread over time");
        let refused = |count, kind: &str| {
            let mut all = many(count, 1, Denied, Effect::Read);
            all.iter_mut().for_each(|event| event.kind = Some(kind.to_owned()));
            all
        };
        assert_eq!(broken(&refused(4, "insufficient_scope")), []);
        assert_eq!(broken(&refused(5, "insufficient_scope")), [Rule::Refusals]);
        assert_eq!(broken(&refused(5, "confirmation_declined")), [], "somebody said no");
        assert_eq!(broken(&refused(1, "write_budget")), [Rule::TooMany]);
        assert_eq!(broken(&many(9, 1, Succeeded, Effect::Destructive)), []);
        assert_eq!(broken(&many(10, 1, Succeeded, Effect::Destructive)), [Rule::MassChanges]);
        assert_eq!(broken(&many(9, 1, Failed, Effect::Read)), []);
        assert_eq!(broken(&many(10, 1, Failed, Effect::Read)), [Rule::Errors]);
        let mut moved = many(2, 1, Succeeded, Effect::Read);
        moved.push(event(2000, Succeeded, Effect::Read, 2));
        assert_eq!(broken(&moved), [Rule::NewAddress]);
    }
}
