//! What is personal, sealed with a key of its subject's own.
//!
//! 1. Personal is where a principal calls from, its user agent, what a schema marks `x-mcp-auth-personal: true`, and what has a name
//!    given to [`PersonalKeys::name`]. Secrets are taken out before.
//! 2. Each issuer and subject has keys of its own in a [`Sealed`] store. [`erase`] removes them: the chain still verifies, and
//!    nobody reads what was sealed, backups of the record included. Backups of the store have to follow.
//! 3. The subject itself stays: it is how the record is asked. So do those who did not sign in: they have no key.
//! 4. A write does not run before its key is kept; a read does not wait, and what it sealed is lost if the process ends before.
//! 5. What cannot be sealed is left out: `[personal]`.
//!
//! ```
//! use std::sync::Arc;
//! use mcp_auth_core::audit::personal::{self, PersonalKeys};
//! use mcp_auth_core::audit::{Audit, TracingSink};
//! use mcp_auth_core::store::{KeyRing, MemoryStore, Sealed};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let store = Arc::new(Sealed::new(MemoryStore::default(), KeyRing::generate()?));
//! let (keys, background) = PersonalKeys::new(Arc::clone(&store));
//! let audit = Audit::new(TracingSink).personal(keys.name("email"));
//! tokio::spawn(background);
//! // … when ada wants to be forgotten:
//! let keys = personal::erase(&store, "https://issuer.example", "ada").await?;
//! assert_eq!(keys, 0, "she never called");
//! # drop(audit);
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod keep;
mod reveal;
mod seal;

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;
use tokio::sync::mpsc;

use crate::background::Background;
use crate::principal::Principal;
use crate::store::{Sealed, Store, StoreError, StoreExt};

pub use reveal::Reveal;
use seal::{Fresh, Subject};
pub(super) use seal::{Held, Sealer};

/// How many subjects' keys are at hand.
const AT_HAND: usize = 10_000;
/// How many new keys may wait to be kept.
const WAITING: usize = 1000;
const COLLECTION: &str = "audit_personal";
const PAGE: usize = 100;

/// Keys of subjects, for [`Audit::personal`](super::Audit::personal). Cheap to clone.
#[derive(Clone)]
pub struct PersonalKeys {
    inner: Arc<Inner>,
    names: Arc<[String]>,
}

struct Inner {
    held: Cache<Subject, Arc<Held>>,
    fresh: mpsc::Sender<Fresh>,
}

impl PersonalKeys {
    /// Keys in `store`. The [`Background`] keeps them: spawn it, or nothing that writes runs.
    pub fn new<S: Store>(store: Arc<Sealed<S>>) -> (Self, Background) {
        let (fresh, made) = mpsc::channel(WAITING);
        let inner = Arc::new(Inner { held: Cache::new(AT_HAND), fresh });
        let job = Box::pin(keep::run(store, made, Arc::downgrade(&inner)));
        (Self { inner, names: Arc::default() }, Background::new(vec![job]))
    }

    /// Seals what this name holds, in any letter case, in parameters, previews, results and states.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.names = self.names.iter().cloned().chain([name.into().to_lowercase()]).collect();
        self
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The key of a principal: the one at hand, or a new one.
    pub(super) fn of(&self, principal: &Principal) -> Arc<Held> {
        let subject = Subject::of(principal.issuer(), principal.subject());
        if let Some(held) = self.inner.held.get(&subject) {
            return held;
        }
        let fresh = Fresh::new(subject);
        let held = Arc::clone(&fresh.held);
        if self.inner.fresh.try_send(fresh).is_err() {
            tracing::warn!(
                "personal fields cannot be sealed: too many new subjects, or the Background does not run"
            );
            return held;
        }
        self.inner.held.insert(subject, Arc::clone(&held));
        held
    }
}

impl fmt::Debug for PersonalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonalKeys").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Destroys every key of a subject; gives how many there were. A process that has one at hand hears of it from the store and makes
/// another for what comes.
///
/// # Errors
/// [`StoreError`] if the store does not answer: some keys may be left, ask again.
pub async fn erase<S: Store>(store: &Sealed<S>, issuer: &str, subject: &str) -> Result<usize, StoreError> {
    let partition = Subject::of(issuer, subject).to_string();
    let mut count = 0;
    loop {
        // The store below: a key that cannot be opened any more goes, too.
        let page = store.inner().scan(COLLECTION, &partition, None, PAGE).await?;
        if page.is_empty() {
            return Ok(count);
        }
        for entry in page {
            store.inner().remove(&seal::place(&partition, entry.id)).await?;
            count += 1;
        }
    }
}
