//! What a user does on the pages, on its way into the record.
//!
//! 1. It says of what: the key or the application that was meant, the key that was made. Never a secret.

use std::net::IpAddr;

use mcp_auth_core::Principal;
use mcp_auth_core::audit::{AuditError, Effect, Intent, Outcome, Shown, Ticket};
use mcp_auth_core::mcp::{Limits, Raw};
use mcp_auth_core::principal::ApiKeyName;
use mcp_auth_core::verify::api_key::{ApiKey, CreatedKey, KeyError};
use serde_json::{Value, json};

use super::Activity;
use crate::domain::States;

/// Something that a user is about to do.
pub(crate) struct Deed<'a> {
    what: &'static str,
    key: Option<&'a ApiKey>,
    params: Option<String>,
}

impl<'a> Deed<'a> {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, key: None, params: None }
    }

    /// With this key, or on its page.
    pub(crate) fn key(self, key: Option<&'a ApiKey>) -> Self {
        Self { key, ..self }
    }

    /// With these parameters.
    pub(crate) fn params(self, params: &Value) -> Self {
        Self { params: Some(params.to_string()), ..self }
    }

    /// What it is called.
    pub(crate) fn what(&self) -> &'static str {
        self.what
    }
}

impl Activity {
    /// Records what a user does on the pages, before it is done; the outcome is told to the ticket.
    pub(crate) async fn begin(
        &self,
        issuer: &str,
        subject: &str,
        address: Option<IpAddr>,
        deed: &Deed<'_>,
    ) -> Result<Ticket, AuditError> {
        let principal = Principal::builder(issuer, subject);
        let principal = match deed.key {
            Some(key) => principal.api_key(ApiKeyName {
                id: key.id.clone(),
                name: key.name.clone(),
                environment: key.environment.clone(),
            }),
            None => principal,
        };
        let principal = principal.build();
        let intent = Intent {
            principal: Some(&principal),
            authenticated: Some("session"),
            address,
            method: Some("settings"),
            target: Some(deed.what),
            effect: Effect::Write,
            params: shown(deed.params.as_ref()),
            ..Intent::default()
        };
        self.audit.begin(&intent).await
    }
}

/// The end of what [`Activity::begin`] began.
pub(crate) fn finish<T, E: std::fmt::Display>(ticket: Option<Ticket>, done: &Result<T, E>) {
    let Some(ticket) = ticket else { return };
    match done {
        Ok(_) => ticket.finish(&Outcome::succeeded()),
        Err(error) => ticket.finish(&Outcome::failed(&error.to_string())),
    }
}

/// The same, with the id of the key that was made.
pub(crate) fn finish_created(ticket: Option<Ticket>, done: &Result<CreatedKey, KeyError>) {
    let (ticket, created) = match (ticket, done) {
        (Some(ticket), Ok(created)) => (ticket, created),
        (ticket, _) => return finish(ticket, done),
    };
    let made = json!({ "key_id": created.key().id }).to_string();
    let mut outcome = Outcome::succeeded();
    outcome.result = shown(Some(&made));
    ticket.finish(&outcome);
}

/// The same, with the states before and after a change.
pub(crate) fn finish_change<E: std::fmt::Display>(ticket: Option<Ticket>, done: &Result<States, E>) {
    let (ticket, states) = match (ticket, done) {
        (Some(ticket), Ok(states)) => (ticket, states),
        (ticket, _) => return finish(ticket, done),
    };
    let (before, after) = (shown(states.before.as_ref()), shown(states.after.as_ref()));
    ticket.finish(&Outcome::succeeded().states(before, after));
}

/// JSON on its way into the record.
fn shown(json: Option<&String>) -> Option<Shown<'_>> {
    Some(Shown::new(Raw::parse(json?.as_bytes(), &Limits::default()).ok()?, None))
}
