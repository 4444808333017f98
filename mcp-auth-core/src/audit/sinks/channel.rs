//! Records into the host's own hands.

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::audit::Record;
use crate::audit::sink::{Acknowledged, Acknowledgement, AuditError, AuditSink, Begun, Room, count_lost};

/// A bounded channel. What needs more than `Queued` waits until the host acknowledges it.
#[derive(Clone, Debug)]
pub struct ChannelSink {
    sender: mpsc::Sender<Delivered>,
}

/// The host's end of a [`ChannelSink`].
#[derive(Debug)]
pub struct Deliveries {
    receiver: mpsc::Receiver<Delivered>,
}

/// A record in the host's hands.
#[derive(Debug)]
pub struct Delivered {
    /// The record.
    pub record: Record,
    waiting: Option<oneshot::Sender<Result<(), AuditError>>>,
}

impl ChannelSink {
    /// A channel for `capacity` records, rooms for outcomes included.
    #[must_use]
    pub fn new(capacity: usize) -> (Self, Deliveries) {
        let (sender, receiver) = mpsc::channel(capacity.max(2));
        (Self { sender }, Deliveries { receiver })
    }

    fn room(&self) -> Result<mpsc::OwnedPermit<Delivered>, AuditError> {
        self.sender.clone().try_reserve_owned().map_err(|error| match error {
            TrySendError::Full(_) => AuditError::Full,
            TrySendError::Closed(_) => AuditError::NotRunning,
        })
    }
}

impl Deliveries {
    /// The next record; `None` when the sink and all tickets are gone.
    pub async fn next(&mut self) -> Option<Delivered> {
        self.receiver.recv().await
    }
}

impl Delivered {
    /// Says that the record is kept, or why not, and gives it out.
    pub fn acknowledge(self, kept: Result<(), AuditError>) -> Record {
        if let Some(waiting) = self.waiting {
            // Who stopped waiting does not need it.
            waiting.send(kept).ok();
        }
        self.record
    }
}

struct ChannelRoom(mpsc::OwnedPermit<Delivered>);

impl Room for ChannelRoom {
    fn finish(self: Box<Self>, record: Record) {
        self.0.send(Delivered { record, waiting: None });
    }
}

impl AuditSink for ChannelSink {
    fn begin(&self, record: Record, need: Acknowledgement) -> Result<Begun, AuditError> {
        let (intent, room) = (self.room()?, self.room()?);
        let (waiting, acknowledged) = match need {
            Acknowledgement::Queued => (None, None),
            Acknowledgement::Written | Acknowledgement::Synced => {
                let (sender, receiver) = oneshot::channel();
                let told = async { receiver.await.unwrap_or(Err(AuditError::NotWritten)) };
                (Some(sender), Some(Box::pin(told) as Acknowledged))
            }
        };
        intent.send(Delivered { record, waiting });
        Ok(Begun { room: Box::new(ChannelRoom(room)), acknowledged })
    }

    fn record(&self, record: Record) {
        match self.room() {
            Ok(room) => drop(room.send(Delivered { record, waiting: None })),
            Err(_) => count_lost("channel", 1),
        }
    }
}
