//! An authorization server on loopback: metadata, keys, tokens, introspection, and every way to fail.

mod answer;
mod builder;
mod fault;
mod introspection;
mod keys;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::{TestKey, TokenBuilder};
use crate::time::Clock;
use crate::verify::jwt::Algorithm;

pub use builder::{AuthorityBuilder, Discovery};
pub use fault::Fault;

/// Serves its metadata, its keys (`/jwks`) and introspection (`/introspect`, RFC 7662) on a free loopback port, and signs
/// tokens. It ends with the last clone.
#[derive(Clone, Debug)]
pub struct Authority {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Scheme, host and port; the issuer may have a path behind it.
    base: String,
    issuer: String,
    clock: Clock,
    discovery: Discovery,
    metadata: Mutex<Map<String, Value>>,
    keys: Mutex<keys::Keys>,
    fetches: AtomicUsize,
    redirects_followed: AtomicUsize,
    fault: Mutex<Option<Fault>>,
    max_age: Mutex<Option<Duration>>,
    introspection: introspection::Introspection,
    task: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Authority {
    /// Starts with one key of each kind, an issuer without a path, and the system's clock.
    ///
    /// # Errors
    /// If no port is free, or the machine gives no randomness.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Another issuer, another clock: see each setting.
    pub fn builder() -> AuthorityBuilder {
        AuthorityBuilder::default()
    }

    /// The issuer's identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// The URL of the key set.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        self.inner.endpoint("/jwks")
    }

    /// The key set, as it is served.
    #[must_use]
    pub fn jwks(&self) -> String {
        lock(&self.inner.keys).jwks()
    }

    /// The key for `algorithm` that signs at present. One RSA pair serves all RSA algorithms.
    #[must_use]
    pub fn key(&self, algorithm: Algorithm) -> TestKey {
        lock(&self.inner.keys).current(algorithm)
    }

    /// A good token for `audience`, signed with the ES256 key.
    pub fn token(&self, audience: &str) -> TokenBuilder {
        self.token_with(Algorithm::Es256, audience)
    }

    /// A good token for `audience`, signed with the key for `algorithm`.
    pub fn token_with(&self, algorithm: Algorithm, audience: &str) -> TokenBuilder {
        TokenBuilder::new(self.key(algorithm), self.issuer(), audience).at(self.inner.clock.now())
    }

    /// Puts fresh keys in place of the old ones, which are published no more.
    ///
    /// # Errors
    /// If the machine gives no randomness.
    pub fn rotate(&self) -> io::Result<()> {
        let fresh = lock(&self.inner.keys).next()?;
        *lock(&self.inner.keys) = fresh;
        Ok(())
    }

    /// Signs with fresh keys from now on, and publishes the old ones beside them until [`withdraw`](Self::withdraw).
    ///
    /// # Errors
    /// If the machine gives no randomness.
    pub fn rotate_with_overlap(&self) -> io::Result<()> {
        let fresh = lock(&self.inner.keys).next()?;
        lock(&self.inner.keys).overlap(fresh);
        Ok(())
    }

    /// Publishes only the keys that sign at present.
    pub fn withdraw(&self) {
        lock(&self.inner.keys).withdraw();
    }

    /// Answers for metadata and keys with this fault from now on, or with none.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *lock(&self.inner.fault) = fault;
    }

    /// [`set_fault`](Self::set_fault) with [`Fault::Failing`], or with none.
    pub fn set_failing(&self, failing: bool) {
        self.set_fault(failing.then_some(Fault::Failing));
    }

    /// Says how long keys may be kept (`Cache-Control: max-age`). Nothing by default.
    pub fn set_max_age(&self, max_age: Option<Duration>) {
        *lock(&self.inner.max_age) = max_age;
    }

    /// Puts a member into the metadata, in place of what stands there.
    pub fn set_metadata(&self, name: &str, value: Value) {
        lock(&self.inner.metadata).insert(name.to_owned(), value);
    }

    /// How often the keys were asked for, and anything while a fault was set.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.inner.fetches.load(Ordering::SeqCst)
    }

    /// How often somebody followed the redirect of [`Fault::Redirecting`].
    #[must_use]
    pub fn redirects_followed(&self) -> usize {
        self.inner.redirects_followed.load(Ordering::SeqCst)
    }
}

impl Inner {
    fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

/// A panic in a test's thread leaves the data as good as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
