//! A store in this process's memory: bounded, expiring, gone at the end.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;

use super::{Change, Committed, Condition, Entry, Key, MAX_VALUE, Store, StoreError, Watch, Write};
use crate::time::{Clock, Timestamp};

const DEFAULT_CAPACITY: usize = 100_000;
const WATCH_BUFFER: usize = 1024;

/// Keeps entries in memory, in order. Expired ones make room when the bound is reached; then writes of new
/// entries fail with [`StoreError::Full`] rather than push out what is still valid.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Clock,
    capacity: usize,
    inner: Mutex<Inner>,
    changes: broadcast::Sender<Change>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: BTreeMap<Key, Stored>,
    version: u64,
}

#[derive(Debug)]
struct Stored {
    value: Bytes,
    version: u64,
    expires_at: Option<Timestamp>,
}

impl Stored {
    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }

    fn to_entry(&self, id: &str) -> Entry {
        Entry {
            id: id.to_owned(),
            value: self.value.clone(),
            version: self.version,
            expires_at: self.expires_at,
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Clock::system(), DEFAULT_CAPACITY)
    }
}

impl MemoryStore {
    /// An empty store that holds at most `capacity` entries.
    #[must_use]
    pub fn new(clock: Clock, capacity: usize) -> Self {
        Self { clock, capacity, inner: Mutex::default(), changes: broadcast::Sender::new(WATCH_BUFFER) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let now = self.clock.now();
        Ok(self
            .lock()
            .entries
            .get(key)
            .filter(|stored| stored.is_live(now))
            .map(|stored| stored.to_entry(&key.id)))
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let now = self.clock.now();
        let start = Key::new(collection.to_owned(), partition, after.unwrap_or(""));
        let from = if after.is_some() { Bound::Excluded(start) } else { Bound::Included(start) };
        Ok(self
            .lock()
            .entries
            .range((from, Bound::Unbounded))
            .take_while(|(key, _)| key.collection == collection && key.partition == partition)
            .filter(|(_, stored)| stored.is_live(now))
            .take(limit)
            .map(|(key, stored)| stored.to_entry(&key.id))
            .collect())
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        if let [first, rest @ ..] = writes.as_slice() {
            let same = |w: &Write| {
                w.key.collection == first.key.collection && w.key.partition == first.key.partition
            };
            if !rest.iter().all(same) {
                return Err(StoreError::SpansPartitions);
            }
        }
        if writes.iter().filter_map(|write| write.content.as_ref()).any(|(value, _)| value.len() > MAX_VALUE)
        {
            return Err(StoreError::TooLarge);
        }
        let now = self.clock.now();
        let mut inner = self.lock();
        for write in &writes {
            let version = inner
                .entries
                .get(&write.key)
                .filter(|stored| stored.is_live(now))
                .map(|stored| stored.version);
            let holds = match write.condition {
                Condition::Absent => version.is_none(),
                Condition::Version(wanted) => version == Some(wanted),
                Condition::Any => true,
            };
            if !holds {
                return Ok(Committed::Conflict);
            }
        }
        let grows = |inner: &Inner| {
            writes.iter().filter(|w| w.content.is_some() && !inner.entries.contains_key(&w.key)).count()
        };
        if inner.entries.len() + grows(&inner) > self.capacity {
            inner.entries.retain(|_, stored| stored.is_live(now));
            if inner.entries.len() + grows(&inner) > self.capacity {
                return Err(StoreError::Full);
            }
        }
        for write in writes {
            inner.version += 1;
            let version = inner.version;
            match write.content {
                Some((value, expires_at)) => {
                    inner.entries.insert(write.key.clone(), Stored { value, version, expires_at });
                }
                None => {
                    inner.entries.remove(&write.key);
                }
            }
            // No receiver is no failure: nobody watches.
            if self.changes.receiver_count() > 0 {
                drop(self.changes.send(Change::Changed { key: write.key, version }));
            }
        }
        Ok(Committed::Yes)
    }

    fn watch(&self) -> Watch {
        Watch::in_process(self.changes.subscribe())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::time::Duration;

    use super::*;
    use crate::store::StoreExt;

    #[tokio::test]
    async fn an_expired_entry_is_gone_and_makes_room() {
        let clock = Clock::manual(Timestamp::from_secs(1000));
        let store = MemoryStore::new(clock.clone(), 1);
        let (a, b) = (Key::new("c", "p", "a"), Key::new("c", "p", "b"));
        store.put(&a, "1", Some(Timestamp::from_secs(1010))).await.unwrap();
        assert!(matches!(store.put(&b, "2", None).await, Err(StoreError::Full)));
        clock.advance(Duration::from_secs(10));
        assert_eq!(store.get(&a).await.unwrap(), None);
        store.put(&b, "2", None).await.unwrap();
        assert_eq!(store.scan("c", "p", None, 10).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn versions_are_not_reused_and_conflicts_write_nothing() {
        let store = MemoryStore::default();
        let key = Key::new("c", "p", "a");
        store.put(&key, "1", None).await.unwrap();
        let first = store.get(&key).await.unwrap().unwrap();
        store.remove(&key).await.unwrap();
        store.put(&key, "2", None).await.unwrap();
        assert!(!store.replace(&key, first.version, "3", None).await.unwrap());
        assert_eq!(store.get(&key).await.unwrap().unwrap().value, "2");
        let taken = store.take(&key).await.unwrap().unwrap();
        assert_eq!(taken.value, "2");
        assert!(store.take(&key).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn pages_follow_each_other_and_watch_tells() {
        let store = MemoryStore::default();
        let mut watch = store.watch();
        for id in ["a", "b", "c"] {
            store.put(&Key::new("c", "p", id), id, None).await.unwrap();
        }
        let page = store.scan("c", "p", None, 2).await.unwrap();
        let next = store.scan("c", "p", Some(&page[1].id), 2).await.unwrap();
        assert_eq!(next.len(), 1);
        assert!(matches!(watch.next().await, Some(Change::Changed { key, .. }) if key.id == "a"));
    }
}
