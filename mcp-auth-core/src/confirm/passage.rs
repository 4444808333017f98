//! What becomes of a call.
//!
//! 1. Only [`Passage::Pass`] runs it. Every other passage has its answer ready: [`Passage::answer`].
//! 2. A confirmation says who vouches for it, because a client can answer its own questions.

use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::ask::nested::Continuation;
use super::ask::stream::StreamQuestion;
use super::ask::wire;
use super::{GateRefusal, Preview, Way};
use crate::mcp::Id;
use crate::time::Timestamp;

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
    pub confirmed: Option<Box<Confirmed>>,
    /// Every answer goes through this, where it is given.
    pub continuation: Option<Continuation>,
}

/// Who vouches for a confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A confirmation that was given. Every run of the call has it, also where the tool asks questions of its own and is run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Confirmed {
    /// How it was asked for.
    pub way: Way,
    /// Who vouches for it.
    pub by: Voucher,
    /// When it was taken.
    pub at: Timestamp,
    /// What was shown, and still held when it was taken. In a later run for the tool's own questions a long one has its
    /// [`version`](Preview::version) alone.
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
    /// As an event of the call's own stream, which stays open until [`ConfirmationGate::settle`](super::ConfirmationGate::settle) answers.
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
            Self::Refused(refusal) => Some((refusal.status(), refusal.body(id, modern))),
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
