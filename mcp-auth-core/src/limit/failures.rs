//! How often somebody may fail.
//!
//! 1. Each failure costs one cell of whoever failed; cells come back with time, evenly.
//! 2. Whoever has no cell is blocked until one is back.
//! 3. What takes a while is an [`Attempt`], which holds a cell until it is known how it ends: of many at once no more go on than
//!    may fail, and the others wait for them. One that is left halfway has failed.
//! 4. The table is bounded; at the bound further keys are counted with nobody, and blocked together.
//!
//! ```
//! use std::num::NonZeroU32;
//! use mcp_auth_core::limit::FailureBudget;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let budget = FailureBudget::new(NonZeroU32::MIN);
//! budget.begin(&"ada").await.unwrap().succeeded();
//! budget.begin(&"ada").await.unwrap().failed();
//! assert!(budget.begin(&"ada").await.is_err());
//! assert!(budget.blocked(&"bob").is_none());
//! # });
//! ```

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

const MAX_KEYS: usize = 100_000;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts failures by key. `None` is the key of everybody who has none.
#[derive(Debug)]
pub struct FailureBudget<K: Hash + Eq + Clone> {
    /// How long one cell takes to come back; all of them take a minute.
    cell: Duration,
    accounts: Mutex<HashMap<Option<K>, Account>>,
}

#[derive(Debug)]
struct Account {
    /// When all cells are back that failures cost.
    whole_at: Instant,
    /// How many attempts hold one.
    under_way: u32,
    ended: Arc<Notify>,
}

/// Something that may fail, and has unless it is said to have succeeded.
#[derive(Debug)]
#[must_use = "an attempt that is dropped has failed"]
pub struct Attempt<'a, K: Hash + Eq + Clone> {
    budget: &'a FailureBudget<K>,
    entry: Option<K>,
    has_failed: bool,
}

impl<K: Hash + Eq + Clone> FailureBudget<K> {
    /// Allows `per_minute` failures a minute for each key.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { cell: MINUTE / per_minute.get(), accounts: Mutex::default() }
    }

    /// How long `key` has to wait; `None` if it may go on.
    pub fn blocked(&self, key: &K) -> Option<Duration> {
        let accounts = self.lock();
        accounts.get(&entry(&accounts, key))?.wait(self.cell, Instant::now())
    }

    /// Begins what may fail: now, or when what is under way leaves a cell for it.
    ///
    /// # Errors
    /// How long `key` has to wait, once it has failed too often.
    pub async fn begin(&self, key: &K) -> Result<Attempt<'_, K>, Duration> {
        loop {
            let ended = {
                let mut accounts = self.lock();
                let (now, entry) = (Instant::now(), entry(&accounts, key));
                let account = accounts.entry(entry.clone()).or_insert_with(|| Account::new(now));
                match account.wait(self.cell, now) {
                    None => {
                        account.under_way += 1;
                        return Ok(Attempt { budget: self, entry, has_failed: true });
                    }
                    Some(wait) if account.under_way == 0 => return Err(wait),
                    // Made under the lock: no end from now on is missed.
                    Some(_) => Arc::clone(&account.ended).notified_owned(),
                }
            };
            ended.await;
        }
    }

    /// Notes a failure that nothing was begun for.
    pub fn note_failure(&self, key: &K) {
        let mut accounts = self.lock();
        let (now, entry) = (Instant::now(), entry(&accounts, key));
        accounts.entry(entry).or_insert_with(|| Account::new(now)).fail(self.cell, now);
    }

    /// Forgets keys whose cells are all back.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.lock().retain(|_, account| account.whole_at > now || account.under_way > 0);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<K>, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn new(now: Instant) -> Self {
        Self { whole_at: now, under_way: 0, ended: Arc::default() }
    }

    /// How long until failures leave a cell that nothing holds.
    fn wait(&self, cell: Duration, now: Instant) -> Option<Duration> {
        let owed = self.whole_at.saturating_duration_since(now);
        let held = cell.saturating_mul(self.under_way.saturating_add(1));
        owed.saturating_add(held).checked_sub(MINUTE).filter(|wait| !wait.is_zero())
    }

    /// Nobody owes more than all cells.
    fn fail(&mut self, cell: Duration, now: Instant) {
        self.whole_at = (self.whole_at.max(now) + cell).min(now + MINUTE);
    }
}

impl<K: Hash + Eq + Clone> Attempt<'_, K> {
    /// It did not fail: its cell is free.
    pub fn succeeded(mut self) {
        self.has_failed = false;
    }

    /// It failed.
    pub fn failed(self) {}
}

impl<K: Hash + Eq + Clone> Drop for Attempt<'_, K> {
    fn drop(&mut self) {
        let mut accounts = self.budget.lock();
        let Some(account) = accounts.get_mut(&self.entry) else { return };
        account.under_way = account.under_way.saturating_sub(1);
        if self.has_failed {
            account.fail(self.budget.cell, Instant::now());
        }
        // Who waits goes on, or hears that there is nothing left to wait for.
        if account.under_way == 0 {
            account.ended.notify_waiters();
        } else if !self.has_failed {
            account.ended.notify_one();
        }
    }
}

fn entry<K: Hash + Eq + Clone, V>(keys: &HashMap<Option<K>, V>, key: &K) -> Option<K> {
    let key = Some(key.clone());
    if keys.len() < MAX_KEYS || keys.contains_key(&key) { key } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::limit::address_key;

    fn of(per_minute: u32) -> FailureBudget<u32> {
        FailureBudget::new(NonZeroU32::new(per_minute).unwrap())
    }

    #[test]
    fn a_flood_blocks_its_address_only() {
        let budget = FailureBudget::new(NonZeroU32::new(3).unwrap());
        let key = |text: &str| address_key(Some(text.parse().unwrap()));
        for _ in 0..3 {
            assert!(budget.blocked(&key("192.0.2.1")).is_none());
            budget.note_failure(&key("192.0.2.1"));
            budget.note_failure(&key("2001:db8::1"));
        }
        assert!(budget.blocked(&key("192.0.2.1")).is_some());
        assert!(budget.blocked(&key("192.0.2.2")).is_none());
        assert!(budget.blocked(&key("2001:db8::2")).is_some(), "one /64 is one address");
    }

    #[tokio::test]
    async fn of_many_bad_ones_at_once_no_more_are_tried_than_may_fail() {
        let budget = Arc::new(of(3));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let budget = Arc::clone(&budget);
            tasks.spawn(async move {
                let attempt = budget.begin(&1).await?;
                tokio::task::yield_now().await;
                attempt.failed();
                Ok::<_, Duration>(())
            });
        }
        let ends = tasks.join_all().await;
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 3);
        let waits = ends.into_iter().filter_map(Result::err);
        assert!({ waits }.all(|wait| wait > Duration::from_secs(15) && wait <= Duration::from_secs(20)));
    }

    #[tokio::test]
    async fn good_ones_wait_for_each_other_and_all_go_on() {
        let budget = Arc::new(of(3));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..100 {
            let budget = Arc::clone(&budget);
            tasks.spawn(async move {
                let attempt = budget.begin(&1).await.unwrap();
                tokio::task::yield_now().await;
                // Two fail, and one cell does for the rest.
                if n < 2 { attempt.failed() } else { attempt.succeeded() }
            });
        }
        assert_eq!(tasks.join_all().await.len(), 100);
        drop(budget.begin(&1).await.unwrap());
        assert!(budget.begin(&1).await.is_err(), "one that is left halfway has failed");
    }

    #[test]
    fn cells_come_back_and_what_is_owed_is_bounded() {
        let budget = of(60_000);
        for _ in 0..200_000 {
            budget.note_failure(&1);
        }
        assert!(budget.blocked(&1).is_none_or(|wait| wait <= Duration::from_millis(1)));
        std::thread::sleep(Duration::from_millis(3));
        assert!(budget.blocked(&1).is_none());
        let quick = of(u32::MAX);
        quick.note_failure(&1);
        std::thread::sleep(Duration::from_millis(1));
        quick.sweep();
        assert!(quick.lock().is_empty());
    }

    #[test]
    fn the_table_is_bounded() {
        let budget = of(1);
        for key in 0..200_000 {
            budget.note_failure(&key);
        }
        assert_eq!(budget.lock().len(), MAX_KEYS + 1);
        assert!(budget.blocked(&7).is_some() && budget.blocked(&300_000).is_some());
    }
}
