//! What is unusual, by the rules that the guide to key security names.
//!
//! 1. More than 10 % errors in five minutes (of at least ten calls); more than 100 calls or 20 writes a minute; any call
//!    answered with 429; five with 401 or 403 in five minutes; a key or user from a new address; ten deletions or fifty writes in five
//!    minutes, or one call whose preview says that it touches a hundred things.
//!    Errors are counted for everybody together, too: what fails for all fails for nobody often.
//! 2. Addresses seen before `--since` are known; without it the first is.
//! 3. One finding a rule and person, as long as it goes on.
//! 4. Whoever was not let in is known by an address alone, of version 6 by its network (/64). They have a table of their own: however
//!    many they are, they hide nobody who was let in. Who does not fit into a table is counted with the others, and that is a finding.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use mcp_auth_core::audit::{AuditEvent, Effect, OutcomeKind};
use mcp_auth_core::time::Timestamp;
use serde::Serialize;

use super::output::{Output, printable, who};
use super::select::Selection;
use super::{Log, events, when};
use crate::failure::Failure;

const MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);
/// More people, networks and addresses are not told apart.
const MOST: usize = 100_000;
const OTHERS: &str = "(others)";

#[derive(Serialize)]
struct Finding {
    rule: &'static str,
    who: String,
    from: String,
    until: String,
    count: u64,
    detail: String,
    #[serde(skip)]
    last: Timestamp,
}

/// The times within a window; counts how many.
#[derive(Default)]
struct Window(VecDeque<Timestamp>);

impl Window {
    fn count(&mut self, at: Timestamp, window: Duration, counts: bool) -> usize {
        if counts {
            self.0.push_back(at);
        }
        while self.0.front().is_some_and(|first| at.since(*first) > window) {
            self.0.pop_front();
        }
        self.0.len()
    }
}

#[derive(Default)]
struct Person {
    calls: Window,
    writes: Window,
    changes: Window,
    deletions: Window,
    refusals: Window,
    ran: Window,
    errors: Window,
    addresses: BTreeSet<IpAddr>,
}

#[derive(Default)]
struct Review {
    people: HashMap<String, Person>,
    /// Those who were not let in.
    unknown: HashMap<String, Person>,
    /// What ran, and what of it failed.
    everybody: (Window, Window),
    findings: Vec<Finding>,
    /// Which finding goes on.
    going: BTreeMap<(&'static str, String), usize>,
}

impl Review {
    fn find(&mut self, rule: &'static str, who: &str, at: Timestamp, detail: String) {
        let key = (rule, who.to_owned());
        if let Some(finding) = self.going.get(&key).and_then(|index| self.findings.get_mut(*index))
            && at.since(finding.last) <= FIVE_MINUTES
            && rule != "new address"
        {
            finding.count += 1;
            (finding.last, finding.until) = (at, when::write(at));
            return;
        }
        self.going.insert(key, self.findings.len());
        let time = when::write(at);
        let (from, until) = (time.clone(), time);
        self.findings.push(Finding { rule, who: who.to_owned(), from, until, count: 1, detail, last: at });
    }

    fn take(&mut self, event: &AuditEvent, only_known: bool) {
        let at = event.time;
        let is_known = event.key.is_some() || event.principal.is_some();
        let table = if is_known { &mut self.people } else { &mut self.unknown };
        let mut who = match event.address {
            Some(address) if !is_known => network(address),
            _ => who(event),
        };
        let is_other = table.len() >= MOST && !table.contains_key(&who);
        if is_other {
            who = OTHERS.to_owned();
        }
        let person = table.entry(who.clone()).or_default();
        let is_new = event.principal.is_some()
            && !is_other
            && event.address.is_some_and(|address| {
                let first = person.addresses.is_empty();
                person.addresses.len() < MOST && person.addresses.insert(address) && !first
            });
        if only_known {
            return;
        }
        let writes = event.effect.is_some_and(Effect::writes);
        let kind = event.kind.as_deref().unwrap_or_default();
        let ran = event.ran();
        let failed = ran && event.outcome != Some(OutcomeKind::Succeeded);
        let (too_many, refused) = (event.is_too_many(), event.is_not_let_in());
        let deletes = ran && event.effect == Some(Effect::Destructive);
        let wrote = ran && writes;
        let affected =
            event.preview.as_ref().and_then(|preview| preview.get("affected")?.as_u64()).unwrap_or(0);

        let calls = person.calls.count(at, MINUTE, true);
        let many_writes = person.writes.count(at, MINUTE, writes && !event.is_denied());
        let changes = person.changes.count(at, FIVE_MINUTES, wrote);
        let deletions = person.deletions.count(at, FIVE_MINUTES, deletes);
        let refusals = person.refusals.count(at, FIVE_MINUTES, refused);
        let all = person.ran.count(at, FIVE_MINUTES, ran);
        let errors = person.errors.count(at, FIVE_MINUTES, failed);

        if is_other {
            self.find("not told apart", OTHERS, at, format!("more than {MOST} people or networks"));
        }
        if calls > 100 {
            self.find("calls a minute", &who, at, format!("{calls} calls in a minute"));
        }
        if writes && many_writes > 20 {
            self.find("writes a minute", &who, at, format!("{many_writes} writes in a minute"));
        }
        if too_many {
            self.find("too many requests", &who, at, kind.to_owned());
        }
        if refused && refusals >= 5 {
            self.find("repeated refusals", &who, at, format!("{refusals} in five minutes, last {kind}"));
        }
        if failed && all >= 10 && errors * 10 > all {
            self.find("error rate", &who, at, format!("{errors} of {all} calls in five minutes"));
        }
        let all = self.everybody.0.count(at, FIVE_MINUTES, ran);
        let errors = self.everybody.1.count(at, FIVE_MINUTES, failed);
        if failed && self.people.len() + self.unknown.len() > 1 && all >= 10 && errors * 10 > all {
            self.find("error rate", "(everybody)", at, format!("{errors} of {all} calls in five minutes"));
        }
        if deletes && deletions >= 10 {
            self.find("mass changes", &who, at, format!("{deletions} deletions in five minutes"));
        } else if wrote && changes >= 50 {
            self.find("mass changes", &who, at, format!("{changes} writes in five minutes"));
        } else if wrote && affected >= 100 {
            let tool = event.target.as_deref().unwrap_or("-");
            self.find("mass changes", &who, at, format!("{tool} touched {affected} things"));
        }
        if is_new {
            let address = event.address.map(|address| address.to_string()).unwrap_or_default();
            self.find("new address", &who, at, address);
        }
    }
}

/// Whoever has one address of version 6 has the others of its network, too.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address.to_string(),
    }
}

pub(super) async fn run(log: Log, selection: &Selection, output: Output) -> Result<(), Failure> {
    let mut review = Review::default();
    events::each(log, |event| {
        if selection.takes_at_any_time(event) {
            review.take(event, selection.since.is_some_and(|since| event.time < since));
        }
        Ok(true)
    })
    .await?;
    let findings = review.findings;
    if output.json {
        output.object(&findings)?;
    } else if findings.is_empty() {
        output.say("nothing unusual")?;
    } else {
        let head = ["RULE", "WHO", "FROM", "UNTIL", "TIMES", "WHAT"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head)
            .chain(findings.iter().map(|finding| {
                [
                    finding.rule.to_owned(),
                    printable(&finding.who),
                    finding.from.clone(),
                    finding.until.clone(),
                    finding.count.to_string(),
                    printable(&finding.detail),
                ]
            }))
            .collect();
        output.table(&rows)?;
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::found(
        6,
        format!("{} findings", findings.len()),
        "look closer with `mcp-auth audit query` and `changes`; end a key with `mcp-auth keys revoke`",
    ))
}
