//! What recording costs its caller: from what is known of a call to a redacted record in a sink's hands. The sink keeps nothing.

use std::hint::black_box;

use mcp_auth_core::audit::{
    Acknowledgement, Audit, AuditError, AuditSink, Begun, Effect, Intent, Outcome, Record, Room, SessionName,
    Shown, Ticket,
};
use mcp_auth_core::mcp::{Limits, Raw};
use mcp_auth_core::{Principal, ScopeSet};

use super::at_once;
use crate::{Case, Error};

/// Ten parameters, one of them a password.
pub const PARAMS: &str = r#"{"project_id":"p-4c1f2a7b","title":"Write the report","description":"Numbers of the third quarter, with the charts of last year next to them; see the notes of Monday.","status":"in_progress","priority":"high","due_date":"2027-03-01","labels":["reports","finance","q3"],"estimate":{"hours":6,"confidence":0.7},"assignee_id":"u-99817","db_password":"hunter2hunter2"}"#;

/// Takes everything and keeps nothing.
#[derive(Debug)]
pub struct Nowhere;

struct NoRoom;

impl Room for NoRoom {
    fn finish(self: Box<Self>, outcome: Record) {
        black_box(outcome);
    }
}

impl AuditSink for Nowhere {
    fn begin(&self, intent: Record, _: Acknowledgement) -> Result<Begun, AuditError> {
        black_box(intent);
        Ok(Begun { room: Box::new(NoRoom), acknowledged: None })
    }

    fn record(&self, event: Record) {
        black_box(event);
    }
}

/// What a guard knows of a call with [`PARAMS`].
#[derive(Debug)]
pub struct Known {
    principal: Principal,
    required: ScopeSet,
    params: Raw<'static>,
    session: SessionName,
}

impl Known {
    /// Makes it up.
    ///
    /// # Errors
    /// If the parameters are no JSON.
    pub fn new() -> Result<Self, Error> {
        let principal = Principal::builder("https://issuer.example/tenant", "user-7f3a9c21")
            .client_id("https://client.example/metadata.json")
            .scopes(ScopeSet::parse("tasks:read tasks:write projects:read")?)
            .build();
        let params = Raw::parse(PARAMS.as_bytes(), &Limits::default())?;
        let session = SessionName::of("0190a5b0-7c3e-7f10-8a8b-112233445566");
        Ok(Self { principal, required: ScopeSet::parse("tasks:write")?, params, session })
    }

    /// As an intent.
    #[must_use]
    pub fn intent(&self, effect: Effect) -> Intent<'_> {
        Intent {
            principal: Some(&self.principal),
            authenticated: Some("token"),
            address: Some([203, 0, 113, 7].into()),
            agent: Some("claude-code/2.1 (linux; x86_64)"),
            client: Some(("claude-code", "2.1.0")),
            era: Some("2025-11-25"),
            trace: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            session: Some(self.session),
            method: Some("tools/call"),
            target: Some("create_task"),
            effect,
            required: Some(&self.required),
            params: Some(Shown::new(self.params, None)),
            ..Intent::default()
        }
    }
}

pub(super) fn cases() -> Result<Vec<Case<'static>>, Error> {
    let (known, audit) = (Known::new()?, Audit::new(Nowhere));
    let (reads, outcomes) = (audit.clone(), audit);
    let result = Raw::parse(br#"{"id":"t-1","status":"open"}"#, &Limits::default())?;
    let begun = move || at_once(outcomes.begin(&Intent::default())).and_then(Result::ok);
    let read = move || {
        let ticket = at_once(reads.begin(&known.intent(Effect::Read))).and_then(Result::ok);
        // Dropped, it would record an outcome, which has its own row.
        ticket.map(std::mem::forget).is_some()
    };
    let finish = move |ticket: Option<Ticket>| {
        let outcome = Outcome::succeeded().result(Shown::new(result, None));
        ticket.map(|ticket| ticket.finish(&outcome)).is_some()
    };
    Ok(vec![Case::new("audit/read", read), Case::prepared("audit/outcome", begun, finish)])
}
