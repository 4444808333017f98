//! Where records go.
//!
//! 1. [`AuditSink::begin`] takes an intent and reserves room for its outcome; it never waits. Who needs to know that
//!    the intent was written waits for [`Begun::acknowledged`].
//! 2. [`Room::finish`] cannot fail: the room was there before the call ran.
//! 3. A sink that cannot take a write's intent says so, and the write does not run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::Record;

/// How far an intent has to have come before its call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acknowledgement {
    /// It waits in memory: a process that is killed loses it.
    Queued,
    /// The operating system has it: a process that is killed does not lose it.
    Written,
    /// The disk has it.
    Synced,
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// More waits than may.
    #[error("the audit's queue is full")]
    Full,
    /// The `Background` that writes was not spawned, or has ended.
    #[error("the audit is not running: spawn its Background")]
    NotRunning,
    /// It could not be written.
    #[error("the audit cannot be written")]
    NotWritten,
    /// It was not written in time.
    #[error("the audit was not written in time")]
    TimedOut,
    /// The sink does not keep it: it filters, or only exports.
    #[error("the audit's sink does not keep it")]
    NotKept,
}

impl AuditError {
    /// A stable word for logs and metrics.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::NotRunning => "not_running",
            Self::NotWritten => "not_written",
            Self::TimedOut => "timed_out",
            Self::NotKept => "not_kept",
        }
    }
}

/// Tells when an intent has come as far as was asked for.
pub type Acknowledged = Pin<Box<dyn Future<Output = Result<(), AuditError>> + Send>>;

/// Completes when a sink has written what it took.
pub type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The room for an outcome. One that is dropped gives the room back.
pub trait Room: Send + Sync {
    /// Takes the outcome.
    fn finish(self: Box<Self>, outcome: Record);
}

/// An intent that a sink has taken.
#[must_use = "the call may run when it is acknowledged"]
pub struct Begun {
    /// Room for its outcome.
    pub room: Box<dyn Room>,
    /// To wait for; `None` where nothing has to be waited for.
    pub acknowledged: Option<Acknowledged>,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("waits", &self.acknowledged.is_some()).finish_non_exhaustive()
    }
}

/// Keeps records. Implementations are shared behind `Arc`.
pub trait AuditSink: Send + Sync + 'static {
    /// Takes an intent, acknowledged as `need` demands.
    ///
    /// # Errors
    /// [`AuditError`] if it is not taken.
    fn begin(&self, intent: Record, need: Acknowledgement) -> Result<Begun, AuditError>;

    /// Takes an event that ended where it began. What cannot be taken is counted.
    fn record(&self, event: Record);

    /// Takes no more intents, and completes when what was taken is written. Unless told there is nothing to write.
    fn close(&self) -> Closing {
        Box::pin(std::future::ready(()))
    }
}

impl<S: AuditSink + ?Sized> AuditSink for Arc<S> {
    fn begin(&self, intent: Record, need: Acknowledgement) -> Result<Begun, AuditError> {
        (**self).begin(intent, need)
    }

    fn record(&self, event: Record) {
        (**self).record(event);
    }

    fn close(&self) -> Closing {
        (**self).close()
    }
}

/// A room where there is none to reserve.
#[derive(Debug)]
pub(super) struct NoRoom;

impl Room for NoRoom {
    fn finish(self: Box<Self>, _: Record) {}
}

/// Counts a record that no sink has.
pub(super) fn count_lost(sink: &'static str, count: u64) {
    metrics::counter!("mcp_auth_audit_lost_total", "sink" => sink).increment(count);
}
