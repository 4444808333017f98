//! A store that counts what it is asked, and fails or goes silent as a case wants it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mcp_auth_core::store::{Change, Committed, Entry, Key, MemoryStore, Store, StoreError, Watch, Write};
use mcp_auth_core::time::Clock;
use tokio::sync::broadcast;

/// Keeps entries in memory. Who watches hears of changes, and nothing else: no sign of life is made up, so a view is
/// believed for as long as its clock stands. Clones are the same store.
#[derive(Clone)]
pub struct TestStore(Arc<Inner>);

struct Inner {
    entries: MemoryStore,
    changes: broadcast::Sender<Change>,
    reads: Mutex<Vec<String>>,
    is_down: AtomicBool,
    is_silent: AtomicBool,
}

impl TestStore {
    /// An empty store that answers.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            entries: MemoryStore::new(clock, 1000),
            changes: broadcast::Sender::new(100),
            reads: Mutex::default(),
            is_down: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
        }))
    }

    /// The store, as it is handed on.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    /// How often an entry of this collection was asked for since the last asking, of whichever collection.
    pub fn reads(&self, collection: &str) -> usize {
        let reads = std::mem::take(&mut *self.0.reads.lock().unwrap_or_else(PoisonError::into_inner));
        reads.iter().filter(|read| *read == collection).count()
    }

    /// Answers nothing from now on, or again.
    pub fn set_down(&self, is_down: bool) {
        self.0.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Tells nobody of changes from now on.
    pub fn fall_silent(&self) {
        self.0.is_silent.store(true, Ordering::SeqCst);
    }

    fn entries(&self) -> Result<&MemoryStore, StoreError> {
        if self.0.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("secret reason".into()));
        }
        Ok(&self.0.entries)
    }
}

#[async_trait]
impl Store for TestStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.0.reads.lock().unwrap_or_else(PoisonError::into_inner).push(key.collection.to_string());
        self.entries()?.get(key).await
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.entries()?.scan(collection, partition, after, limit).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        let keys: Vec<Key> = writes.iter().map(|write| write.key.clone()).collect();
        let committed = self.entries()?.commit(writes).await?;
        if committed == Committed::Yes && !self.0.is_silent.load(Ordering::SeqCst) {
            for key in keys {
                // Newer than whatever was read; without a receiver nobody watches.
                drop(self.0.changes.send(Change::Changed { key, version: u64::MAX }));
            }
        }
        Ok(committed)
    }

    fn watch(&self) -> Watch {
        Watch::new(self.0.changes.subscribe())
    }
}
