//! One record, several sinks.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use crate::audit::Record;
use crate::audit::sink::{
    Acknowledged, Acknowledgement, AuditError, AuditSink, Begun, Closing, NoRoom, Room, count_lost,
};

/// Hands each record to all of its sinks. Every required one has to acknowledge; what an optional one does not take is
/// counted.
#[derive(Clone, Default)]
pub struct FanOut {
    required: Vec<Arc<dyn AuditSink>>,
    optional: Vec<Arc<dyn AuditSink>>,
}

impl FanOut {
    /// No sinks yet. Without a required one nothing that writes is taken.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing runs that this sink did not take.
    #[must_use]
    pub fn required(mut self, sink: impl AuditSink) -> Self {
        self.required.push(Arc::new(sink));
        self
    }

    /// What this sink does not take is counted.
    #[must_use]
    pub fn optional(mut self, sink: impl AuditSink) -> Self {
        self.optional.push(Arc::new(sink));
        self
    }
}

impl fmt::Debug for FanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut")
            .field("required", &self.required.len())
            .field("optional", &self.optional.len())
            .finish()
    }
}

struct Rooms(Vec<Box<dyn Room>>);

impl Room for Rooms {
    fn finish(self: Box<Self>, outcome: Record) {
        for room in self.0 {
            room.finish(outcome.clone());
        }
    }
}

impl AuditSink for FanOut {
    fn begin(&self, intent: Record, need: Acknowledgement) -> Result<Begun, AuditError> {
        if self.required.is_empty() && need > Acknowledgement::Queued {
            return Err(AuditError::NotRunning);
        }
        let mut rooms: Vec<Box<dyn Room>> = Vec::with_capacity(self.required.len() + self.optional.len());
        let mut waiting: Vec<Acknowledged> = Vec::new();
        for sink in &self.required {
            let begun = match sink.begin(intent.clone(), need) {
                Ok(begun) => begun,
                Err(error) => {
                    // Those that have the intent are told that it did not run.
                    let refused = intent.clone().into_denied();
                    rooms.into_iter().for_each(|room| room.finish(refused.clone()));
                    return Err(error);
                }
            };
            rooms.push(begun.room);
            waiting.extend(begun.acknowledged);
        }
        for sink in &self.optional {
            rooms.push(match sink.begin(intent.clone(), Acknowledgement::Queued) {
                Ok(begun) => begun.room,
                Err(_) => {
                    count_lost("optional", 1);
                    Box::new(NoRoom)
                }
            });
        }
        let acknowledged = (!waiting.is_empty()).then(|| {
            Box::pin(async move {
                for sink in waiting {
                    sink.await?;
                }
                Ok(())
            }) as Acknowledged
        });
        Ok(Begun { room: Box::new(Rooms(rooms)), acknowledged })
    }

    fn record(&self, event: Record) {
        for sink in self.required.iter().chain(&self.optional) {
            sink.record(event.clone());
        }
    }

    fn close(&self) -> Closing {
        // All begin to close before one of them is waited for.
        let mut all: Vec<Closing> =
            self.required.iter().chain(&self.optional).map(AuditSink::close).collect();
        Box::pin(std::future::poll_fn(move |context| {
            all.retain_mut(|closing| closing.as_mut().poll(context).is_pending());
            if all.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        }))
    }
}
