//! Keys that were read, by id, for as long as the store says nothing else of them. Bounded.
//!
//! 1. What is read while something changed is not kept: a reader takes the count of changes before it asks the store, and
//!    keeps the answer only if the count is the same when it is put in.
//! 2. A full shard loses any one entry; from then on every change counts as one of a key that somebody came with.
//! 3. Ids that no key has are remembered for five seconds: few, and forgotten all at once when there are too many.

use std::cmp;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::KeyId;
use super::live::Live;
use crate::time::Timestamp;

const SHARDS: usize = 16;
const MAX_ABSENT: usize = 4096;
const ABSENT_FOR: Duration = Duration::from_secs(5);

/// What became of a key that was to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It may be old by now.
    No,
    /// It is held; no other version was.
    First,
    /// It is held instead of an older version: verdicts on that may be about.
    InPlaceOfOlder,
}

type Shard = RwLock<HashMap<KeyId, Arc<Live>>>;

pub(super) struct Cache {
    shards: Box<[Shard]>,
    per_shard: usize,
    hasher: std::hash::RandomState,
    absent: Mutex<HashMap<KeyId, Timestamp>>,
    changes: AtomicU64,
    has_evicted: AtomicBool,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            per_shard: capacity.div_ceil(SHARDS).max(1),
            hasher: std::hash::RandomState::new(),
            absent: Mutex::default(),
            changes: AtomicU64::new(0),
            has_evicted: AtomicBool::new(false),
        }
    }

    pub(super) fn get(&self, id: KeyId) -> Option<Arc<Live>> {
        let shard = self.shard(id)?.read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&id).map(Arc::clone)
    }

    pub(super) fn is_absent(&self, id: KeyId, now: Timestamp) -> bool {
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        absent.get(&id).is_some_and(|until| *until > now)
    }

    /// To be taken before the store is asked.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Keeps what was read since there were `changes`, unless it may be old by now.
    pub(super) fn insert(&self, id: KeyId, live: Arc<Live>, changes: u64) -> Kept {
        let Some(shard) = self.shard(id) else { return Kept::No };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        // Compared under the lock that a change takes after it has counted itself.
        if self.changes() != changes {
            return Kept::No;
        }
        let kept = match shard.get(&id).map(|held| held.version.cmp(&live.version)) {
            None => Kept::First,
            Some(cmp::Ordering::Less) => Kept::InPlaceOfOlder,
            // The held one knows what was noted of it.
            Some(cmp::Ordering::Equal) => return Kept::First,
            Some(cmp::Ordering::Greater) => return Kept::No,
        };
        if shard.len() >= self.per_shard && kept == Kept::First {
            let any = shard.keys().next().copied();
            if let Some(any) = any {
                // Before the entry is gone: a change of it must count from now on.
                self.has_evicted.store(true, Ordering::Release);
                shard.remove(&any);
            }
        }
        shard.insert(id, live);
        kept
    }

    /// Remembers that no key has this id, if nothing changed since there were `changes`.
    pub(super) fn insert_absent(&self, id: KeyId, now: Timestamp, changes: u64) {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        if self.changes() != changes {
            return;
        }
        if absent.len() >= MAX_ABSENT {
            absent.clear();
        }
        absent.insert(id, now.plus(ABSENT_FOR));
    }

    /// Forgets a key that was written at `version`, unless it was read since; true if a verdict on it may be about.
    pub(super) fn changed(&self, id: KeyId, version: u64) -> bool {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(shard) = self.shard(id) {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            if shard.get(&id).is_some_and(|live| live.version < version) {
                shard.remove(&id);
                return true;
            }
        }
        // One that made room may have been read again since: what was said of it before stands with the guard still.
        self.has_evicted.load(Ordering::Acquire)
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn shard(&self, id: KeyId) -> Option<&Shard> {
        let place = usize::try_from(self.hasher.hash_one(id) >> 32).ok()? % SHARDS;
        self.shards.get(place)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::live::Taken;
    use super::super::record::{Origin, Record};
    use super::*;
    use crate::scope::ScopeSet;

    fn live(version: u64) -> Arc<Live> {
        let now = Timestamp::from_secs(1);
        let origin = Origin { prefix: "k", issuer: "i", environment: "e", hash: [0; 32], now };
        let record = Record::new(origin, "n".to_owned(), "o".to_owned(), &ScopeSet::default(), None);
        let taken = Taken { prefix: "k", issuer: "i", environment: "e", due_after: None };
        Arc::new(Live::new("id", &record, version, &taken).unwrap())
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let cache = Cache::new(100);
        let (id, now) = (KeyId::random().unwrap(), Timestamp::from_secs(1));
        let changes = cache.changes();
        assert!(!cache.changed(id, 7), "nobody came with it");
        assert_eq!(cache.insert(id, live(7), changes), Kept::No);
        cache.insert_absent(id, now, changes);
        assert!(cache.get(id).is_none() && !cache.is_absent(id, now));

        let changes = cache.changes();
        for (version, kept) in [(6, Kept::First), (7, Kept::InPlaceOfOlder), (7, Kept::First), (6, Kept::No)]
        {
            assert_eq!(cache.insert(id, live(version), changes), kept);
        }
        assert_eq!(cache.get(id).unwrap().version, 7);
        assert!(!cache.changed(id, 7), "it was read after that");
        assert!(cache.get(id).is_some());
        assert!(cache.changed(id, 8), "a verdict may be about");
        assert!(cache.get(id).is_none());
        let changes = cache.changes();
        cache.clear();
        assert_eq!(cache.insert(id, live(7), changes), Kept::No);
    }

    #[test]
    fn an_id_that_is_no_key_is_forgotten_when_it_becomes_one() {
        let cache = Cache::new(100);
        let (id, now) = (KeyId::random().unwrap(), Timestamp::from_secs(1));
        cache.insert_absent(id, now, cache.changes());
        assert!(cache.is_absent(id, now) && !cache.is_absent(id, now.plus(ABSENT_FOR)));
        assert!(!cache.changed(id, 1));
        assert!(!cache.is_absent(id, now));
    }

    #[test]
    fn both_halves_are_bounded() {
        let cache = Cache::new(32);
        let now = Timestamp::from_secs(1);
        for _ in 0..3 * MAX_ABSENT {
            let id = KeyId::random().unwrap();
            assert_eq!(cache.insert(id, live(7), cache.changes()), Kept::First);
            cache.insert_absent(id, now, cache.changes());
        }
        let kept: usize = cache.shards.iter().map(|shard| shard.read().unwrap().len()).sum();
        assert!(kept <= 32 && cache.absent.lock().unwrap().len() <= MAX_ABSENT);
        assert!(cache.changed(KeyId::random().unwrap(), 1), "one that was pushed out may be about");
        let again = KeyId::random().unwrap();
        assert_eq!(cache.insert(again, live(7), cache.changes()), Kept::First);
        assert!(cache.changed(again, 7), "it may have been one that was pushed out");
    }
}
