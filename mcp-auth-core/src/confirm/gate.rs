//! The gate: what decides whether a call runs now.
//!
//! 1. A [`ConfirmationGate`] is asked about every call that is otherwise allowed, and answers with a [`Passage`].
//! 2. A question in a stream is settled later, by an answer that comes as a message of its own.

use std::sync::Arc;

use async_trait::async_trait;

use super::ask::stream::StreamQuestion;
use super::{Client, Passage, Rule};
use crate::background::Job;
use crate::config::ConfigErrors;
use crate::mcp::Message;
use crate::principal::Principal;
use crate::routes::Routes;

/// A call that is allowed by its scopes. Borrowed from the request.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Who asks; `None` for an anonymous call of a public tool.
    pub principal: Option<&'a Principal>,
    /// The whole message, a `tools/call`.
    pub message: &'a Message,
    /// The tool's name.
    pub tool: &'a str,
    /// What the tool needs.
    pub rule: &'a Rule,
    /// What the client can do.
    pub client: Client,
    /// The session's own id (not the sealed one), where there is one.
    pub session: Option<&'a str>,
    /// What the guard and the host put beside the request, where there is one; a preview finds there what the tool will.
    pub extensions: Option<&'a http::Extensions>,
}

/// What became of a client's response to a request of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Received {
    /// Not to a question of ours: it belongs to the service.
    NotOurs,
    /// Taken: answer 202.
    Taken,
    /// To no question that waits in this session: refuse it.
    Refused,
    /// It cannot be told now, and may be sent again.
    Unavailable,
}

/// Decides whether a call runs now. [`StoreGate`](super::StoreGate) is the implementation to use.
#[async_trait]
pub trait ConfirmationGate: Send + Sync + 'static {
    /// What becomes of a call: fresh, repeated with an answer, or repeated with a token.
    async fn check(&self, call: Call<'_>) -> Passage;

    /// Waits for the answer to a question that was sent into a stream. May ask again.
    async fn settle(&self, question: Box<StreamQuestion>) -> Passage;

    /// Whether `tools/list` shows this client the argument for a token: see [`add_token_arguments`](super::add_token_arguments).
    fn uses_tokens(&self, rule: &Rule, client: Client) -> bool;

    /// Adds what is wrong with the rule of a tool, at start.
    fn report(&self, tool: &str, rule: &Rule, errors: &mut ConfigErrors);

    /// The page on which calls are approved, where there is one: the guard serves it beside its documents.
    fn page(&self) -> Option<Arc<dyn Routes>> {
        None
    }

    /// Work to be done beside the requests, taken once by the guard.
    fn background(&self) -> Option<Job> {
        None
    }

    /// Forgets what is not needed any more; called every few seconds.
    fn sweep(&self) {}

    /// Takes a response that a client of the legacy era posted.
    async fn receive(&self, principal: Option<&Principal>, session: &str, response: &Message) -> Received;
}
