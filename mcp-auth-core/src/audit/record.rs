//! A record: one JSON object in one buffer, and the few facts that a sink decides by.
//!
//! 1. The only way to make one leads through the redactor.
//! 2. Texts are bounded; lists hold 64 scopes at most.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::intent::{Intent, Outcome, Shown};
use super::line::{Line, push_display};
use super::redact::Pen;
use super::{Effect, EventId, OutcomeKind, RecordKind};
use crate::principal::Principal;
use crate::scope::ScopeSet;
use crate::time::Timestamp;

const NAME: usize = 256;
const TARGET: usize = 1024;
const TEXT: usize = 1024;
const MOST_SCOPES: usize = 64;

/// What a sink takes.
#[derive(Clone)]
pub struct Record {
    id: EventId,
    kind: RecordKind,
    time: Timestamp,
    effect: Effect,
    outcome: OutcomeKind,
    json: Vec<u8>,
}

impl Record {
    /// The event that it belongs to.
    #[must_use]
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Which part of the event it is.
    #[must_use]
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// When it was made.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// What the call does.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// How it ended; an intent is `Allowed`.
    #[must_use]
    pub fn outcome(&self) -> OutcomeKind {
        self.outcome
    }

    /// The record: a JSON object without a line feed, redacted. [`AuditEvent`](super::AuditEvent) reads it.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    pub(super) fn into_json(self) -> Vec<u8> {
        self.json
    }

    /// The outcome of this intent, where its call was refused after all.
    pub(super) fn into_denied(self) -> Self {
        let mut line = head(self.id, RecordKind::Outcome, self.time);
        line.word("outcome", OutcomeKind::Denied.as_str());
        line.word("kind", "audit_unavailable");
        Self { kind: RecordKind::Outcome, outcome: OutcomeKind::Denied, json: line.end(), ..self }
    }

    pub(super) fn intent(id: EventId, time: Timestamp, intent: &Intent<'_>, pen: Pen<'_>) -> Self {
        let mut line = head(id, RecordKind::Intent, time);
        push_intent(&mut line, intent, pen);
        line.word("outcome", OutcomeKind::Allowed.as_str());
        let (effect, outcome) = (intent.effect, OutcomeKind::Allowed);
        Self { id, kind: RecordKind::Intent, time, effect, outcome, json: line.end() }
    }

    pub(super) fn event(
        (id, time): (EventId, Timestamp),
        intent: &Intent<'_>,
        outcome: &Outcome<'_>,
        pen: Pen<'_>,
    ) -> Self {
        let mut line = head(id, RecordKind::Event, time);
        push_intent(&mut line, intent, pen);
        push_outcome(&mut line, outcome, outcome.duration, pen);
        let (effect, outcome) = (intent.effect, outcome.outcome);
        Self { id, kind: RecordKind::Event, time, effect, outcome, json: line.end() }
    }

    pub(super) fn outcome_of(
        (id, time, effect): (EventId, Timestamp, Effect),
        outcome: &Outcome<'_>,
        took: Duration,
        pen: Pen<'_>,
    ) -> Self {
        let mut line = head(id, RecordKind::Outcome, time);
        push_outcome(&mut line, outcome, Some(outcome.duration.unwrap_or(took)), pen);
        let outcome = outcome.outcome;
        Self { id, kind: RecordKind::Outcome, time, effect, outcome, json: line.end() }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.json))
    }
}

fn head(id: EventId, kind: RecordKind, time: Timestamp) -> Line {
    // What a call with small arguments takes: the buffer seldom grows.
    let mut line = Line::with_capacity(if kind == RecordKind::Outcome { 512 } else { 1536 });
    line.name("id");
    line.buf.push(b'"');
    id.push(&mut line.buf);
    line.buf.push(b'"');
    line.word("record", kind.as_str());
    line.number("time", time.as_millis());
    line
}

fn push_intent(line: &mut Line, intent: &Intent<'_>, pen: Pen<'_>) {
    let text = |line: &mut Line, name: &str, text: Option<&str>, longest: usize| {
        if let Some(text) = text {
            line.name(name);
            pen.text(&mut line.buf, text, longest);
        }
    };
    let word = |line: &mut Line, name: &str, word: Option<&'static str>| {
        if let Some(word) = word {
            line.word(name, word);
        }
    };
    if let Some(principal) = intent.principal {
        push_principal(line, principal, pen);
    }
    word(line, "authenticated", intent.authenticated);
    word(line, "proof", intent.proof);
    if let Some(address) = intent.address {
        line.name("address");
        pen.personal(&mut line.buf, |buf| {
            buf.push(b'"');
            push_address(buf, address);
            buf.push(b'"');
        });
    }
    if let Some(agent) = intent.agent {
        line.name("agent");
        pen.personal(&mut line.buf, |buf| pen.text(buf, agent, NAME));
    }
    if let Some((name, version)) = intent.client {
        line.object("client", |line| {
            text(line, "name", Some(name), NAME);
            text(line, "version", Some(version), NAME);
        });
    }
    word(line, "era", intent.era);
    if let Some(session) = intent.session {
        line.name("session");
        session.push(&mut line.buf);
    }
    let is_trace = |trace: &&str| {
        let bytes: Option<&[u8; 55]> = trace.as_bytes().try_into().ok();
        // All of them at once, as the compiler likes it.
        bytes
            .is_some_and(|all| all.iter().fold(true, |good, b| good & (b.is_ascii_hexdigit() | (*b == b'-'))))
    };
    if let Some(trace) = intent.trace.filter(is_trace) {
        line.word("trace", trace);
    }
    word(line, "method", intent.method);
    text(line, "target", intent.target, TARGET);
    line.word("effect", intent.effect.as_str());
    if let Some(required) = intent.required {
        push_scopes(line, "required", required);
    }
    if let Some(principal) = intent.principal {
        push_scopes(line, "granted", principal.scopes());
    }
    shown(line, "params", intent.params, pen);
    shown(line, "preview", intent.preview, pen);
    if let Some(confirmed) = intent.confirmation {
        line.object("confirmation", |line| {
            text(line, "way", Some(confirmed.way), NAME);
            text(line, "vouched", confirmed.vouched, NAME);
            text(line, "by", confirmed.by, NAME);
            if let Some(at) = confirmed.at {
                line.number("at", at.as_millis());
            }
            text(line, "reason", confirmed.reason, TEXT);
        });
    }
    text(line, "reason", intent.reason, TEXT);
}

/// As its `Display` writes it, and sooner for the usual kind.
fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(v4) = address else { return push_display(out, address) };
    for (index, part) in v4.octets().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(itoa::Buffer::new().format(part).as_bytes());
    }
}

fn push_principal(line: &mut Line, principal: &Principal, pen: Pen<'_>) {
    let text = |line: &mut Line, name: &str, text: &str| {
        line.name(name);
        pen.text(&mut line.buf, text, NAME);
    };
    line.object("principal", |line| {
        text(line, "issuer", principal.issuer());
        text(line, "subject", principal.subject());
        if let Some(client) = principal.client_id() {
            text(line, "client", client);
        }
        if let Some(actor) = principal.actor() {
            text(line, "actor", actor);
        }
    });
    if let Some(key) = principal.api_key() {
        line.object("key", |line| {
            text(line, "id", &key.id);
            text(line, "name", &key.name);
            text(line, "environment", &key.environment);
        });
    }
}

fn push_scopes(line: &mut Line, name: &str, scopes: &ScopeSet) {
    line.name(name);
    line.buf.push(b'[');
    let all = scopes.as_str().as_bytes().split(|byte| *byte == b' ').filter(|scope| !scope.is_empty());
    for (index, scope) in all.take(MOST_SCOPES).enumerate() {
        if index > 0 {
            line.buf.push(b',');
        }
        // A `scope-token` of RFC 6749 holds nothing that JSON escapes.
        line.buf.push(b'"');
        line.buf.extend_from_slice(scope.get(..scope.len().min(NAME)).unwrap_or_default());
        line.buf.push(b'"');
    }
    line.buf.push(b']');
}

fn push_outcome(line: &mut Line, outcome: &Outcome<'_>, took: Option<Duration>, pen: Pen<'_>) {
    line.word("outcome", outcome.outcome.as_str());
    if let Some(kind) = outcome.kind {
        line.name("kind");
        pen.text(&mut line.buf, kind, NAME);
    }
    if let Some(error) = outcome.error {
        line.name("error");
        pen.text(&mut line.buf, error, TEXT);
    }
    if let Some(took) = took {
        line.number("duration_us", u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
    shown(line, "result", outcome.result, pen);
    shown(line, "before", outcome.before, pen);
    shown(line, "after", outcome.after, pen);
}

fn shown(line: &mut Line, name: &str, shown: Option<Shown<'_>>, pen: Pen<'_>) {
    if let Some(shown) = shown {
        line.name(name);
        pen.value(&mut line.buf, shown);
    }
}
