//! An issuer's keys (RFC 7517, section 5).
//!
//! 1. A set has at most 64 keys and 256 KiB.
//! 2. A key that cannot be used is left out and named in the log; the others stay.
//! 3. Two keys with one `kid` and an algorithm in common are both left out: nobody could say which one is meant.

use std::sync::Arc;

use super::algorithm::Algorithm;
use super::key::Key;

const MAX_KEYS: usize = 64;
/// The largest key set that is read, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Why a key set is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// Over 256 KiB, or more than 64 keys.
    #[error("the key set is too large")]
    TooLarge,
    /// Not a JWK set (RFC 7517, section 5).
    #[error("the key set is not a JWK set")]
    Malformed(#[source] serde_json::Error),
    /// No key of it can verify a signature here.
    #[error("the key set has no usable key")]
    Empty,
}

/// The usable keys of an issuer.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Arc<Key>>,
}

impl KeySet {
    pub(super) fn parse(json: &[u8]) -> Result<Self, KeysError> {
        #[derive(serde::Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        if json.len() > MAX_BYTES {
            return Err(KeysError::TooLarge);
        }
        let set: Set = serde_json::from_slice(json).map_err(KeysError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(KeysError::TooLarge);
        }
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for value in set.keys {
            let kid = value.get("kid").and_then(|kid| kid.as_str()).map(str::to_owned);
            match Key::parse(value) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(reason) => tracing::info!(kid, reason, "a key of the issuer is not used"),
            }
        }
        let all = keys.clone();
        keys.retain(|key| {
            let clashes = all.iter().any(|other| !Arc::ptr_eq(key, other) && key.clashes_with(other));
            if clashes {
                tracing::warn!(kid = key.kid(), "two keys of the issuer have one key id: neither is used");
            }
            !clashes
        });
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Self { keys }) }
    }

    /// The key for a token; without a `kid` only if exactly one key fits the algorithm.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let mut fitting =
            self.keys.iter().filter(|key| key.is_for(algorithm) && (kid.is_none() || key.kid() == kid));
        let first = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        Some(Arc::clone(first))
    }

    /// True if `next` lacks a key of this set, so that a token which was good may be good no more.
    pub(super) fn loses_by(&self, next: &Self) -> bool {
        self.keys.iter().any(|key| !next.keys.iter().any(|other| other.replaces(key)))
    }
}
