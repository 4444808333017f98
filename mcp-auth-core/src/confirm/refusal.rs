//! Why a call does not run.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::StateRefusal;
use super::ask::wire;
use crate::mcp::{Id, error_body};
use crate::store::StoreError;

/// The JSON-RPC code of refusals that have none of their own: from the range for implementations.
const REFUSED: i32 = -32000;
const INVALID_PARAMS: i32 = -32602;

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
    /// The principal used up too many confirmations: each is remembered for a while.
    #[error("too many confirmations of the principal were used")]
    TooManyUsed {
        /// When there is room again.
        retry_after: Duration,
    },
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
            Self::TooManyUsed { .. } => "too_many_confirmations",
            Self::Unavailable(_) => "confirmation_unavailable",
        }
    }

    /// The HTTP status of the answer. What a model can act on is a tool's result.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Budget { .. } | Self::TooManyWaiting | Self::TooManyUsed { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        }
    }

    /// When it may be tried again, where that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Budget { retry_after } | Self::TooManyUsed { retry_after } => Some(*retry_after),
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
            Self::NobodyToApprove => {
                "Not run: this has to be approved by a user who can sign in here, and the caller is none."
            }
            Self::State(_) => {
                "Not run: the confirmation is not valid for this call. Call again without it to be asked anew."
            }
            Self::NotConfirmed => "Not run: it was not confirmed as demanded.",
            Self::NoAnswer => "Not run: nobody answered the question.",
            Self::Malformed(text) => text,
            Self::Preview(text) => text,
            Self::Budget { .. } => "Not run: too many changes in a short time.",
            Self::TooManyWaiting => "Not run: too many calls wait for a person already.",
            Self::TooManyUsed { .. } => "Not run: too many confirmations in a short time.",
            Self::Unavailable(_) => "Temporarily unavailable.",
        }
    }

    /// What a model can act on is a tool's result, all else an error.
    pub(super) fn body(&self, id: Option<&Id>, modern: bool) -> Bytes {
        match self {
            Self::Malformed(text) => error_body(id, INVALID_PARAMS, text, None),
            _ if self.status() == StatusCode::OK => wire::text(id, self.text(), true, modern),
            _ => error_body(id, REFUSED, self.text(), Some(json!({ "error": self.kind() }))),
        }
    }
}

impl From<StoreError> for GateRefusal {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
