//! Calls that a person confirmed.
//!
//! 1. A [`Rule`] says what a tool needs; a [`Preview`] says what a call would do; [`choose`] says how this client can be
//!    asked.
//! 2. A confirmation is good for one principal, tool, set of arguments and previewed state, once, for a short time.
//! 3. What a model sends about confirming (`confirm`, `confirmed`) means nothing here.

mod digest;
mod preview;
mod render;
mod rule;
mod seal;
mod text;
mod way;

pub use digest::Digest;
pub use preview::{Change, Preview, PreviewCall, PreviewError, Previewer};
pub use rule::Rule;
pub use seal::StateRefusal;
pub use way::{Client, Confirmation, Fallback, Phrase, Way, choose};
