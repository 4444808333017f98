//! Sessions of the legacy era (up to 2025-11-25): the id that a client gets is sealed.
//!
//! 1. What leaves is `base64url(AES-256-GCM(inner id))`, with the resource and the principal's key as associated data.
//! 2. An id that does not open for this principal is answered like one that never was: 404.
//! 3. There is no table. Replicas that share a key open each other's ids.

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::principal::Principal;

const MAX_INNER: usize = 512;
const MAX_SEALED: usize = 1024;
const KEY_LEN: usize = 32;

/// Seals and opens session ids.
pub(super) struct SessionSeal {
    key: RandomizedNonceKey,
    resource: String,
}

/// The operating system gave no randomness, or the key has a wrong length.
#[derive(Debug, thiserror::Error)]
#[error("a session key could not be made")]
pub(super) struct SealError;

impl SessionSeal {
    /// A seal with a fresh key: sessions end with this process.
    pub(super) fn random(resource: &str) -> Result<Self, SealError> {
        let mut key = Zeroizing::new([0_u8; KEY_LEN]);
        rand::fill(key.as_mut()).map_err(|_| SealError)?;
        Self::with_key(key.as_ref(), resource)
    }

    /// A seal with a given key of 32 bytes, shared by replicas.
    pub(super) fn with_key(key: &[u8], resource: &str) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealError)?;
        Ok(Self { key, resource: resource.to_owned() })
    }

    /// Seals the id that the service gave; `None` if it is no id that could be opened again.
    pub(super) fn seal(&self, inner: &HeaderValue, principal: Option<&Principal>) -> Option<HeaderValue> {
        let inner = inner.as_bytes();
        if inner.is_empty() || inner.len() > MAX_INNER || !inner.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut sealed = inner.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(self.aad(principal)), &mut sealed).ok()?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        HeaderValue::try_from(URL_SAFE_NO_PAD.encode(whole)).ok()
    }

    /// Opens an id that a client sent; `None` if it is forged, foreign or damaged.
    pub(super) fn open(&self, sealed: &HeaderValue, principal: Option<&Principal>) -> Option<HeaderValue> {
        let sealed = sealed.as_bytes();
        if sealed.len() > MAX_SEALED {
            return None;
        }
        let whole = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, rest) = whole.split_at_checked(12)?;
        let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let inner = self.key.open_in_place(nonce, Aad::from(self.aad(principal)), &mut rest).ok()?;
        HeaderValue::from_bytes(inner).ok()
    }

    fn aad(&self, principal: Option<&Principal>) -> Vec<u8> {
        let (kind, key) = principal.map_or(("anonymous", ""), |principal| ("principal", principal.key()));
        format!("mcp-session\n{}\n{kind}\n{key}", self.resource).into_bytes()
    }
}

impl std::fmt::Debug for SessionSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSeal")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_its_owner_opens_it() {
        let seal = SessionSeal::random("https://x/mcp").unwrap();
        let ada = Principal::builder("i", "ada").build();
        let bob = Principal::builder("i", "bob").build();
        let inner = HeaderValue::from_static("abc-123");
        let sealed = seal.seal(&inner, Some(&ada)).unwrap();
        assert_eq!(seal.open(&sealed, Some(&ada)).unwrap(), inner);
        assert!(seal.open(&sealed, Some(&bob)).is_none());
        assert!(seal.open(&sealed, None).is_none());
        assert!(seal.open(&inner, Some(&ada)).is_none());
        assert!(SessionSeal::random("https://x/mcp").unwrap().open(&sealed, Some(&ada)).is_none());
    }
}
