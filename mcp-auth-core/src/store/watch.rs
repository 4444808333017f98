//! Following a store: what changed, what may have been missed, and that nothing was.

use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};
use tokio::time::{Instant, timeout_at};

use super::Key;

const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// What happened in a watched store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This entry was written or deleted.
    Changed {
        /// Which one.
        key: Key,
        /// Its version after the write.
        version: u64,
    },
    /// Changes may have been missed: scan again.
    Resync,
    /// Nothing was missed up to now. Whoever keeps a view of a store trusts it from one of these to the next, and
    /// for a bounded time after the last.
    Alive,
}

/// Yields the changes of a store from the call of [`Store::watch`](super::Store::watch) on.
#[derive(Debug)]
pub struct Watch {
    receiver: broadcast::Receiver<Change>,
    /// When the next sign of life is due, if this watch gives it itself.
    alive_at: Option<Instant>,
}

impl Watch {
    /// A watch fed by `receiver`, for a store that learns of changes from elsewhere. It sends [`Change::Alive`]
    /// through the channel at least every two seconds, but only while its source answers: what it does not send,
    /// nobody makes up.
    #[must_use]
    pub fn new(receiver: broadcast::Receiver<Change>) -> Self {
        Self { receiver, alive_at: None }
    }

    /// A watch fed by `receiver`, for a store whose only writer is this process: where the channel holds nothing,
    /// nothing was missed, so every second of silence is a [`Change::Alive`]. Needs tokio's timer.
    #[must_use]
    pub fn in_process(receiver: broadcast::Receiver<Change>) -> Self {
        Self { receiver, alive_at: Some(Instant::now() + ALIVE_EVERY) }
    }

    /// The next change; `None` once the store is gone. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Option<Change> {
        let received = match self.alive_at {
            None => self.receiver.recv().await,
            Some(at) => match timeout_at(at, self.receiver.recv()).await {
                Ok(received) => received,
                // A task that used up its turn may be told to wait although something is there.
                Err(_) => match self.receiver.try_recv() {
                    Ok(change) => Ok(change),
                    Err(TryRecvError::Empty) => Ok(Change::Alive),
                    Err(TryRecvError::Lagged(n)) => Err(RecvError::Lagged(n)),
                    Err(TryRecvError::Closed) => Err(RecvError::Closed),
                },
            },
        };
        if self.alive_at.is_some() {
            self.alive_at = Some(Instant::now() + ALIVE_EVERY);
        }
        match received {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => Some(Change::Resync),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::store::{MemoryStore, Store, StoreExt};

    #[tokio::test(start_paused = true)]
    async fn a_quiet_store_says_that_it_is_alive_after_what_it_has_to_tell() {
        let store = MemoryStore::default();
        let mut watch = store.watch();
        store.put(&Key::new("c", "p", "a"), "1", None).await.unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(matches!(watch.next().await, Some(Change::Changed { .. })));
        for _ in 0..3 {
            let before = Instant::now();
            assert_eq!(watch.next().await, Some(Change::Alive));
            assert!(before.elapsed() <= Duration::from_secs(2));
        }
        drop(store);
        assert_eq!(watch.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_asked_in_short_turns_still_tells() {
        let store = MemoryStore::default();
        let mut watch = store.watch();
        let mut told = None;
        for _ in 0..20 {
            told = told.or(timeout(Duration::from_millis(100), watch.next()).await.ok());
        }
        assert_eq!(told, Some(Some(Change::Alive)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_fed_from_elsewhere_makes_nothing_up() {
        let (sender, receiver) = broadcast::channel(2);
        let mut watch = Watch::new(receiver);
        assert!(timeout(Duration::from_secs(60), watch.next()).await.is_err());
        for _ in 0..3 {
            sender.send(Change::Alive).unwrap();
        }
        assert_eq!(watch.next().await, Some(Change::Resync), "one was lost");
        assert_eq!(watch.next().await, Some(Change::Alive));
    }
}
