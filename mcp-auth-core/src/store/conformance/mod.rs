//! What every [`Store`] has to do, as checks that any implementation can run in its tests.
//!
//! 1. [`check`] runs each check on a new, empty store; [`check_reopened`] runs those of stores that outlive their
//!    process on one storage that is opened again and again.
//! 2. Every check has a name; what fails is told by name, all of it at once. A check ends after a minute.
//! 3. The store reads the [`Clock`] that is handed over with it, a [`Clock::manual`] which the checks move.
//! 4. It has to hold 1,000 entries, ids of 512 bytes, values of 64 KiB, and 64 commits at the same time.
//! 5. Sequences of random operations are compared with a sequential model, and made small when they differ.
//!
//! ```
//! use mcp_auth_core::store::{MemoryStore, conformance};
//! use mcp_auth_core::time::{Clock, Timestamp};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap().block_on(async {
//! conformance::check(|| async {
//!     let clock = Clock::manual(Timestamp::from_secs(1_000_000));
//!     (MemoryStore::new(clock.clone(), 10_000), clock)
//! })
//! .await
//! # }).unwrap();
//! ```

mod basics;
mod commits;
mod concurrency;
mod durable;
mod expiry;
mod model;
mod scans;
mod watching;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::{Entry, Store, StoreError};
use crate::time::Clock;

const END_WITHIN: Duration = Duration::from_secs(60);

/// One check that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the check.
    pub check: &'static str,
    /// What was seen, and what should have been.
    pub why: String,
}

/// The checks that did not hold: at least one. Shown as a list, one a line, by `Debug`, too, for `unwrap`.
#[derive(Clone, PartialEq, Eq)]
pub struct Failures(Vec<Failure>);

impl Failures {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Failure> {
        self.0.iter()
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} checks of the store failed:", self.0.len())?;
        self.0.iter().try_for_each(|Failure { check, why }| write!(f, "\n- {check}: {why}"))
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failures {}

/// Why a check did not hold.
#[derive(Debug)]
struct Wrong(String);

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self(format!("the store failed: {error}{cause}"))
    }
}

type Checked = Result<(), Wrong>;
type Shared = Arc<dyn Store>;

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Wrong(why())) }
}

fn ensure_eq<T: PartialEq + fmt::Debug>(seen: T, wanted: T, what: &str) -> Checked {
    ensure(seen == wanted, || format!("{what}: {seen:?} instead of {wanted:?}"))
}

fn present(entry: Option<Entry>, what: &str) -> Result<Entry, Wrong> {
    entry.ok_or_else(|| Wrong(format!("{what} is not there")))
}

#[derive(Default)]
struct Run(Vec<Failure>);

impl Run {
    async fn add(&mut self, check: &'static str, checked: impl Future<Output = Checked>) {
        let why = match tokio::time::timeout(END_WITHIN, checked).await {
            Ok(Ok(())) => return,
            Ok(Err(Wrong(why))) => why,
            Err(_) => "it did not end within a minute".to_owned(),
        };
        self.0.push(Failure { check, why });
    }

    fn end(self) -> Result<(), Failures> {
        if self.0.is_empty() { Ok(()) } else { Err(Failures(self.0)) }
    }
}

/// Runs the checks named, each on what `$make` makes.
macro_rules! run {
    ($make:expr; $($module:ident { $($check:ident),* $(,)? })*) => {{
        let mut run = Run::default();
        $($({
            let (store, clock) = $make().await;
            run.add(stringify!($check), $module::$check(Arc::new(store), clock)).await;
        })*)*
        run.end()
    }};
}

/// Runs every check of one open store; `make` gives a new, empty store and its clock. Needs tokio's timer.
///
/// # Errors
/// [`Failures`]: the checks that did not hold.
pub async fn check<S, F, Fut>(make: F) -> Result<(), Failures>
where
    S: Store,
    F: Fn() -> Fut,
    Fut: Future<Output = (S, Clock)>,
{
    run! { make;
        basics {
            what_was_written_is_read, an_absent_entry_is_none, partitions_and_collections_are_apart,
            odd_ids_are_kept_apart, large_values_are_kept,
        }
        commits {
            conditions_hold_or_nothing_is_written, versions_are_never_reused, a_commit_is_atomic,
            a_commit_stays_in_one_partition, an_empty_commit_does_nothing,
        }
        expiry {
            an_entry_is_gone_at_its_expiry, a_scan_leaves_out_what_expired, an_expired_entry_is_absent,
            what_is_written_expired_is_never_seen, a_new_expiry_replaces_the_old,
        }
        scans { a_scan_is_ordered_by_id, pages_follow_each_other, a_scan_begins_after_what_is_not_there }
        concurrency { one_of_many_inserts_wins, one_of_many_takes_wins, no_increment_is_lost, commits_are_seen_whole }
        watching { every_change_is_told, every_watch_is_told, a_quiet_watch_is_alive }
        model { random_operations_match_the_model }
    }
}

/// Runs the checks of a store that outlives its process; `open` opens the same storage each time, with the same clock,
/// after what it gave before was dropped, with commits under way. Needs tokio's timer.
///
/// # Errors
/// [`Failures`]: the checks that did not hold.
pub async fn check_reopened<S, F, Fut>(open: F) -> Result<(), Failures>
where
    S: Store,
    F: Fn() -> Fut,
    Fut: Future<Output = (S, Clock)>,
{
    let open = || async {
        let (store, clock) = open().await;
        (Arc::new(store) as Shared, clock)
    };
    let mut run = Run::default();
    run.add("what_was_written_is_there_after_reopening", durable::what_was_written_is_there(&open)).await;
    run.add("versions_grow_across_reopening", durable::versions_grow(&open)).await;
    run.add("an_entry_expires_while_closed", durable::an_entry_expires_while_closed(&open)).await;
    run.add("a_crash_in_the_middle_loses_nothing_acknowledged", durable::a_crash_loses_nothing(&open)).await;
    run.end()
}
