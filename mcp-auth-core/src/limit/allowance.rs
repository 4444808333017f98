//! So many in a minute for each key, and so many for all keys together.
//!
//! 1. Minutes follow one another: with a new one, everything is forgotten.
//! 2. As many keys are known as were allowed something: the table is bounded by what all may have together.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Counts by key, in this process.
#[derive(Debug)]
pub(crate) struct Allowance<K> {
    each: u32,
    all: u32,
    minute: Mutex<Minute<K>>,
}

#[derive(Debug)]
struct Minute<K> {
    began: Instant,
    all: u32,
    each: HashMap<K, u32>,
}

impl<K: Hash + Eq> Allowance<K> {
    pub(crate) fn new(each: u32, all: u32) -> Self {
        Self { each, all, minute: Mutex::new(Minute { began: Instant::now(), all: 0, each: HashMap::new() }) }
    }

    /// Whether `key` may have one more in this minute; if so, it has.
    pub(crate) fn take(&self, key: K) -> bool {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: K, now: Instant) -> bool {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(minute.began) >= MINUTE {
            *minute = Minute { began: now, all: 0, each: HashMap::new() };
        }
        if minute.all >= self.all {
            return false;
        }
        let had = minute.each.entry(key).or_insert(0);
        if *had >= self.each {
            return false;
        }
        *had += 1;
        minute.all += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_has_its_own_and_all_have_a_bound() {
        let (allowance, start) = (Allowance::new(2, 5), Instant::now());
        let taken = |key: u32, seconds| allowance.take_at(key, start + Duration::from_secs(seconds));
        assert_eq!([taken(1, 0), taken(1, 1), taken(1, 2)], [true, true, false]);
        assert_eq!([taken(2, 3), taken(3, 3), taken(4, 3), taken(5, 3)], [true, true, true, false]);
        assert_eq!(allowance.minute.lock().unwrap().each.len(), 4);
        assert_eq!([taken(1, 61), taken(1, 61), taken(1, 61)], [true, true, false]);
    }
}
