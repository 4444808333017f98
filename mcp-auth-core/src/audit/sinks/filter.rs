//! Some of the records.

use std::fmt;

use crate::audit::Record;
use crate::audit::sink::{Acknowledgement, AuditError, AuditSink, Begun, Closing, NoRoom};

/// Hands on the intents and events that a function lets through; an outcome follows its intent. A write that it leaves out does not
/// run, for nobody took it down: keep all writes, or stand beside another sink as an optional one of a [`FanOut`](super::FanOut).
pub struct Filter<S, F> {
    sink: S,
    keep: F,
}

impl<S: AuditSink, F: Fn(&Record) -> bool + Send + Sync + 'static> Filter<S, F> {
    /// Hands on what `keep` says yes to.
    pub fn new(sink: S, keep: F) -> Self {
        Self { sink, keep }
    }
}

impl<S: fmt::Debug, F> fmt::Debug for Filter<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("sink", &self.sink).finish_non_exhaustive()
    }
}

impl<S: AuditSink, F: Fn(&Record) -> bool + Send + Sync + 'static> AuditSink for Filter<S, F> {
    fn begin(&self, intent: Record, need: Acknowledgement) -> Result<Begun, AuditError> {
        if (self.keep)(&intent) {
            return self.sink.begin(intent, need);
        }
        if need > Acknowledgement::Queued {
            return Err(AuditError::NotKept);
        }
        Ok(Begun { room: Box::new(NoRoom), acknowledged: None })
    }

    fn record(&self, event: Record) {
        if (self.keep)(&event) {
            self.sink.record(event);
        }
    }

    fn close(&self) -> Closing {
        self.sink.close()
    }
}
