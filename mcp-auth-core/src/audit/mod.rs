//! Who did what, with which arguments, and who allowed it.
//!
//! 1. An [`Intent`] is recorded before a call runs and its [`Outcome`] after it, under one id; refusals are recorded
//!    too. A write whose intent is not acknowledged as [`Acknowledgement::Written`] does not run.
//! 2. [`Audit::begin`] gives a [`Ticket`] that holds room for the outcome: [`Ticket::finish`] cannot fail, and a ticket
//!    that is dropped records `cut`.
//! 3. Secrets are taken out before anything is queued; no sink ever sees one ([`Redactor`]).
//! 4. What is personal may be sealed with a key of its subject's own ([`personal`]).
//! 5. A line is a line: control and bidi characters are escaped, texts are bounded.
//! 6. [`JsonLines`] chains its lines by hash and signs checkpoints: what is changed, removed or moved afterwards is
//!    found and named ([`chain::Verify`]).
//!
//! ```
//! use mcp_auth_core::audit::{Audit, ChannelSink, Effect, Intent, Outcome};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let (sink, mut deliveries) = ChannelSink::new(16);
//! let audit = Audit::new(sink);
//! let intent = Intent { method: Some("tools/call"), target: Some("list_notes"), ..Intent::default() };
//! let ticket = audit.begin(&intent).await?;
//! ticket.finish(&Outcome::succeeded());
//! assert_eq!(deliveries.next().await.unwrap().record.effect(), Effect::Read);
//! # Ok::<_, mcp_auth_core::audit::AuditError>(()) }).unwrap();
//! ```

pub mod chain;
mod event;
mod id;
mod intent;
mod jsonl;
mod judge;
mod line;
#[cfg(feature = "ocsf")]
pub mod ocsf;
#[cfg(feature = "otel")]
pub mod otel;
pub mod personal;
mod queue;
mod read;
mod record;
mod redact;
mod session;
mod sink;
mod sinks;
mod ticket;

pub use event::{
    AuditClient, AuditConfirmation, AuditEvent, AuditKey, AuditPrincipal, Effect, OutcomeKind, RecordKind,
};
pub use id::{EventId, NoEventId};
pub use intent::{AFTER, BEFORE, Confirmed, Intent, Outcome, Shown};
pub use jsonl::{JsonLines, JsonLinesBuilder, OpenError, SyncPolicy};
pub use line::is_unsafe;
pub use queue::Overflow;
pub use read::{LogLine, LogLines};
pub use record::Record;
pub use redact::{Redactor, Rules};
pub use session::SessionName;
pub use sink::{Acknowledged, Acknowledgement, AuditError, AuditSink, Begun, Closing, Room};
pub use sinks::{ChannelSink, Delivered, Deliveries, Export, FanOut, Filter, TracingSink};
pub use ticket::{Audit, Ticket};
