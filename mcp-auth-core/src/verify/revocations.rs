//! What was revoked before its time.
//!
//! 1. A token is named by its `jti`, a grant by its id; each entry lives as long as any token it could concern.
//! 2. Asking takes a read lock and allocates nothing; while nothing was ever revoked it is one atomic load.
//! 3. A change wakes whoever watches, so that open streams end at once.
//! 4. Entries past their time are swept on writing. The number is bounded: at the bound the view closes and every
//!    token counts as revoked, because forgetting a revocation would be worse.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::principal::Principal;
use crate::time::{Clock, Timestamp};

const MAX_ENTRIES: usize = 1_000_000;

/// Shared by whoever revokes and whoever decides. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Revocations {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    count: AtomicUsize,
    full: AtomicBool,
    entries: RwLock<Entries>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Entries {
    tokens: HashMap<Box<str>, Timestamp>,
    grants: HashMap<Box<str>, Timestamp>,
    sweep_at: usize,
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new(Clock::system())
    }
}

impl Revocations {
    /// Nothing revoked yet; entries end by `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                count: AtomicUsize::new(0),
                full: AtomicBool::new(false),
                entries: RwLock::default(),
                changed: watch::Sender::new(0),
            }),
        }
    }

    /// Revokes the token with this `jti`; `until` is its expiry.
    pub fn revoke_token(&self, token_id: &str, until: Timestamp) {
        self.insert(|entries| {
            entries.tokens.insert(token_id.into(), until);
        });
    }

    /// Revokes every token of a grant; `until` is the expiry of the last token it could have given.
    pub fn revoke_grant(&self, grant_id: &str, until: Timestamp) {
        self.insert(|entries| {
            entries.grants.insert(grant_id.into(), until);
        });
    }

    /// True if the token behind `principal`, or its grant, was revoked.
    #[must_use]
    pub fn is_revoked(&self, principal: &Principal) -> bool {
        if self.inner.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        if self.inner.full.load(Ordering::Acquire) {
            return true;
        }
        let entries = self.inner.entries.read().unwrap_or_else(PoisonError::into_inner);
        principal.token_id().is_some_and(|id| entries.tokens.contains_key(id))
            || principal.grant_id().is_some_and(|id| entries.grants.contains_key(id))
    }

    /// Told of every change; the number only grows.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    fn insert(&self, write: impl FnOnce(&mut Entries)) {
        {
            let mut entries = self.inner.entries.write().unwrap_or_else(PoisonError::into_inner);
            write(&mut entries);
            let mut count = entries.tokens.len() + entries.grants.len();
            if count > entries.sweep_at.max(64) {
                let now = self.inner.clock.now();
                entries.tokens.retain(|_, until| *until > now);
                entries.grants.retain(|_, until| *until > now);
                count = entries.tokens.len() + entries.grants.len();
                entries.sweep_at = count.saturating_mul(2);
            }
            self.inner.count.store(count, Ordering::Release);
            if self.inner.full.swap(count > MAX_ENTRIES, Ordering::AcqRel) != (count > MAX_ENTRIES) {
                tracing::error!(
                    count,
                    bound = MAX_ENTRIES,
                    "revocations reached their bound: every token is refused until entries expire"
                );
            }
        }
        self.inner.changed.send_modify(|n| *n += 1);
    }
}
