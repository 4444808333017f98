//! What waits to be written.
//!
//! 1. Bounded in records, rooms for outcomes included, and in bytes. Whoever puts something in never waits.
//! 2. The last quarter is kept for writes: reads are dropped and counted, or refused, before writes are refused.
//! 3. While the writer fails, writes are refused at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Record;
use super::sink::{Acknowledgement, AuditError, NoRoom, Room, count_lost};

/// What happens to a read that finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It runs, and is counted as lost; the log says how many were.
    #[default]
    DropAndCount,
    /// It is refused, as writes always are.
    Refuse,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) records: usize,
    pub(super) bytes: usize,
    pub(super) overflow: Overflow,
}

pub(super) type Answer = Result<(), AuditError>;

/// A record that waits, and who waits for it.
pub(super) struct Item {
    pub(super) json: Vec<u8>,
    pub(super) need: Acknowledgement,
    pub(super) waiting: Option<oneshot::Sender<Answer>>,
}

impl Item {
    /// Whoever stopped waiting does not need the answer.
    pub(super) fn answer(&mut self, answer: Answer) {
        if let Some(waiting) = self.waiting.take() {
            waiting.send(answer).ok();
        }
    }
}

#[derive(Default)]
struct State {
    items: Vec<Item>,
    bytes: usize,
    /// Rooms that are held.
    rooms: usize,
    lost: u64,
    sleeps: bool,
    failing: bool,
    closing: bool,
    ended: bool,
}

/// Between the callers and the writer.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    bounds: Bounds,
}

/// What the writer takes.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) lost: u64,
    pub(super) rooms: usize,
    pub(super) closing: bool,
}

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), wake: Condvar::new(), bounds })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an intent and reserves a room for its outcome.
    pub(super) fn begin(
        self: &Arc<Self>,
        record: Record,
        need: Acknowledgement,
        waiting: Option<oneshot::Sender<Answer>>,
    ) -> Result<Box<dyn Room>, AuditError> {
        let writes = need > Acknowledgement::Queued || record.effect().writes();
        let item = Item { json: record.into_json(), need, waiting };
        let mut state = self.state();
        if let Err(error) = self.check(&state, writes, item.json.len(), 2) {
            if writes || error == AuditError::NotRunning || self.bounds.overflow == Overflow::Refuse {
                return Err(error);
            }
            state.lost += 1;
            drop(state);
            count_lost("queue", 1);
            return Ok(Box::new(NoRoom));
        }
        state.rooms += 1;
        self.put(state, item);
        Ok(Box::new(QueueRoom { queue: Arc::clone(self), used: false }))
    }

    /// Takes an event.
    pub(super) fn record(&self, record: Record) {
        let writes = record.effect().writes();
        let item = Item { json: record.into_json(), need: Acknowledgement::Queued, waiting: None };
        let mut state = self.state();
        if self.check(&state, writes, item.json.len(), 1).is_err() {
            state.lost += 1;
            drop(state);
            count_lost("queue", 1);
            return;
        }
        self.put(state, item);
    }

    fn check(&self, state: &State, writes: bool, bytes: usize, places: usize) -> Answer {
        if state.closing || state.ended {
            return Err(AuditError::NotRunning);
        }
        if state.failing && writes {
            return Err(AuditError::NotWritten);
        }
        let part = |bound: usize| if writes { bound } else { bound - bound / 4 };
        let is_full = state.items.len() + state.rooms + places > part(self.bounds.records)
            || state.bytes + bytes > part(self.bounds.bytes);
        if is_full { Err(AuditError::Full) } else { Ok(()) }
    }

    fn put(&self, mut state: MutexGuard<'_, State>, item: Item) {
        state.bytes += item.json.len();
        state.items.push(item);
        // A writer that is awake looks again before it sleeps.
        if std::mem::take(&mut state.sleeps) {
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Everything that waits, in place of `spare`, which is empty; after `at_most` at the latest.
    pub(super) fn take(&self, spare: Vec<Item>, at_most: Duration) -> Batch {
        let mut state = self.state();
        if state.items.is_empty() && !state.closing {
            state.sleeps = true;
            state = self.wake.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0;
            state.sleeps = false;
        }
        state.bytes = 0;
        let items = std::mem::replace(&mut state.items, spare);
        let lost = std::mem::take(&mut state.lost);
        Batch { items, lost, rooms: state.rooms, closing: state.closing }
    }

    /// While the writer fails, what it holds counts as waiting.
    pub(super) fn give_back(&self, mut items: Vec<Item>, lost: u64) {
        let mut state = self.state();
        state.lost += lost;
        state.bytes += items.iter().map(|item| item.json.len()).sum::<usize>();
        items.append(&mut state.items);
        state.items = items;
    }

    pub(super) fn set_failing(&self, failing: bool) {
        self.state().failing = failing;
    }

    /// No new intents; the outcomes that have room are still taken.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.wake.notify_one();
    }

    /// The writer is gone: whoever waits is told.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        let left = std::mem::take(&mut state.items);
        let lost = std::mem::take(&mut state.lost) + left.len() as u64;
        drop(state);
        count_lost("queue", left.len() as u64);
        left.into_iter().for_each(|mut item| item.answer(Err(AuditError::NotRunning)));
        if lost > 0 {
            tracing::error!(lost, "the audit ended before everything was written");
        }
    }

    /// How many records and rooms there are.
    pub(super) fn depth(&self) -> usize {
        let state = self.state();
        state.items.len() + state.rooms
    }
}

struct QueueRoom {
    queue: Arc<Queue>,
    used: bool,
}

impl Room for QueueRoom {
    fn finish(mut self: Box<Self>, outcome: Record) {
        self.used = true;
        let item = Item { json: outcome.into_json(), need: Acknowledgement::Queued, waiting: None };
        let mut state = self.queue.state();
        state.rooms = state.rooms.saturating_sub(1);
        if state.ended {
            drop(state);
            count_lost("queue", 1);
            return;
        }
        self.queue.put(state, item);
    }
}

impl Drop for QueueRoom {
    fn drop(&mut self) {
        if !self.used {
            let mut state = self.queue.state();
            state.rooms = state.rooms.saturating_sub(1);
        }
    }
}
