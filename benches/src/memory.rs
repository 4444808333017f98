//! What cached verdicts cost in memory, and whether the bound holds.

use std::fmt::Write as _;

use mcp_auth_core::bench::TokenCache;
use mcp_auth_core::verify::{CacheKey, CacheSettings};
use mcp_auth_core::{Credential, TokenVerifier};
use serde::{Deserialize, Serialize};

use crate::rows::{at_once, context, verifier};
use crate::{Error, Material, material};

const ENTRIES: usize = 100_000;
/// More tokens than the cache may keep.
const FLOOD: usize = ENTRIES + ENTRIES / 4;
/// As long as with an RSA signature.
const LENGTH: usize = 900;
const PAGE: u64 = 4096;

/// What one cache of 100,000 verdicts came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// `cache/whole` or `cache/sha256`.
    pub name: String,
    /// What the process grew by while 100,000 tokens were put in, in megabytes (10^6 bytes).
    pub megabytes: f64,
    /// The same, of what was allocated and not given back.
    pub allocated_megabytes: f64,
    /// How many verdicts it kept of those.
    pub entries: usize,
    /// How many it kept of a quarter more.
    pub entries_after_flood: usize,
    /// What the process had grown by then.
    pub megabytes_after_flood: f64,
}

/// Fills one cache of each kind with verdicts on tokens of 900 bytes. `allocated` counts the bytes that are in use.
///
/// # Errors
/// If a token is not taken.
pub fn caches(material: &Material, allocated: impl Fn() -> usize) -> Result<Vec<Memory>, Error> {
    let (one, jwks) = material::many_tokens(material, 64)?;
    let verifier = verifier(material, &jwks)?;
    let mut filled = Vec::new();
    // One buffer for all: what is given back between two verdicts leaves holes that are not the cache's.
    let mut name_of_token = String::with_capacity(LENGTH);
    // All stay until the end: what one gave back would hide what the next takes.
    let mut caches = Vec::new();
    // The first takes what was given back before, and is not counted.
    let kinds = [CacheKey::Sha256, CacheKey::Sha256, CacheKey::WholeToken];
    for (name, key) in ["", "cache/sha256", "cache/whole"].into_iter().zip(kinds) {
        let cache =
            TokenCache::new(CacheSettings::default().key(key).max_entries(ENTRIES).max_bytes(1 << 30));
        let (resident_before, allocated_before) = (resident()?, allocated());
        let mut at_full = (0.0, 0.0, 0);
        for (n, token) in (0..FLOOD).zip(one.iter().cycle()) {
            let credential = Credential::bearer(token.as_str());
            let verified = at_once(verifier.verify(&credential, context(&material.resource)))
                .ok_or("the verifier waits")??;
            // A real verdict of its own each time; only the key is made up, as verifying is what takes the time.
            name_of_token.clear();
            write!(name_of_token, "{n:0LENGTH$}")?;
            cache.put(&name_of_token, &verified);
            if n + 1 == ENTRIES {
                let resident = resident()?.saturating_sub(resident_before);
                let allocated = allocated().saturating_sub(allocated_before) as u64;
                at_full = (mega(resident), mega(allocated), cache.entries());
            }
        }
        filled.push(Memory {
            name: name.to_owned(),
            megabytes: at_full.0,
            allocated_megabytes: at_full.1,
            entries: at_full.2,
            entries_after_flood: cache.entries(),
            megabytes_after_flood: mega(resident()?.saturating_sub(resident_before)),
        });
        caches.push(cache);
    }
    Ok(filled.split_off(1))
}

/// What of the process is in memory, in bytes.
///
/// # Errors
/// If the system does not say.
pub fn resident() -> Result<u64, Error> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    Ok(pages.split(' ').nth(1).ok_or("statm is of another form")?.parse::<u64>()? * PAGE)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
