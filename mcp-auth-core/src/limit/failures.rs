//! How often somebody may fail.
//!
//! 1. Each failure costs one cell of whoever failed; cells come back with time.
//! 2. Whoever has no cell is blocked until one is back: ask [`FailureBudget::blocked`] before doing any work.
//! 3. The table is bounded; at the bound further keys are counted with nobody, and blocked together.
//!
//! ```
//! use std::num::NonZeroU32;
//! use mcp_auth_core::limit::FailureBudget;
//!
//! let budget = FailureBudget::new(NonZeroU32::MIN);
//! budget.note_failure(&"ada");
//! assert!(budget.blocked(&"ada").is_none());
//! budget.note_failure(&"ada");
//! assert!(budget.blocked(&"ada").is_some());
//! assert!(budget.blocked(&"bob").is_none());
//! ```

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultKeyedRateLimiter, Quota};

const MAX_KEYS: usize = 100_000;

/// Counts failures by key. `None` is the key of everybody who has none.
#[derive(Debug)]
pub struct FailureBudget<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<Option<K>>,
    blocked: Mutex<HashMap<Option<K>, Instant>>,
    any_blocked: AtomicUsize,
}

impl<K: Hash + Eq + Clone> FailureBudget<K> {
    /// Allows `per_minute` failures a minute for each key.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(Quota::per_minute(per_minute)),
            blocked: Mutex::default(),
            any_blocked: AtomicUsize::new(0),
        }
    }

    /// How long `key` has to wait; `None` if it may go on. One atomic load while nobody is blocked.
    pub fn blocked(&self, key: &K) -> Option<Duration> {
        if self.any_blocked.load(Ordering::Acquire) == 0 {
            return None;
        }
        let blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        let until = blocked.get(&self.entry(key))?;
        until.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    /// Notes a failure.
    pub fn note_failure(&self, key: &K) {
        let key = self.entry(key);
        if let Err(not_until) = self.limiter.check_key(&key) {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(self.limiter.clock()));
            let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
            blocked.insert(key, Instant::now() + wait);
            self.any_blocked.store(blocked.len(), Ordering::Release);
        }
    }

    /// Forgets keys whose cells are all back.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        let now = Instant::now();
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        blocked.retain(|_, until| *until > now);
        self.any_blocked.store(blocked.len(), Ordering::Release);
    }

    fn entry(&self, key: &K) -> Option<K> {
        (self.limiter.len() < MAX_KEYS).then(|| key.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::limit::address_key;

    #[test]
    fn a_flood_blocks_its_address_only() {
        let budget = FailureBudget::new(NonZeroU32::new(3).unwrap());
        let key = |text: &str| address_key(Some(text.parse().unwrap()));
        for _ in 0..4 {
            budget.note_failure(&key("192.0.2.1"));
            budget.note_failure(&key("2001:db8::1"));
        }
        assert!(budget.blocked(&key("192.0.2.1")).is_some());
        assert!(budget.blocked(&key("192.0.2.2")).is_none());
        assert!(budget.blocked(&key("2001:db8::2")).is_some(), "one /64 is one address");
    }
}
