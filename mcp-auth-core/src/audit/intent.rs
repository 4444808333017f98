//! What a guard says about a call, before it and after it. Everything is borrowed: nothing is copied until it is
//! redacted into the record.

use std::net::IpAddr;
use std::time::Duration;

use super::redact::Rules;
use super::{Effect, OutcomeKind, SessionName};
use crate::mcp::Raw;
use crate::principal::Principal;
use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// The key in the `_meta` of a tool's result under which it may give the state before the call.
pub const BEFORE: &str = "mcp-auth/before";
/// The key in the `_meta` of a tool's result under which it may give the state after the call.
pub const AFTER: &str = "mcp-auth/after";

/// A JSON value on its way into a record, and the rules of its schema.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The value, as it was sent.
    pub value: Raw<'a>,
    /// What its schema says is secret.
    pub rules: Option<&'a Rules>,
}

impl<'a> Shown<'a> {
    /// A value with a schema's rules.
    #[must_use]
    pub fn new(value: Raw<'a>, rules: Option<&'a Rules>) -> Self {
        Self { value, rules }
    }
}

/// How a call was confirmed, declined, or is asked about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Confirmed<'a> {
    /// The way: `two_step`, `mrtr`, `stream`, `url`.
    pub way: &'a str,
    /// Who vouches: `asserted by client` or `verified user`; `None` while nobody has answered.
    pub vouched: Option<&'a str>,
    /// The subject who answered.
    pub by: Option<&'a str>,
    /// When.
    pub at: Option<Timestamp>,
    /// Why, in the words of who answered.
    pub reason: Option<&'a str>,
}

/// A call that is about to run, or was refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intent<'a> {
    /// Who asks.
    pub principal: Option<&'a Principal>,
    /// How that was established: `jwt`, `introspection`, `upstream`, `api_key`; `token` where its verifier does not say.
    pub authenticated: Option<&'static str>,
    /// What proved that the credential is its holder's: `dpop`, `mtls`.
    pub proof: Option<&'static str>,
    /// From where.
    pub address: Option<IpAddr>,
    /// `User-Agent`.
    pub agent: Option<&'a str>,
    /// Name and version of the client program.
    pub client: Option<(&'a str, &'a str)>,
    /// The protocol's revision.
    pub era: Option<&'static str>,
    /// The session.
    pub session: Option<SessionName>,
    /// `traceparent`.
    pub trace: Option<&'a str>,
    /// The method, by the table's own word.
    pub method: Option<&'static str>,
    /// What it touches.
    pub target: Option<&'a str>,
    /// What it does.
    pub effect: Effect,
    /// The scopes it needs.
    pub required: Option<&'a ScopeSet>,
    /// Its parameters.
    pub params: Option<Shown<'a>>,
    /// What was shown before.
    pub preview: Option<Shown<'a>>,
    /// How it was confirmed.
    pub confirmation: Option<Confirmed<'a>>,
    /// Why, in the words of who asks.
    pub reason: Option<&'a str>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Outcome<'a> {
    /// How.
    pub outcome: OutcomeKind,
    /// Why it was denied: a refusal's `kind`.
    pub kind: Option<&'a str>,
    /// The error code or message.
    pub error: Option<&'a str>,
    /// How long it took; a ticket knows this by itself.
    pub duration: Option<Duration>,
    /// What came out.
    pub result: Option<Shown<'a>>,
    /// The state before.
    pub before: Option<Shown<'a>>,
    /// The state after.
    pub after: Option<Shown<'a>>,
}

impl<'a> Outcome<'a> {
    /// It ended like this; nothing else is known.
    #[must_use]
    pub fn new(outcome: OutcomeKind) -> Self {
        Self { outcome, kind: None, error: None, duration: None, result: None, before: None, after: None }
    }

    /// It was refused for the reason that `kind` names.
    #[must_use]
    pub fn denied(kind: &'a str) -> Self {
        Self { kind: Some(kind), ..Self::new(OutcomeKind::Denied) }
    }

    /// The service reports the error `error`.
    #[must_use]
    pub fn failed(error: &'a str) -> Self {
        Self { error: Some(error), ..Self::new(OutcomeKind::Failed) }
    }

    /// It ran.
    #[must_use]
    pub fn succeeded() -> Self {
        Self::new(OutcomeKind::Succeeded)
    }

    /// With what came out.
    #[must_use]
    pub fn result(self, result: Shown<'a>) -> Self {
        Self { result: Some(result), ..self }
    }

    /// With the states before and after.
    #[must_use]
    pub fn states(self, before: Option<Shown<'a>>, after: Option<Shown<'a>>) -> Self {
        Self { before, after, ..self }
    }
}
