//! Which events.

use clap::Args;
use mcp_auth_core::audit::{AuditEvent, Effect, OutcomeKind};
use mcp_auth_core::time::{Clock, Timestamp};

use super::when;
use crate::failure::Failure;

/// As it is asked for.
#[derive(Debug, Args)]
pub(super) struct Select {
    /// Only this user: the subject
    #[arg(long)]
    principal: Option<String>,
    /// Only this key: its id or its name
    #[arg(long)]
    key: Option<String>,
    /// Only this tool, prompt or resource
    #[arg(long)]
    tool: Option<String>,
    /// Only this outcome: denied, succeeded, failed, timed_out, cut, pending, dry_run, allowed
    #[arg(long)]
    outcome: Option<String>,
    /// Only from this address
    #[arg(long)]
    address: Option<std::net::IpAddr>,
    /// Only what writes
    #[arg(long)]
    writes: bool,
    /// Not before: 2h for two hours ago, or 2027-01-31T12:00:00Z
    #[arg(long)]
    since: Option<String>,
    /// Not after
    #[arg(long)]
    until: Option<String>,
}

/// As it is read.
#[derive(Debug)]
pub(super) struct Selection {
    principal: Option<String>,
    key: Option<String>,
    tool: Option<String>,
    outcome: Option<OutcomeKind>,
    address: Option<std::net::IpAddr>,
    writes: bool,
    pub(super) since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Select {
    pub(super) fn read(&self) -> Result<Selection, Failure> {
        let now = Clock::system().now();
        let time = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| when::read(name, text, now)).transpose()
        };
        let outcome = match &self.outcome {
            None => None,
            Some(text) => {
                let known = OutcomeKind::ALL.into_iter().find(|kind| kind.as_str() == text);
                Some(known.ok_or_else(|| {
                    let all: Vec<_> = OutcomeKind::ALL.iter().map(|kind| kind.as_str()).collect();
                    Failure::usage(
                        format!("--outcome: there is no `{text}`"),
                        format!("one of {}", all.join(", ")),
                    )
                })?)
            }
        };
        Ok(Selection {
            principal: self.principal.clone(),
            key: self.key.clone(),
            tool: self.tool.clone(),
            outcome,
            address: self.address,
            writes: self.writes,
            since: time("since", &self.since)?,
            until: time("until", &self.until)?,
        })
    }
}

impl Selection {
    /// Whether the event is asked for.
    pub(super) fn takes(&self, event: &AuditEvent) -> bool {
        self.since.is_none_or(|since| event.time >= since) && self.takes_at_any_time(event)
    }

    /// The same, also before `--since`.
    pub(super) fn takes_at_any_time(&self, event: &AuditEvent) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let key =
            |wanted: &String| event.key.as_ref().is_some_and(|key| key.id == *wanted || key.name == *wanted);
        is(&self.principal, event.principal.as_ref().map(|principal| principal.subject.as_str()))
            && self.key.as_ref().is_none_or(key)
            && is(&self.tool, event.target.as_deref())
            && self.outcome.is_none_or(|wanted| event.outcome == Some(wanted))
            && self.address.is_none_or(|wanted| event.address == Some(wanted))
            && (!self.writes || event.effect.is_some_and(Effect::writes))
            && self.until.is_none_or(|until| event.time <= until)
    }
}
