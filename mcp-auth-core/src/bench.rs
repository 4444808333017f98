//! What only the benchmarks see of this crate: no part of its API.

pub use crate::confirm::bench::SealedState;
use crate::time::Timestamp;
use crate::verify::{self, CacheSettings, Verified};

/// The cache of verdicts by itself, as the guard asks it.
#[derive(Debug)]
pub struct TokenCache(verify::TokenCache);

impl TokenCache {
    /// An empty cache.
    #[must_use]
    pub fn new(settings: CacheSettings) -> Self {
        Self(verify::TokenCache::new(settings))
    }

    /// Keeps a verdict.
    pub fn put(&self, token: &str, verified: &Verified) {
        self.0.put(token.as_bytes(), verified, 0, 0);
    }

    /// True if there is a verdict that may be used now.
    #[must_use]
    pub fn has(&self, token: &str, now: Timestamp) -> bool {
        self.0.get(token.as_bytes(), now, 0).is_some_and(|cached| cached.is_checked_at(0))
    }

    /// How many verdicts are kept.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.len()
    }
}
