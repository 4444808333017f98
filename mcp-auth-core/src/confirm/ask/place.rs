//! The places of a session's questions, and how one is given back whose stream was dropped.
//!
//! 1. A question holds its place until it is answered, or dropped: a client that leaves does not keep others from asking.
//! 2. Dropping cannot wait for a store, so what was dropped is noted, and removed before the next question of any session
//!    and by the guard's background, which is for the other processes.
//! 3. If the store fails then, the entry is left to expire.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::store::{Key, Store, StoreExt};

/// What was dropped and is still to be removed. Cheap to clone.
#[derive(Clone, Default)]
pub(in super::super) struct Dropped {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    keys: Mutex<Vec<Key>>,
    more: Notify,
}

impl Dropped {
    /// Removes what was dropped.
    pub(in super::super) async fn remove(&self, store: &dyn Store) {
        // One at a time: this may be dropped itself.
        while let Some(key) = self.next() {
            if let Err(error) = store.remove(&key).await {
                tracing::warn!(%error, "a question that nobody waits for is left to expire");
            }
        }
    }

    fn next(&self) -> Option<Key> {
        self.inner.keys.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Until something was dropped.
    pub(in super::super) async fn more(&self) {
        self.inner.more.notified().await;
    }
}

/// One question's place.
pub(in super::super) struct Place {
    key: Option<Key>,
    dropped: Dropped,
}

impl Place {
    pub(super) fn new(key: Key, dropped: &Dropped) -> Self {
        Self { key: Some(key), dropped: dropped.clone() }
    }

    /// The entry is gone: there is nothing left to give back.
    pub(super) fn is_over(&mut self) {
        self.key = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        self.dropped.inner.keys.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        self.dropped.inner.more.notify_one();
    }
}
