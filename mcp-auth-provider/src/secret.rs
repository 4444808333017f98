//! Random secrets, and what is stored of them.
//!
//! 1. A secret has 256 bits and is shown once, as base64url.
//! 2. Only its SHA-256 is stored or logged. That suffices: there is nothing to guess in 256 random bits.

use aws_lc_rs::{constant_time, digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// The machine gives no randomness.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the machine gives no randomness")]
pub(crate) struct NoRandomness;

/// A fresh secret.
pub(crate) fn random() -> Result<Zeroizing<String>, NoRandomness> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    rand::fill(bytes.as_mut()).map_err(|_| NoRandomness)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// A fresh identifier, which is no secret.
pub(crate) fn random_id() -> Result<String, NoRandomness> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a secret.
pub(crate) fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}

/// True if `secret` has this hash; takes the same time whatever differs.
pub(crate) fn matches(secret: &str, stored_hash: &str) -> bool {
    constant_time::verify_slices_are_equal(hash(secret).as_bytes(), stored_hash.as_bytes()).is_ok()
}

/// A code over `parts` that only who knows `key` can make.
pub(crate) fn authenticate(key: &str, parts: &[&str]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.sign())
}

/// True if both are equal; takes the same time whatever differs.
pub(crate) fn equal(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}
