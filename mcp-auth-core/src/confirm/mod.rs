//! Calls that a person confirmed.
//!
//! 1. A [`Rule`] says what a tool needs; a [`Preview`] says what a call would do; [`choose`] says how this client can be
//!    asked.
//! 2. A confirmation is good for one principal, tool, set of arguments and previewed state, once, for a short time.
//! 3. What a model sends about confirming (`confirm`, `confirmed`) means nothing here.

pub mod approval;
mod ask;
mod budget;
mod digest;
mod gate;
mod preview;
mod render;
mod rule;
mod seal;
mod store_gate;
mod text;
mod way;

pub use approval::Approvals;
pub use ask::nested::Continuation;
pub use ask::stream::StreamQuestion;
pub use ask::two_step::{TOKEN_ARGUMENT, with_token_argument};
pub use budget::{Budget, Excess, Overspent};
pub use digest::Digest;
pub use gate::{
    Call, ConfirmationGate, Confirmed, Declined, GateRefusal, Pass, Passage, Question, Received, Sent,
    Voucher,
};
pub use preview::{Change, Preview, PreviewCall, PreviewError, Previewer};
pub use rule::Rule;
pub use seal::StateRefusal;
pub use store_gate::{DRY_RUN, REASON, StoreGate};
pub use way::{Client, Confirmation, Fallback, Phrase, Way, choose};
