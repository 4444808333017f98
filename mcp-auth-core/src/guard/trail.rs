//! What is known about a request before its record is made.

use std::borrow::Cow;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue};

use super::software::Software;
use crate::audit::SessionName;
use crate::confirm::REASON;
use crate::mcp::{Message, Raw};
use crate::policy::Effect;
use crate::scope::ScopeSet;

const TRACE: &str = "traceparent";
const MAX_HEADER: usize = 512;

/// Filled as a request goes its way. Nothing is copied: headers and messages are shared.
#[derive(Debug, Default)]
pub(super) struct Trail {
    agent: Option<HeaderValue>,
    trace: Option<HeaderValue>,
    pub(super) software: Software,
    pub(super) message: Option<Box<Message>>,
    /// What came with the credential and was checked.
    pub(super) proof: Option<&'static str>,
    /// The session that the request is of.
    pub(super) session: Option<SessionName>,
    pub(super) effect: Option<Effect>,
    /// The scopes that are needed.
    pub(super) required: Option<ScopeSet>,
}

impl Trail {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let short = |value: Option<&HeaderValue>| value.filter(|value| value.len() <= MAX_HEADER).cloned();
        Self { agent: short(headers.get(USER_AGENT)), trace: short(headers.get(TRACE)), ..Self::default() }
    }

    /// Whatever it holds: what is no UTF-8 is shown as such.
    pub(super) fn agent(&self) -> Option<Cow<'_, str>> {
        self.agent.as_ref().map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    /// The message's own context, or that of the HTTP request: a client that makes several calls in one has one each.
    pub(super) fn trace(&self) -> Option<Cow<'_, str>> {
        let own = self.message.as_ref().and_then(|message| message.meta(TRACE)).and_then(Raw::as_str);
        let http = || self.trace.as_ref()?.to_str().ok().map(Cow::Borrowed);
        own.or_else(http)
    }

    /// Why, in the client's words.
    pub(super) fn reason(&self) -> Option<Cow<'_, str>> {
        self.message.as_ref()?.meta(REASON).and_then(Raw::as_str).filter(|reason| !reason.trim().is_empty())
    }
}
