//! The gate: what decides whether a call runs now.
//!
//! 1. A [`ConfirmationGate`] is asked about every call that is otherwise allowed, and answers with a [`Passage`].
//! 2. Only [`Passage::Pass`] runs the call. Every other passage has its answer ready: [`Passage::answer`].

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;

use super::ask::nested::Continuation;
use super::ask::stream::StreamQuestion;
use super::ask::wire;
use super::{Client, Preview, Rule, StateRefusal, Way};
use crate::config::ConfigErrors;
use crate::mcp::{Id, Message, error_body};
use crate::principal::Principal;
use crate::time::Timestamp;

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
}

/// What becomes of a call.
#[derive(Debug)]
#[must_use]
pub enum Passage {
    /// It runs.
    Pass(Pass),
    /// Somebody is asked first; it does not run.
    Ask(Question),
    /// Only the preview was wanted; it does not run.
    DryRun(Question),
    /// Somebody said no; it does not run.
    Declined(Declined),
    /// It is refused; it does not run.
    Refused(GateRefusal),
}

/// A call that runs.
#[derive(Debug, Default)]
#[must_use]
pub struct Pass {
    /// What is forwarded instead of the original bytes, where something was stripped.
    pub body: Option<Bytes>,
    /// Who confirmed it, where somebody did. For the record, and for the tool.
    pub confirmed: Option<Confirmed>,
    /// Every answer goes through this, where it is given.
    pub continuation: Option<Continuation>,
}

/// Who vouches for a confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Voucher {
    /// The client says so: a client can answer its own questions.
    Client,
    /// A person who was signed in to this service.
    User {
        /// Who vouches for the subject.
        issuer: String,
        /// Who confirmed.
        subject: String,
        /// In the person's own words.
        reason: Option<String>,
    },
}

impl Voucher {
    /// What the record says.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Client => "asserted by client",
            Self::User { .. } => "verified user",
        }
    }
}

/// A confirmation that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confirmed {
    /// How it was asked for.
    pub way: Way,
    /// Who vouches for it.
    pub by: Voucher,
    /// When it was taken.
    pub at: Timestamp,
    /// What was shown, and still holds.
    pub preview: Option<Preview>,
}

/// A question, or the answer to a dry run.
#[derive(Debug)]
pub struct Question {
    /// The way it takes.
    pub way: Way,
    /// What would happen, where the tool has a preview.
    pub preview: Option<Preview>,
    /// What is sent.
    pub sent: Sent,
}

/// How a question is sent.
#[derive(Debug)]
pub enum Sent {
    /// As the whole response: 200, `application/json`.
    Answer(Bytes),
    /// As an event of the call's own stream, which stays open until [`ConfirmationGate::settle`] answers.
    Event(Box<StreamQuestion>),
}

/// Somebody said no.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Declined {
    /// How it was asked for.
    pub way: Way,
    /// Who said no.
    pub by: Voucher,
    /// Put away without a choice.
    pub cancelled: bool,
}

/// Why a call does not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateRefusal {
    /// The client cannot be asked in the way that the tool needs.
    #[error("the client cannot be asked for a confirmation")]
    ClientCannot,
    /// Who asks is no user, and nobody else may approve.
    #[error("nobody can approve a call of this principal")]
    NobodyToApprove,
    /// The confirmation does not count.
    #[error(transparent)]
    State(#[from] StateRefusal),
    /// The phrase was not typed, again and again, or the box not ticked.
    #[error("the confirmation was not given as demanded")]
    NotConfirmed,
    /// The client did not answer in time.
    #[error("the client did not answer")]
    NoAnswer,
    /// What belongs to a confirmation is mistyped.
    #[error("{0}")]
    Malformed(&'static str),
    /// The tool's preview says that the call makes no sense.
    #[error("the preview refuses the call")]
    Preview(String),
    /// The write budget is used up.
    #[error("the write budget is used up")]
    Budget {
        /// When there is room again.
        retry_after: Duration,
    },
    /// Too many calls of the principal wait for a person.
    #[error("too many calls wait for a person")]
    TooManyWaiting,
    /// It cannot be told now.
    #[error("no confirmation is possible now: {0}")]
    Unavailable(String),
}

impl GateRefusal {
    /// A stable word for records and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ClientCannot => "confirmation_not_possible",
            Self::NobodyToApprove => "confirmation_nobody_to_approve",
            Self::State(refusal) => refusal.kind(),
            Self::NotConfirmed => "confirmation_not_given",
            Self::NoAnswer => "confirmation_no_answer",
            Self::Malformed(_) => "confirmation_malformed",
            Self::Preview(_) => "preview_refused",
            Self::Budget { .. } => "write_budget",
            Self::TooManyWaiting => "confirmations_waiting",
            Self::Unavailable(_) => "confirmation_unavailable",
        }
    }

    /// The HTTP status of the answer. What a model can act on is a tool's result.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Budget { .. } | Self::TooManyWaiting => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        }
    }

    /// When it may be tried again, where that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Budget { retry_after } => Some(*retry_after),
            Self::TooManyWaiting => Some(Duration::from_secs(60)),
            Self::Unavailable(_) => Some(Duration::from_secs(5)),
            _ => None,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::ClientCannot => {
                "Not run: this needs the confirmation of a person, and this client cannot ask for it."
            }
            Self::NobodyToApprove => "Not run: this has to be approved by a user, and the caller is none.",
            Self::State(_) => {
                "Not run: the confirmation is not valid for this call. Call again without it to be asked anew."
            }
            Self::NotConfirmed => "Not run: it was not confirmed as demanded.",
            Self::NoAnswer => "Not run: nobody answered the question.",
            Self::Malformed(text) => text,
            Self::Preview(text) => text,
            Self::Budget { .. } => "Not run: too many changes in a short time.",
            Self::TooManyWaiting => "Not run: too many calls wait for a person already.",
            Self::Unavailable(_) => "Temporarily unavailable.",
        }
    }
}

impl Passage {
    /// The JSON-RPC response to send; `None` for a call that runs, and for a question that is an event of a stream.
    #[must_use]
    pub fn answer(&self, id: Option<&Id>, modern: bool) -> Option<(StatusCode, Bytes)> {
        match self {
            Self::Pass(_) | Self::Ask(Question { sent: Sent::Event(_), .. }) => None,
            Self::Ask(question) | Self::DryRun(question) => match &question.sent {
                Sent::Answer(body) => Some((StatusCode::OK, body.clone())),
                Sent::Event(_) => None,
            },
            Self::Declined(declined) => {
                Some((StatusCode::OK, wire::text(id, &declined.text(), true, modern)))
            }
            Self::Refused(refusal) => {
                let status = refusal.status();
                let body = match refusal {
                    GateRefusal::Malformed(text) => error_body(id, -32602, text, None),
                    _ if status == StatusCode::OK => wire::text(id, refusal.text(), true, modern),
                    _ => {
                        let data = serde_json::json!({ "error": refusal.kind() });
                        error_body(id, -32000, refusal.text(), Some(data))
                    }
                };
                Some((status, body))
            }
        }
    }
}

impl Declined {
    fn text(&self) -> String {
        match &self.by {
            Voucher::Client if self.cancelled => "Not run: the question was put away.".to_owned(),
            Voucher::Client => "Not run: the user declined.".to_owned(),
            Voucher::User { subject, reason, .. } => {
                let who = super::text::safe(subject, 100);
                match reason {
                    Some(reason) => format!("Not run: declined by {who}: {reason}"),
                    None => format!("Not run: declined by {who}."),
                }
            }
        }
    }
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

    /// Forgets what is not needed any more; called every few seconds.
    fn sweep(&self) {}

    /// Takes a response that a client of the legacy era posted.
    async fn receive(&self, principal: Option<&Principal>, session: &str, response: &Message) -> Received;
}
