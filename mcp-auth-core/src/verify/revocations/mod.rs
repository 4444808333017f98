//! What was revoked before its time.
//!
//! 1. A [`Revocation`] names a token, a grant, a client, an API key, or everything that a user got before a time; always
//!    together with its issuer, and for as long as any token it could concern may live.
//! 2. Deciding reads a local view: one atomic load while nothing changed. The view is fed by the store's `watch`, so that
//!    what one process revokes, all refuse.
//! 3. A view that has heard nothing for [`max_staleness`](Revocations::with_max_staleness) is not believed: then the store
//!    itself is asked, and where it does not answer, nothing can be decided (503).
//! 4. A change wakes whoever watches, so that open streams end at once.
//! 5. Entries past their time are swept on writing. The number is bounded: past the bound the view closes and everything counts
//!    as revoked, because forgetting a revocation would be worse; it is swept every second then, and opens again.
//! 6. A revocation that was told of and could not be read counts until everything was read again.
//!
//! ```
//! use std::time::Duration;
//! use mcp_auth_core::Principal;
//! use mcp_auth_core::time::Clock;
//! use mcp_auth_core::verify::{Revocation, Revocations};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let clock = Clock::system();
//! let revocations = Revocations::in_memory(clock.clone());
//! let ada = Principal::builder("https://issuer.example", "ada").token_id("t1").build();
//! let until = clock.now().plus(Duration::from_secs(3600));
//! revocations.revoke(&Revocation::token("https://issuer.example", "t1"), until).await?;
//! assert!(revocations.is_revoked(&ada).await?);
//! # Ok::<_, mcp_auth_core::store::StoreError>(()) }).unwrap();
//! ```

mod entry;
mod follow;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::principal::Principal;
use crate::store::{Key, Store, StoreError, StoreExt};
use crate::time::{Clock, Timestamp};

use entry::Entry;
pub use entry::Revocation;

const MAX_ENTRIES: usize = 1_000_000;
const MAX_STALENESS: Duration = Duration::from_secs(10);
/// How often a view past its bound is swept.
const SWEEP: Duration = Duration::from_secs(1);
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often an entry is read anew that others write, too.
const TRIES: usize = 16;
/// The collection that revocations are kept in.
const REVOKED: &str = "revoked";

/// Shared by whoever revokes and whoever decides. Cheap to clone.
#[derive(Clone)]
pub struct Revocations {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    store: Option<Arc<dyn Store>>,
    followed: AtomicBool,
    heard: AtomicU64,
    max_staleness: AtomicU64,
    count: AtomicUsize,
    full: AtomicBool,
    view: RwLock<View>,
    changed: watch::Sender<u64>,
    version: AtomicU64,
}

struct View {
    entries: HashMap<Box<str>, Entry>,
    /// Of which nothing but the name is known. One at most: whoever follows stops at it.
    unread: Option<Box<str>>,
    most: usize,
    sweep_at: usize,
    swept: Timestamp,
}

impl View {
    fn is_full(&self) -> bool {
        self.entries.len() > self.most
    }

    /// Removes what has expired, if that is due.
    fn sweep(&mut self, now: Timestamp) {
        if self.entries.len() > self.sweep_at || (self.is_full() && now.since(self.swept) >= SWEEP) {
            self.entries.retain(|_, entry| entry.until > now);
            self.sweep_at = self.entries.len().saturating_mul(2).max(64);
            self.swept = now;
        }
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::in_memory(Clock::system())
    }
}

impl Revocations {
    /// Known to this process only, and gone with it.
    #[must_use]
    pub fn in_memory(clock: Clock) -> Self {
        Self::new(None, clock)
    }

    /// Kept in `store` and followed there, by the job that a guard's or provider's `Background` takes over.
    #[must_use]
    pub fn over(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self::new(Some(store), clock)
    }

    fn new(store: Option<Arc<dyn Store>>, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                store,
                followed: AtomicBool::new(false),
                heard: AtomicU64::new(0),
                max_staleness: AtomicU64::new(millis(MAX_STALENESS)),
                count: AtomicUsize::new(0),
                full: AtomicBool::new(false),
                view: RwLock::new(View {
                    entries: HashMap::new(),
                    unread: None,
                    most: MAX_ENTRIES,
                    sweep_at: 64,
                    swept: Timestamp::default(),
                }),
                changed: watch::Sender::new(0),
                version: AtomicU64::new(0),
            }),
        }
    }

    /// How long the view is believed after it last heard from the store. 10 s by default.
    #[must_use]
    pub fn with_max_staleness(self, most: Duration) -> Self {
        self.inner.max_staleness.store(millis(most), Ordering::Release);
        self
    }

    /// Revokes; `until` is when the last credential it concerns has expired anyway. It counts here at once, elsewhere as soon
    /// as the store tells. What was revoked before stays so: of two that have one name, the later end and the later time hold.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be kept: then it counts in this process only, and should be tried again.
    pub async fn revoke(&self, revocation: &Revocation, until: Timestamp) -> Result<(), StoreError> {
        let new = revocation.entry(until);
        self.revoke_here(revocation, until);
        let Some(store) = &self.inner.store else { return Ok(()) };
        let key = Key::new(REVOKED, "", revocation.id());
        for _ in 0..TRIES {
            if store.insert_new(&key, new.value(), new.expiry()).await? {
                return Ok(());
            }
            // One that has expired since is none.
            let Some(known) = store.get(&key).await? else { continue };
            let mut both = Entry::read(&known);
            both.extend(new);
            if store.replace(&key, known.version, both.value(), both.expiry()).await? {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable("others revoke under the same name all the time".into()))
    }

    /// Revokes in this process only, where something else has to be kept before the store may tell the others.
    pub(crate) fn revoke_here(&self, revocation: &Revocation, until: Timestamp) {
        self.apply(revocation.id().into(), revocation.entry(until));
    }

    /// True if the credential behind `principal` was revoked: by the view, or by the store while the view is stale.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be told.
    pub async fn is_revoked(&self, principal: &Principal) -> Result<bool, StoreError> {
        if self.is_known_revoked(principal) {
            return Ok(true);
        }
        match &self.inner.store {
            Some(store) if !self.is_fresh(self.inner.clock.now()) => {
                let asked = tokio::time::timeout(STORE_TIMEOUT, ask(store.as_ref(), principal));
                asked.await.map_err(|late| StoreError::Unavailable(late.into()))?
            }
            _ => Ok(false),
        }
    }

    /// True if the view knows that the credential behind `principal` was revoked.
    #[must_use]
    pub fn is_known_revoked(&self, principal: &Principal) -> bool {
        if self.inner.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        if self.inner.full.load(Ordering::Acquire) && self.is_still_full() {
            return true;
        }
        let view = self.inner.view.read().unwrap_or_else(PoisonError::into_inner);
        let mut names = Revocation::concerning(principal);
        names.any(|name| {
            view.unread.as_deref() == Some(name.id())
                || view.entries.get(name.id()).is_some_and(|entry| entry.concerns(principal))
        })
    }

    /// True while the view may be believed.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let heard = self.inner.heard.load(Ordering::Acquire);
        self.inner.store.is_none()
            || (heard > 0
                && millis(now.since(Timestamp::from_millis(heard)))
                    <= self.inner.max_staleness.load(Ordering::Acquire))
    }

    /// Grows with every change of the view.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.inner.version.load(Ordering::Acquire)
    }

    /// Completes when the credential behind `principal` is known to be revoked.
    pub async fn revoked(&self, principal: &Principal) {
        let mut changes = self.inner.changed.subscribe();
        // `self` holds the sender, so waiting cannot fail.
        while !self.is_known_revoked(principal) && changes.changed().await.is_ok() {}
    }

    fn apply(&self, id: Box<str>, entry: Entry) {
        self.change(|view| {
            view.entries.entry(id).and_modify(|known| known.extend(entry)).or_insert(entry);
        });
    }

    fn apply_unread(&self, id: Box<str>) {
        self.change(|view| view.unread = Some(id));
    }

    fn forget_unread(&self) {
        self.change(|view| view.unread = None);
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        let inner = &self.inner;
        {
            let mut view = inner.view.write().unwrap_or_else(PoisonError::into_inner);
            change(&mut view);
            view.sweep(inner.clock.now());
            self.count(&view);
        }
        let version = inner.version.fetch_add(1, Ordering::AcqRel) + 1;
        inner.changed.send_replace(version);
    }

    fn is_still_full(&self) -> bool {
        let mut view = self.inner.view.write().unwrap_or_else(PoisonError::into_inner);
        view.sweep(self.inner.clock.now());
        self.count(&view);
        view.is_full()
    }

    fn count(&self, view: &View) {
        let (inner, is_full) = (&self.inner, view.is_full());
        let count = view.entries.len() + usize::from(view.unread.is_some());
        inner.count.store(count, Ordering::Release);
        match (inner.full.swap(is_full, Ordering::AcqRel), is_full) {
            (false, true) => tracing::error!(
                count,
                bound = view.most,
                "revocations reached their bound: everything is refused until entries expire"
            ),
            (true, false) => tracing::warn!(count, "revocations are below their bound again"),
            _ => {}
        }
    }
}

async fn ask(store: &dyn Store, principal: &Principal) -> Result<bool, StoreError> {
    for name in Revocation::concerning(principal) {
        if let Some(entry) = store.get(&Key::new(REVOKED, "", name.id())).await?
            && Entry::read(&entry).concerns(principal)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations")
            .field("count", &self.inner.count.load(Ordering::Relaxed))
            .field("in_store", &self.inner.store.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_full_view_opens_when_entries_expire() {
        let clock = Clock::manual(Timestamp::from_secs(1000));
        let revocations = Revocations::in_memory(clock.clone());
        revocations.inner.view.write().unwrap().most = 100;
        let until = |secs| clock.now().plus(Duration::from_secs(secs));
        let (short, long) = (until(60), until(600));
        for n in 0..100 {
            let end = if n < 50 { short } else { long };
            revocations.revoke(&Revocation::token("i", &n.to_string()), end).await.unwrap();
        }
        let ada = Principal::builder("i", "ada").build();
        assert!(!revocations.is_known_revoked(&ada));
        revocations.revoke(&Revocation::token("i", "one more"), long).await.unwrap();
        assert!(revocations.is_known_revoked(&ada), "past the bound");
        clock.advance(Duration::from_secs(60));
        assert!(!revocations.is_known_revoked(&ada));
        let last = Principal::builder("i", "ada").token_id("one more").build();
        assert!(revocations.is_known_revoked(&last));
    }
}
