//! Verdicts that may be used again.
//!
//! 1. Only good verdicts are kept: a flood of bad tokens neither grows the cache nor pushes anything out of it.
//! 2. The cache is bounded in entries and in bytes; what is used seldom goes first.
//! 3. An entry is used until the verifier's limit, never past the credential's expiry, and only while the verifier's epoch is
//!    the one that it was given in. Revocations and bindings are checked on every hit, by the guard.
//! 4. The key is the token's SHA-256, or the token itself, wiped when it goes. A hit allocates nothing.
//! 5. What a thread asks for again and again it finds at a place of its own, in `front`.

mod front;

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use foldhash::quality::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Options, OptionsBuilder, Weighter};
use secrecy::{ExposeSecret, SecretSlice};

use self::front::{Front, Looked};
use super::Verified;
use crate::time::Timestamp;

/// What the cache finds a verdict by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheKey {
    /// The SHA-256 of the token: the cache keeps no token to find a verdict by. A verdict that itself holds one
    /// ([`UpstreamCredential`](super::UpstreamCredential)) keeps it, wiped when it goes.
    #[default]
    Sha256,
    /// The token itself, wiped when it goes: faster, and more memory.
    WholeToken,
}

/// The bounds of a cache of verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct CacheSettings {
    pub(crate) key: CacheKey,
    pub(crate) max_entries: usize,
    pub(crate) max_bytes: usize,
}

impl Default for CacheSettings {
    /// 100,000 verdicts in at most 128 MiB, found by SHA-256.
    fn default() -> Self {
        Self { key: CacheKey::default(), max_entries: 100_000, max_bytes: 128 << 20 }
    }
}

impl CacheSettings {
    /// Finds verdicts by this key.
    pub fn key(mut self, key: CacheKey) -> Self {
        self.key = key;
        self
    }

    /// Keeps at most so many verdicts; 0 keeps none.
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// Keeps at most about so many bytes.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }
}

/// A verdict that was given before.
#[derive(Debug)]
pub(crate) struct Cached {
    verified: Verified,
    epoch: u64,
    /// The version of the revocations by which it was last found not revoked.
    revocations: AtomicU64,
}

impl Cached {
    pub(crate) fn verified(&self) -> &Verified {
        &self.verified
    }

    /// True if the verdict was found not revoked at this version already.
    pub(crate) fn is_checked_at(&self, version: u64) -> bool {
        self.revocations.load(Ordering::Acquire) == version
    }

    pub(crate) fn checked_at(&self, version: u64) {
        self.revocations.store(version, Ordering::Release);
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        size_of::<Self>() + self.verified.principal().size()
    }

    /// The same verdict once more, sharing no counter with this one.
    fn separate(&self) -> Self {
        Self {
            verified: self.verified.separate(),
            epoch: self.epoch,
            revocations: AtomicU64::new(self.revocations.load(Ordering::Acquire)),
        }
    }
}

/// Good verdicts by token.
#[derive(Debug)]
pub(crate) struct TokenCache {
    verdicts: Verdicts,
}

enum Verdicts {
    None,
    Digest(Box<Layers<Digest>>),
    Whole(Box<Layers<WholeToken>>),
}

/// The verdicts of all threads, and in front of them those of each.
struct Layers<K> {
    front: Front<K>,
    shared: Cache<K, Arc<Cached>, Weight, RandomState>,
    hasher: RandomState,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Digest([u8; 32]);

struct WholeToken(SecretSlice<u8>);

/// Counts an entry's bytes, and at least its share of the bound: so one bound keeps both.
#[derive(Clone)]
struct Weight {
    least: u64,
}

impl TokenCache {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        let (entries, bytes) = (settings.max_entries as u64, settings.max_bytes as u64);
        if entries == 0 || bytes == 0 {
            return Self { verdicts: Verdicts::None };
        }
        let weight = Weight { least: bytes.div_ceil(entries).max(1) };
        let options = OptionsBuilder::new()
            .estimated_items_capacity(settings.max_entries)
            .weight_capacity(bytes)
            .build();
        let Ok(options) = options else { return Self { verdicts: Verdicts::None } };
        let verdicts = match settings.key {
            CacheKey::Sha256 => Verdicts::Digest(Box::new(Layers::new(settings, options, weight))),
            CacheKey::WholeToken => Verdicts::Whole(Box::new(Layers::new(settings, options, weight))),
        };
        Self { verdicts }
    }

    /// The verdict on `token`, if there is one that may be used now.
    pub(crate) fn get(&self, token: &[u8], now: Timestamp, epoch: u64) -> Option<Arc<Cached>> {
        let is_usable = |cached: &Cached| {
            cached.epoch == epoch && cached.verified.reuse_until().is_some_and(|until| now < until)
        };
        match &self.verdicts {
            Verdicts::None => None,
            Verdicts::Digest(layers) => layers.get(&sha256(token), is_usable),
            Verdicts::Whole(layers) => layers.get(token, is_usable),
        }
    }

    /// Keeps a verdict that was asked for in `epoch`, and found not revoked at version `revocations`.
    pub(crate) fn put(&self, token: &[u8], verified: &Verified, epoch: u64, revocations: u64) {
        if verified.reuse_until().is_none() {
            return;
        }
        let cached =
            Arc::new(Cached { verified: verified.clone(), epoch, revocations: AtomicU64::new(revocations) });
        match &self.verdicts {
            Verdicts::None => {}
            Verdicts::Digest(layers) => layers.shared.insert(Digest(sha256(token)), cached),
            Verdicts::Whole(layers) => layers.shared.insert(WholeToken::from(token), cached),
        }
    }

    /// How many verdicts are kept.
    pub(crate) fn len(&self) -> usize {
        match &self.verdicts {
            Verdicts::None => 0,
            Verdicts::Digest(layers) => layers.shared.len(),
            Verdicts::Whole(layers) => layers.shared.len(),
        }
    }
}

impl<K: Eq + Hash> Layers<K>
where
    Weight: Weighter<K, Arc<Cached>>,
{
    fn new(settings: CacheSettings, options: Options, weight: Weight) -> Self {
        let hasher = RandomState::default();
        let shared = Cache::with_options(options, weight, hasher.clone(), DefaultLifecycle::default());
        Self { front: Front::new(settings.max_entries), shared, hasher }
    }

    fn get<Q>(&self, key: &Q, is_usable: impl Fn(&Cached) -> bool) -> Option<Arc<Cached>>
    where
        Q: Hash + Eq + ?Sized,
        K: Borrow<Q> + for<'a> From<&'a Q>,
    {
        let hash = self.hasher.hash_one(key);
        let looked = self.front.get(hash, |one| one.borrow() == key, &is_usable);
        if let Looked::Found(cached) = looked {
            return Some(cached);
        }
        let cached = self.shared.get(key)?;
        if !is_usable(&cached) {
            self.shared.remove_if(key, |cached| !is_usable(cached));
            return None;
        }
        if matches!(looked, Looked::MissedAgain) {
            self.front.put(hash, key.into(), &cached);
        }
        Some(cached)
    }
}

fn sha256(token: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, token).as_ref());
    key
}

impl Weighter<Digest, Arc<Cached>> for Weight {
    fn weight(&self, _: &Digest, cached: &Arc<Cached>) -> u64 {
        (cached.size() as u64).max(self.least)
    }
}

impl Weighter<WholeToken, Arc<Cached>> for Weight {
    fn weight(&self, token: &WholeToken, cached: &Arc<Cached>) -> u64 {
        let size = token.0.expose_secret().len() + cached.size();
        (size as u64).max(self.least)
    }
}

impl Borrow<[u8; 32]> for Digest {
    fn borrow(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<&[u8; 32]> for Digest {
    fn from(digest: &[u8; 32]) -> Self {
        Self(*digest)
    }
}

impl From<&[u8]> for WholeToken {
    fn from(token: &[u8]) -> Self {
        Self(token.to_vec().into())
    }
}

impl Borrow<[u8]> for WholeToken {
    fn borrow(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl Hash for WholeToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.expose_secret().hash(state);
    }
}

/// Compared only where a seeded hash of the whole token fits already: time tells nothing about a part of it.
impl PartialEq for WholeToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for WholeToken {}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Digest(_) => "Digest",
            Self::Whole(_) => "Whole",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::principal::Principal;

    fn good(until: u64) -> Verified {
        let principal = Principal::builder("https://issuer.example", "ada").claims("x".repeat(500)).build();
        Verified::from(principal).reusable_until(Timestamp::from_secs(until))
    }

    #[test]
    fn a_verdict_ends_with_its_time_and_its_epoch() {
        for key in [CacheKey::Sha256, CacheKey::WholeToken] {
            let cache = TokenCache::new(CacheSettings::default().key(key));
            let at = Timestamp::from_secs;
            cache.put(b"t", &good(10), 1, 0);
            assert!(cache.get(b"t", at(9), 1).is_some());
            assert!(cache.get(b"u", at(9), 1).is_none());
            assert!(cache.get(b"t", at(9), 2).is_none(), "another epoch");
            assert_eq!(cache.len(), 0, "what is of no use goes");
            cache.put(b"t", &good(10), 2, 0);
            assert!(cache.get(b"t", at(10), 2).is_none(), "expired");
            cache.put(b"once", &Verified::from(good(10).principal().clone()), 2, 0);
            assert!(cache.get(b"once", at(1), 2).is_none(), "not to be used again");
        }
    }

    #[test]
    fn what_is_asked_for_again_and_again_ends_likewise() {
        for key in [CacheKey::Sha256, CacheKey::WholeToken] {
            let cache = TokenCache::new(CacheSettings::default().key(key));
            let at = Timestamp::from_secs;
            cache.put(b"t", &good(10), 1, 7);
            let first = cache.get(b"t", at(9), 1).unwrap();
            cache.get(b"t", at(9), 1).unwrap();
            let hot = cache.get(b"t", at(9), 1).unwrap();
            assert!(!Arc::ptr_eq(&first, &hot), "a copy of this thread's own");
            assert!(Arc::ptr_eq(&hot, &cache.get(b"t", at(9), 1).unwrap()));
            assert!(hot.is_checked_at(7));
            assert_eq!(hot.verified().principal().key(), first.verified().principal().key());
            assert!(cache.get(b"t", at(9), 2).is_none(), "another epoch");
            cache.put(b"t", &good(10), 2, 0);
            for _ in 0..3 {
                assert!(cache.get(b"t", at(9), 2).is_some());
            }
            assert!(cache.get(b"t", at(10), 2).is_none(), "expired");
        }
    }

    #[test]
    fn threads_at_once_find_what_is_there() {
        let cache = TokenCache::new(CacheSettings::default().key(CacheKey::WholeToken));
        let tokens: Vec<String> = (0..20).map(|n| format!("token {n}")).collect();
        for token in &tokens {
            cache.put(token.as_bytes(), &good(10), 0, 0);
        }
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (cache, tokens) = (&cache, &tokens);
                scope.spawn(move || {
                    for turn in 0..2000 {
                        let token = &tokens[(turn / 5 + thread) % tokens.len()];
                        assert!(cache.get(token.as_bytes(), Timestamp::from_secs(1), 0).is_some());
                        assert!(cache.get(b"another", Timestamp::from_secs(1), 0).is_none());
                    }
                });
            }
        });
    }

    #[test]
    fn both_bounds_hold_under_a_flood() {
        for key in [CacheKey::Sha256, CacheKey::WholeToken] {
            let cache = TokenCache::new(CacheSettings::default().key(key).max_entries(100));
            let by_bytes = TokenCache::new(CacheSettings::default().key(key).max_bytes(100 << 10));
            for n in 0..10_000 {
                cache.put(format!("token {n}").as_bytes(), &good(10), 0, 0);
                by_bytes.put(format!("token {n}").as_bytes(), &good(10), 0, 0);
            }
            assert!((50..=100).contains(&cache.len()), "{}", cache.len());
            assert!((20..=200).contains(&by_bytes.len()), "{}", by_bytes.len());
        }
    }
}
