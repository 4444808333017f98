//! Calls that a person confirmed.
//!
//! 1. A [`Rule`] says what a tool needs; a [`Preview`] says what a call would do; [`choose`] says how this client can be
//!    asked; a [`ConfirmationGate`] joins them and answers with a [`Passage`].
//! 2. A confirmation is good for one principal, tool, set of arguments and previewed state, once, for a short time.
//! 3. Only [`Passage::Pass`] runs a call. What the store, the preview or the client does not tell runs nothing.
//! 4. What a model sends about confirming (`confirm`, `confirmed`) means nothing here, and a [`Voucher`] says who vouches:
//!    a client can answer its own questions, a person on an approval page cannot be made up.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use mcp_auth_core::confirm::{Call, Client, ConfirmationGate, Passage, Preview, PreviewCall, Rule, StoreGate};
//! use mcp_auth_core::mcp::{Era, Limits, Message, Raw};
//! use mcp_auth_core::store::{KeyRing, MemoryStore};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let gate = StoreGate::new("https://mcp.example/mcp", Arc::new(MemoryStore::default()), KeyRing::generate()?);
//! let rule = Rule::destructive()
//!     .preview(|_: PreviewCall| async { Ok(Preview::new("Delete a note").removes("Shopping").irreversible()) });
//!
//! let body = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete"}}"#);
//! let message = Message::parse(&body, &Limits::default())?;
//! let capabilities = Raw::parse(br#"{"elicitation":{}}"#, &Limits::default())?;
//! let client = Client::new(Era::Modern, false, Some(capabilities));
//! let (tool, rule) = ("delete", &rule);
//! let call = Call { principal: None, message: &message, tool, rule, client, session: None, extensions: None };
//! assert!(matches!(gate.check(call).await, Passage::Ask(_)), "the user is asked first");
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

pub mod approval;
mod ask;
#[cfg(feature = "testing")]
pub(crate) mod bench;
mod budget;
mod digest;
mod gate;
mod passage;
mod preview;
mod refusal;
mod render;
mod rule;
mod seal;
mod store_gate;
mod text;
mod way;

pub use approval::Approvals;
pub use ask::nested::Continuation;
pub use ask::stream::StreamQuestion;
pub use ask::two_step::{TOKEN_ARGUMENT, add_token_arguments, with_token_argument};
pub use budget::{Budget, Excess, Overspent};
pub use digest::Digest;
pub use gate::{Call, ConfirmationGate, Received};
pub use passage::{Confirmed, Declined, Pass, Passage, Question, Sent, Voucher};
pub use preview::{Change, Preview, PreviewCall, PreviewError, Previewer};
pub use refusal::GateRefusal;
pub use rule::{CONFIRMATION, Rule, UnknownConfirmation};
pub use seal::StateRefusal;
pub use store_gate::{DRY_RUN, REASON, StoreGate};
pub use way::{Client, Confirmation, Fallback, Phrase, Way, choose};
