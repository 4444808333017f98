//! A store that counts what it is asked, and keys over it at a time that stands.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mcp_auth_core::store::{Key, MemoryStore, Store, StoreError};
use mcp_auth_core::testing::{ObservedStore, StoreCall};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::api_key::{ApiKeys, ApiKeysBuilder, CreatedKey, NewKey};
use mcp_auth_core::verify::{TokenRefusal, Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, ScopeSet, TokenVerifier};
use tokio::sync::Barrier;

pub(crate) const ISSUER: &str = "https://app.example";
pub(crate) const START: Timestamp = Timestamp::from_secs(1_000_000_000);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the store is asked, and what a test makes of it.
pub(crate) struct Asked {
    gets: AtomicUsize,
    pub(crate) is_down: AtomicBool,
    /// Which of the next commits fails, counted from one; none at zero.
    pub(crate) failing_commit: AtomicUsize,
    /// How many writes of a key still wait for another one.
    meetings: AtomicUsize,
    meeting: Barrier,
}

impl Asked {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            gets: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            failing_commit: AtomicUsize::new(0),
            meetings: AtomicUsize::new(0),
            meeting: Barrier::new(2),
        })
    }

    /// How often a key was asked for since this was called last.
    pub(crate) fn gets(&self) -> usize {
        self.gets.swap(0, Ordering::SeqCst)
    }

    /// The next two writes of a key wait for each other; the one that comes last goes first.
    pub(crate) fn write_at_once(&self) {
        self.meetings.store(2, Ordering::SeqCst);
    }

    async fn before(self: Arc<Self>, reads_key: bool, commit: Option<bool>) -> Result<(), StoreError> {
        let writes_key = commit == Some(true);
        self.gets.fetch_add(usize::from(reads_key), Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("unplugged".into()));
        }
        let next = |left: usize| left.checked_sub(1);
        let count = |counter: &AtomicUsize| counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        if commit.is_some() && count(&self.failing_commit) == Ok(1) {
            return Err(StoreError::Unavailable("this once".into()));
        }
        if writes_key && count(&self.meetings).is_ok() {
            self.meeting.wait().await;
        }
        Ok(())
    }
}

fn is_key(key: &Key) -> bool {
    key.collection == "api_keys"
}

pub(crate) struct Fixture {
    pub(crate) clock: Clock,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) asked: Arc<Asked>,
    pub(crate) keys: ApiKeys,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(ApiKeysBuilder) -> ApiKeysBuilder) -> Self {
        let clock = Clock::manual(START);
        let asked = Asked::new();
        let hook = Arc::clone(&asked);
        let store = ObservedStore::new(MemoryStore::new(clock.clone(), 100_000), move |call| {
            let reads_key = matches!(call, StoreCall::Get(key) if is_key(key));
            let commit = match call {
                StoreCall::Commit(writes) => Some(writes.first().is_some_and(|write| is_key(&write.key))),
                _ => None,
            };
            Arc::clone(&hook).before(reads_key, commit)
        });
        let store: Arc<dyn Store> = Arc::new(store);
        let keys = change(builder(&store, &clock)).build().unwrap();
        Self { clock, store, asked, keys }
    }

    /// Other keys over the same store.
    pub(crate) fn other(&self, change: impl FnOnce(ApiKeysBuilder) -> ApiKeysBuilder) -> ApiKeys {
        change(builder(&self.store, &self.clock)).build().unwrap()
    }

    /// Starts the background and waits until the store is followed.
    pub(crate) async fn follow(&self) {
        follow(&self.keys).await;
    }

    pub(crate) async fn check(&self, token: &str) -> Result<Verified, VerifyError> {
        check(&self.keys, token, self.clock.now(), None).await
    }

    pub(crate) async fn check_from(&self, token: &str, address: &str) -> Result<Verified, VerifyError> {
        check(&self.keys, token, self.clock.now(), Some(address.parse().unwrap())).await
    }

    pub(crate) async fn create(&self) -> CreatedKey {
        self.keys.create(laptop()).await.unwrap()
    }
}

fn builder(store: &Arc<dyn Store>, clock: &Clock) -> ApiKeysBuilder {
    ApiKeys::builder(Arc::clone(store)).prefix("corcava").issuer(ISSUER).clock(clock.clone())
}

pub(crate) async fn follow(keys: &ApiKeys) {
    let before = keys.epoch();
    tokio::spawn(keys.background().expect("nobody follows yet"));
    eventually(|| keys.epoch() > before).await;
}

pub(crate) async fn check(
    keys: &ApiKeys,
    token: &str,
    now: Timestamp,
    address: Option<IpAddr>,
) -> Result<Verified, VerifyError> {
    let context = VerifyContext { resource: "https://mcp.example/mcp", now, address };
    keys.verify(&Credential::bearer(token), context).await
}

/// Waits for what the background does; at most a second.
pub(crate) async fn eventually(mut is_so: impl FnMut() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come about within a second");
}

pub(crate) fn laptop() -> NewKey {
    NewKey::new("cursor-work-laptop", "ada").scopes(ScopeSet::parse("tasks:read tasks:write").unwrap())
}

pub(crate) fn refused(verdict: Result<Verified, VerifyError>) -> TokenRefusal {
    match verdict {
        Err(VerifyError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// `key` with other characters from `place` on and a checksum that fits: what somebody who guesses can write.
pub(crate) fn forged(key: &str, place: usize, with: &str) -> String {
    let mut body = key[..key.len() - 6].to_owned();
    body.replace_range(place..place + with.len(), with);
    with_checksum(body)
}

pub(crate) fn with_checksum(mut body: String) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut check = [0; 6];
    for place in check.iter_mut().rev() {
        *place = DIGITS[rest % 62];
        rest /= 62;
    }
    body.push_str(std::str::from_utf8(&check).unwrap());
    body
}
