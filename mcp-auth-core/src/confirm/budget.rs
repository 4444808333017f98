//! How much a principal may change in a while.
//!
//! 1. Counted for each principal and class of tools: calls, and things that the previews say are affected.
//! 2. A used-up budget refills evenly over its time: nobody gets twice as much at a border.
//! 3. Beyond it a call is confirmed even where no confirmation was declared, or more strictly than declared; or refused, confirmed or
//!    not: as [`Excess`] says. What was confirmed counts, too.
//! 4. It counts in this process: a service of several processes allows so much in each.
//!
//! ```
//! use std::time::Duration;
//! use mcp_auth_core::confirm::{Budget, Excess};
//! use mcp_auth_core::time::{Clock, Timestamp};
//!
//! let budget = Budget::new(Duration::from_secs(60), 2, None, Excess::Refuse);
//! let now = Clock::system().now();
//! assert!(budget.spend("ada", "write", 1, now).is_ok());
//! assert!(budget.spend("ada", "write", 1, now).is_ok());
//! assert!(budget.spend("ada", "write", 1, now).is_err());
//! assert!(budget.spend("ada", "write", 1, now.plus(Duration::from_secs(31))).is_ok());
//! ```

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Confirmation;
use crate::time::Timestamp;

/// What happens beyond a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The call has to be confirmed so, at least.
    Confirm(Confirmation),
    /// The call is refused with 429, whoever has confirmed it.
    Refuse,
}

/// A budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the write budget is used up")]
pub struct Overspent {
    /// When there is room for this again; the whole time of the budget if there never is.
    pub retry_after: Duration,
}

type Spent = HashMap<(Box<str>, Box<str>), [Timestamp; 2]>;

/// So many calls and affected things in a time, for each principal and class.
pub struct Budget {
    per: Duration,
    calls: u64,
    affected: Option<u64>,
    excess: Excess,
    /// By principal and class: when calls and affected things are all refilled.
    spent: Mutex<Spent>,
}

impl Budget {
    /// At most `calls` in the time `per`, and at most `affected` things.
    #[must_use]
    pub fn new(per: Duration, calls: u64, affected: Option<u64>, excess: Excess) -> Self {
        Self { per, calls, affected, excess, spent: Mutex::default() }
    }

    /// What happens beyond it.
    #[must_use]
    pub fn excess(&self) -> Excess {
        self.excess
    }

    /// True if a preview is needed to know what a call costs.
    #[must_use]
    pub fn counts_affected(&self) -> bool {
        self.affected.is_some()
    }

    /// Takes one call with `affected` things, if there is room for it.
    ///
    /// # Errors
    /// [`Overspent`]; nothing was taken.
    pub fn spend(&self, who: &str, class: &str, affected: u64, now: Timestamp) -> Result<(), Overspent> {
        let mut spent = self.lock();
        let entry = spent.entry((who.into(), class.into())).or_insert([now; 2]);
        *entry = self.fitting(*entry, affected, now)?;
        Ok(())
    }

    /// Looks whether there is room for one call with `affected` things, and takes nothing.
    ///
    /// # Errors
    /// [`Overspent`].
    pub fn room(&self, who: &str, class: &str, affected: u64, now: Timestamp) -> Result<(), Overspent> {
        let entry = self.lock().get(&(who.into(), class.into())).copied().unwrap_or([now; 2]);
        self.fitting(entry, affected, now).map(drop)
    }

    /// Takes one call that was confirmed: beyond the budget, too, but never into debt.
    pub fn spend_confirmed(&self, who: &str, class: &str, affected: u64, now: Timestamp) {
        let mut spent = self.lock();
        let entry = spent.entry((who.into(), class.into())).or_insert([now; 2]);
        *entry = self.next(*entry, affected, now).map(|next| next.min(now.plus(self.per)));
    }

    /// Forgets whose budget is full again.
    pub fn sweep(&self, now: Timestamp) {
        self.lock().retain(|_, refilled| refilled.iter().any(|at| *at > now));
    }

    /// When both are refilled after this call, if there is room for it.
    fn fitting(
        &self,
        entry: [Timestamp; 2],
        affected: u64,
        now: Timestamp,
    ) -> Result<[Timestamp; 2], Overspent> {
        let next = self.next(entry, affected, now);
        let end = now.plus(self.per);
        match next.into_iter().max().filter(|next| *next > end) {
            None => Ok(next),
            Some(next) => Err(Overspent { retry_after: next.since(end).min(self.per) }),
        }
    }

    /// When both would be refilled after this call.
    fn next(&self, [calls, things]: [Timestamp; 2], affected: u64, now: Timestamp) -> [Timestamp; 2] {
        let cost = |most: u64, amount: u64| match most {
            0 => Duration::MAX,
            most => {
                let millis = self.per.as_millis().saturating_mul(u128::from(amount)) / u128::from(most);
                Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
            }
        };
        let things = match self.affected {
            Some(most) => things.max(now).plus(cost(most, affected)),
            None => now,
        };
        [calls.max(now).plus(cost(self.calls, 1)), things]
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("per", &self.per)
            .field("calls", &self.calls)
            .field("affected", &self.affected)
            .field("excess", &self.excess)
            .finish_non_exhaustive()
    }
}
