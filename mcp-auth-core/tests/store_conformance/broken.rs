//! A small store with one flaw at a time.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mcp_auth_core::store::{Change, Committed, Condition, Entry, Key, Store, StoreError, Watch, Write};
use mcp_auth_core::time::Clock;
use tokio::sync::broadcast;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flaw {
    None,
    CountsVersionsAnew,
    KeepsToTheEdge,
    CountsExpiredAsPresent,
    ScansExpired,
    ScansBackwards,
    RepeatsTheLastOfAPage,
    CutsIdsAtZero,
    JoinsKeys,
    WritesHalf,
    SpansPartitions,
    ForgetsVersions,
    ChecksThenWrites,
    TellsNothing,
    IsNeverAlive,
    LosesTheNewestWhenDropped,
}

/// The store, and what is wrong with it.
pub(crate) struct Broken {
    flaw: Flaw,
    clock: Clock,
    entries: Mutex<BTreeMap<Key, Entry>>,
    version: Mutex<u64>,
    changes: broadcast::Sender<Change>,
}

impl Broken {
    pub(crate) fn new(flaw: Flaw, clock: Clock) -> Self {
        let changes = broadcast::Sender::new(1024);
        Self { flaw, clock, entries: Mutex::default(), version: Mutex::default(), changes }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn place(&self, key: &Key) -> Key {
        let mut place = key.clone();
        if self.is(Flaw::CutsIdsAtZero) {
            place.id.truncate(place.id.find('\0').unwrap_or(place.id.len()));
        }
        if self.is(Flaw::JoinsKeys) {
            (place.id, place.partition) = (format!("{}{}", place.partition, place.id), String::new());
        }
        place
    }

    fn is_live(&self, entry: &Entry) -> bool {
        let now = self.clock.now();
        entry.expires_at.is_none_or(|at| at > now || (self.is(Flaw::KeepsToTheEdge) && at == now))
    }

    fn holds(&self, write: &Write) -> bool {
        let entries = self.entries.lock().unwrap();
        let entry = entries
            .get(&self.place(&write.key))
            .filter(|entry| self.is(Flaw::CountsExpiredAsPresent) || self.is_live(entry));
        match (write.condition, entry) {
            (Condition::Any, _) | (Condition::Absent, None) => true,
            (Condition::Version(wanted), Some(entry)) => {
                self.is(Flaw::ForgetsVersions) || entry.version == wanted
            }
            _ => false,
        }
    }

    fn apply(&self, write: &Write) {
        let place = self.place(&write.key);
        let mut entries = self.entries.lock().unwrap();
        let mut version = self.version.lock().unwrap();
        *version += 1;
        if self.is(Flaw::CountsVersionsAnew) {
            *version = entries.get(&place).map_or(1, |entry| entry.version + 1);
        }
        let key = write.key.clone();
        if let Some((value, expires_at)) = write.content.clone() {
            let (id, version) = (key.id.clone(), *version);
            entries.insert(place, Entry { id, value, version, expires_at });
        } else {
            entries.remove(&place);
        }
        if !self.is(Flaw::TellsNothing) {
            drop(self.changes.send(Change::Changed { key, version: *version }));
        }
    }
}

#[async_trait]
impl Store for Broken {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let entry = self.entries.lock().unwrap().get(&self.place(key)).cloned();
        Ok(entry.filter(|entry| self.is_live(entry)))
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let start = self.place(&Key::new(collection.to_owned(), partition, after.unwrap_or("")));
        let from = match after {
            Some(_) if !self.is(Flaw::RepeatsTheLastOfAPage) => Bound::Excluded(start.clone()),
            _ => Bound::Included(start.clone()),
        };
        let entries = self.entries.lock().unwrap();
        let mut page: Vec<_> = entries
            .range((from, Bound::Unbounded))
            .take_while(|(key, _)| key.collection == collection && key.partition == start.partition)
            .map(|(_, entry)| entry.clone())
            .filter(|entry| self.is(Flaw::ScansExpired) || self.is_live(entry))
            .take(limit)
            .collect();
        if self.is(Flaw::ScansBackwards) {
            page.reverse();
        }
        Ok(page)
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        let place = |write: &Write| (write.key.collection.clone(), write.key.partition.clone());
        if !self.is(Flaw::SpansPartitions)
            && writes.iter().any(|w| place(w) != place(writes.first().unwrap()))
        {
            return Err(StoreError::SpansPartitions);
        }
        if self.is(Flaw::WritesHalf) {
            for write in &writes {
                if !self.holds(write) {
                    return Ok(Committed::Conflict);
                }
                self.apply(write);
            }
            return Ok(Committed::Yes);
        }
        if !writes.iter().all(|write| self.holds(write)) {
            return Ok(Committed::Conflict);
        }
        if self.is(Flaw::ChecksThenWrites) {
            tokio::task::yield_now().await;
        }
        writes.iter().for_each(|write| self.apply(write));
        Ok(Committed::Yes)
    }

    fn watch(&self) -> Watch {
        let receiver = self.changes.subscribe();
        if self.is(Flaw::IsNeverAlive) { Watch::new(receiver) } else { Watch::in_process(receiver) }
    }
}

/// Memory that a reopened store finds again, with or without what was written last.
#[derive(Clone)]
pub(crate) struct Storage(pub(crate) Arc<Broken>);

impl Drop for Storage {
    fn drop(&mut self) {
        if self.0.is(Flaw::LosesTheNewestWhenDropped) {
            let mut entries = self.0.entries.lock().unwrap();
            let newest = entries.iter().max_by_key(|(_, entry)| entry.version).map(|(key, _)| key.clone());
            newest.map(|key| entries.remove(&key));
        }
    }
}

#[async_trait]
impl Store for Storage {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.0.get(key).await
    }
    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.0.scan(collection, partition, after, limit).await
    }
    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        // A writer that is cut off here has written nothing.
        tokio::task::yield_now().await;
        self.0.commit(writes).await
    }
    fn watch(&self) -> Watch {
        self.0.watch()
    }
}
