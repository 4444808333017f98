//! Where a verifier finds its issuer's keys, and where new ones are put.
//!
//! 1. Requests read the keys that are there; only an unknown key id, or no keys at all, makes a request wait.
//! 2. A wait asks the background job for one fetch, at most once per cool-down, and ends with it or after five seconds. A
//!    requester that leaves neither cancels nor poisons it. Whoever comes while one is asked for or under way waits for that
//!    one; if nobody had asked for it, it may have begun before the issuer's keys changed, and another is asked for.
//!    While it is under way nobody can tell whether a key is unknown: who waited for it in vain is not refused, but told so.
//! 3. Keys that could not be renewed for a day are not used any more, and no verdict outlives them.
//! 4. A change that withdraws a key is counted, so that verdicts which leaned on it are forgotten; an added key is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

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
    is_fetched: bool,
}

/// Everything that decides whether a request waits: read and changed as one, so that no request falls in between.
#[derive(Debug, Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    since: Timestamp,
    job_runs: bool,
    fetch: Fetch,
    /// How many attempts have ended.
    attempts: u64,
    last_attempt: Option<Timestamp>,
    last_asked: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fetch {
    #[default]
    None,
    /// A request needs one, and the job has not begun it.
    Asked,
    #[cfg(feature = "fetch")]
    UnderWay,
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
                is_fetched,
            }),
        }
    }

    pub(super) fn put(&self, keys: KeySet) {
        let now = self.inner.clock.now();
        self.inner.state.send_modify(|state| {
            let loses = state.keys.as_ref().is_some_and(|old| old.loses_by(&keys));
            (state.keys, state.since) = (Some(Arc::new(keys)), now);
            state.attempt_ends();
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
        let look = || {
            let (keys, until) = self.current()?;
            keys.find(kid, algorithm).map(|key| (key, until))
        };
        if let Some(found) = look() {
            return Ok(found);
        }
        let mut in_time = true;
        if self.inner.is_fetched {
            let wait = async { while self.wait_for_fetch().await && look().is_none() {} };
            in_time = tokio::time::timeout(WAIT, wait).await.is_ok();
        }
        // Whatever ended the wait, the keys are looked at again.
        match look() {
            Some(found) => Ok(found),
            None if !in_time => Err(unavailable("the issuer's keys could not be fetched in time")),
            None if self.has_keys() => Err(TokenRefusal::UnknownKey.into()),
            None if self.inner.state.borrow().job_runs => {
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

    /// Waits for the fetch that is asked for or under way, or asks for one; false if there is none to wait for.
    async fn wait_for_fetch(&self) -> bool {
        let mut states = self.inner.state.subscribe();
        let (now, has_keys) = (self.inner.clock.now(), self.has_keys());
        let may_wait = |state: &State| {
            state.job_runs && (state.fetch != Fetch::None || !state.is_cooling_down(now, has_keys))
        };
        // A flood of unknown key ids stops here: it never keeps the keys from those that read them.
        if !may_wait(&states.borrow()) {
            return false;
        }
        let mut ended = None;
        self.inner.state.send_if_modified(|state| {
            ended = may_wait(state).then_some(state.attempts);
            let asks = ended.is_some() && state.fetch == Fetch::None;
            if asks {
                (state.fetch, state.last_asked) = (Fetch::Asked, Some(now));
            }
            asks
        });
        match ended {
            Some(ended) => states.wait_for(|state| state.attempts > ended).await.is_ok(),
            None => false,
        }
    }
}

impl State {
    /// True shortly after a fetch that a request asked for; without keys, after any.
    fn is_cooling_down(&self, now: Timestamp, has_keys: bool) -> bool {
        let (last, cool_down) = match has_keys {
            true => (self.last_asked, COOL_DOWN),
            false => (self.last_attempt, COOL_DOWN_EMPTY),
        };
        last.is_some_and(|last| now.since(last) < cool_down)
    }

    fn attempt_ends(&mut self) {
        self.attempts += 1;
        self.fetch = Fetch::None;
    }
}

#[cfg(feature = "fetch")]
impl JwtKeys {
    /// From now on somebody fetches, until what is returned is dropped.
    pub(super) fn job_runs(&self) -> Running {
        self.inner.state.send_modify(|state| state.job_runs = true);
        Running(self.clone())
    }

    /// Notes that an attempt begins; it is the one that was asked for, if one was.
    pub(super) fn attempt_begins(&self) {
        let now = self.inner.clock.now();
        self.inner
            .state
            .send_modify(|state| (state.fetch, state.last_attempt) = (Fetch::UnderWay, Some(now)));
    }

    /// Notes that an attempt ended without new keys.
    pub(super) fn attempt_failed(&self) {
        self.inner.state.send_modify(State::attempt_ends);
    }

    /// Completes when a request needs keys that are not there, at most once per cool-down.
    pub(super) async fn wanted(&self) {
        // It cannot fail: the sender is `self`.
        drop(self.inner.state.subscribe().wait_for(|state| state.fetch == Fetch::Asked).await);
    }
}

/// As long as it lives somebody fetches. A job that is dropped in the middle of a fetch leaves nobody waiting for it.
#[cfg(feature = "fetch")]
#[derive(Debug)]
pub(super) struct Running(JwtKeys);

#[cfg(feature = "fetch")]
impl Drop for Running {
    fn drop(&mut self) {
        self.0.inner.state.send_modify(|state| {
            state.job_runs = false;
            state.attempt_ends();
        });
    }
}

fn unavailable(reason: &str) -> VerifyError {
    VerifyError::Unavailable { reason: reason.to_owned(), retry_after: COOL_DOWN_EMPTY }
}

#[cfg(all(test, feature = "fetch"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// Fetched keys, of which there is `old`; somebody renews them, and the last time is long ago.
    fn keys() -> (JwtKeys, Running) {
        let clock = Clock::manual(Timestamp::from_secs(1_000_000));
        let keys = JwtKeys::empty(clock.clone(), true);
        let running = keys.job_runs();
        keys.attempt_begins();
        keys.put(set("old"));
        clock.advance(COOL_DOWN);
        (keys, running)
    }

    /// The key of RFC 8037, appendix A.2, by this name.
    fn set(kid: &str) -> KeySet {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        KeySet::parse(
            format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}]}}"#).as_bytes(),
        )
        .unwrap()
    }

    /// Asks each once more; true for who still waits.
    macro_rules! waits {
        ($($future:expr),*) => {
            [$($future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()),*]
        };
    }

    #[tokio::test]
    async fn who_comes_between_the_question_and_the_fetch_waits_for_it() {
        let (keys, _running) = keys();
        let mut early = pin!(keys.find(Some("new"), Algorithm::EdDsa));
        assert_eq!(waits!(early), [true]);
        // The job knows that somebody asks, and has not begun.
        keys.wanted().await;
        let mut late = pin!(keys.find(Some("new"), Algorithm::EdDsa));
        assert_eq!(waits!(early, late), [true, true]);
        keys.attempt_begins();
        keys.put(set("new"));
        assert!(early.await.is_ok() && late.await.is_ok());
    }

    #[tokio::test]
    async fn a_fetch_that_began_before_the_keys_changed_is_not_the_last_word() {
        let (keys, _running) = keys();
        keys.attempt_begins();
        let mut request = pin!(keys.find(Some("new"), Algorithm::EdDsa));
        assert_eq!(waits!(request), [true]);
        keys.put(set("old"));
        assert_eq!(waits!(request), [true], "nobody asked for that fetch, so that it may ask for one");
        keys.wanted().await;
        keys.attempt_begins();
        keys.put(set("new"));
        assert!(request.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_is_not_told_that_the_key_is_unknown() {
        let (keys, _running) = keys();
        keys.attempt_begins();
        let verdict = keys.find(Some("new"), Algorithm::EdDsa).await;
        assert!(matches!(verdict, Err(VerifyError::Unavailable { .. })));
        keys.put(set("new"));
        assert!(keys.find(Some("new"), Algorithm::EdDsa).await.is_ok());
    }

    #[tokio::test]
    async fn a_question_that_was_answered_causes_no_other_fetch() {
        let (keys, _running) = keys();
        let mut request = pin!(keys.find(Some("unknown"), Algorithm::EdDsa));
        assert_eq!(waits!(request), [true]);
        // The job begins by itself, and has not heard yet that somebody asks.
        keys.attempt_begins();
        keys.put(set("old"));
        assert!(request.await.is_err());
        keys.inner.clock.advance(COOL_DOWN);
        let mut job = pin!(keys.wanted());
        assert_eq!(waits!(job), [true]);
    }
}
