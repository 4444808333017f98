//! Where a verifier finds its issuer's keys, and where new ones are put.
//!
//! 1. Requests read the keys that are there; only an unknown key id, or no keys at all, makes a request wait.
//! 2. A wait asks the background job for one fetch, at most once per cool-down, and ends with it or after five seconds. A
//!    requester that leaves neither cancels nor poisons it. Whoever comes while a fetch is under way waits for that one.
//! 3. Keys that could not be renewed for a day are not used any more, and no verdict outlives them.
//! 4. A change that withdraws a key is counted, so that verdicts which leaned on it are forgotten; an added key is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::algorithm::Algorithm;
use super::key::Key;
use super::keys::{KeySet, KeysError};
use crate::time::{Clock, Timestamp};
use crate::verify::{TokenRefusal, VerifyError};

const MAX_AGE: Duration = Duration::from_secs(24 * 3600);
const WAIT: Duration = Duration::from_secs(5);
/// How long after a fetch that an unknown key id caused another one causes none.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(60);
/// How long after an attempt there is no other, while there are no keys at all.
pub(super) const COOL_DOWN_EMPTY: Duration = Duration::from_secs(5);

/// The keys of an issuer, shared by whoever renews them and whoever verifies with them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JwtKeys {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    state: watch::Sender<State>,
    /// How often a change withdrew a key: read by every request, without a lock.
    withdrawals: AtomicU64,
    wanted: Notify,
    is_fetched: bool,
    job_runs: AtomicBool,
    last_attempt: AtomicU64,
    last_wanted: AtomicU64,
}

#[derive(Clone, Debug, Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    since: Timestamp,
    attempts: u64,
    is_fetching: bool,
}

/// A key, and until when a verdict by it may be used again; `None` for as long as the token lasts.
pub(super) type Found = (Arc<Key>, Option<Timestamp>);

impl JwtKeys {
    /// Keys that are given, as a JWK set, and change only by [`replace`](Self::replace).
    ///
    /// # Errors
    /// [`KeysError`] if no key of it is usable.
    pub fn new(jwks: impl AsRef<[u8]>) -> Result<Self, KeysError> {
        let keys = KeySet::parse(jwks.as_ref())?;
        let this = Self::empty(Clock::system(), false);
        this.put(keys);
        Ok(this)
    }

    /// Puts other keys in place of these; every verifier that shares them uses them from now on.
    ///
    /// # Errors
    /// [`KeysError`] if no key of it is usable; the keys stay as they were.
    pub fn replace(&self, jwks: impl AsRef<[u8]>) -> Result<(), KeysError> {
        self.put(KeySet::parse(jwks.as_ref())?);
        Ok(())
    }

    pub(super) fn empty(clock: Clock, is_fetched: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                state: watch::Sender::default(),
                withdrawals: AtomicU64::new(0),
                wanted: Notify::new(),
                is_fetched,
                job_runs: AtomicBool::new(false),
                last_attempt: AtomicU64::new(0),
                last_wanted: AtomicU64::new(0),
            }),
        }
    }

    pub(super) fn put(&self, keys: KeySet) {
        let now = self.inner.clock.now();
        self.inner.state.send_modify(|state| {
            let loses = state.keys.as_ref().is_some_and(|old| old.loses_by(&keys));
            *state = State {
                keys: Some(Arc::new(keys)),
                since: now,
                attempts: state.attempts + 1,
                is_fetching: false,
            };
            // While the keys are locked: who reads the new count finds the new keys, and no verdict by an old one is kept under it.
            self.inner.withdrawals.fetch_add(u64::from(loses), Ordering::AcqRel);
        });
    }

    pub(super) fn has_keys(&self) -> bool {
        self.current().is_some()
    }

    /// How often a change withdrew a key.
    pub(super) fn withdrawals(&self) -> u64 {
        self.inner.withdrawals.load(Ordering::Acquire)
    }

    /// The key for a token.
    pub(super) async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Found, VerifyError> {
        let find = |(keys, until): (Arc<KeySet>, _)| keys.find(kid, algorithm).map(|key| (key, until));
        if let Some(found) = self.current().and_then(find) {
            return Ok(found);
        }
        if self.inner.is_fetched {
            self.ask_for_fetch().await;
        }
        match self.current() {
            Some(current) => find(current).ok_or(TokenRefusal::UnknownKey.into()),
            None if self.inner.job_runs.load(Ordering::Acquire) => {
                Err(unavailable("the issuer's keys could not be fetched"))
            }
            None => Err(unavailable("the Background future does not run, so no keys are fetched: spawn it")),
        }
    }

    /// The keys, and when they become too old; `None` if they are.
    fn current(&self) -> Option<(Arc<KeySet>, Option<Timestamp>)> {
        let state = self.inner.state.borrow();
        let keys = Arc::clone(state.keys.as_ref()?);
        let until = self.inner.is_fetched.then(|| state.since.plus(MAX_AGE));
        let is_too_old = until.is_some_and(|until| self.inner.clock.now() > until);
        (!is_too_old).then_some((keys, until))
    }

    async fn ask_for_fetch(&self) {
        let mut states = self.inner.state.subscribe();
        let (before, is_fetching) = {
            let state = states.borrow();
            (state.attempts, state.is_fetching)
        };
        if !self.inner.job_runs.load(Ordering::Acquire) || (!is_fetching && self.is_cooling_down()) {
            return;
        }
        if !is_fetching {
            self.inner.wanted.notify_one();
        }
        // Whatever ends the wait, the keys are looked at again.
        drop(tokio::time::timeout(WAIT, states.wait_for(|state| state.attempts > before)).await);
    }

    /// True shortly after a fetch that a request caused; without keys, after any. Zero stands for never.
    fn is_cooling_down(&self) -> bool {
        let (last, cool_down) = if self.has_keys() {
            (&self.inner.last_wanted, COOL_DOWN)
        } else {
            (&self.inner.last_attempt, COOL_DOWN_EMPTY)
        };
        let last = last.load(Ordering::Acquire);
        last > 0 && self.inner.clock.now().since(Timestamp::from_millis(last)) < cool_down
    }
}

#[cfg(feature = "fetch")]
impl JwtKeys {
    /// From now on somebody fetches, until what is returned is dropped.
    pub(super) fn job_runs(&self) -> Running {
        self.inner.job_runs.store(true, Ordering::Release);
        Running(self.clone())
    }

    /// Notes that an attempt ended without new keys.
    pub(super) fn attempt_failed(&self) {
        self.inner.state.send_modify(|state| {
            state.attempts += 1;
            state.is_fetching = false;
        });
    }

    /// Notes that an attempt begins.
    pub(super) fn attempt_begins(&self) {
        self.inner.last_attempt.store(self.inner.clock.now().as_millis(), Ordering::Release);
        self.inner.state.send_modify(|state| state.is_fetching = true);
    }

    /// Completes when a request needs keys that are not there, at most once per cool-down.
    pub(super) async fn wanted(&self) {
        loop {
            self.inner.wanted.notified().await;
            if !self.is_cooling_down() {
                self.inner.last_wanted.store(self.inner.clock.now().as_millis(), Ordering::Release);
                return;
            }
        }
    }
}

/// As long as it lives somebody fetches. A job that is dropped in the middle of a fetch leaves nobody waiting for it.
#[cfg(feature = "fetch")]
#[derive(Debug)]
pub(super) struct Running(JwtKeys);

#[cfg(feature = "fetch")]
impl Drop for Running {
    fn drop(&mut self) {
        self.0.inner.job_runs.store(false, Ordering::Release);
        self.0.attempt_failed();
    }
}

fn unavailable(reason: &str) -> VerifyError {
    VerifyError::Unavailable { reason: reason.to_owned(), retry_after: COOL_DOWN_EMPTY }
}
