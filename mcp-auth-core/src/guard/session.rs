//! Sessions of the legacy era (up to 2025-11-25): the id that a client gets is sealed.
//!
//! 1. What leaves is `base64url(AES-256-GCM(declared, inner id))`, with the format, the resource and the principal's key as
//!    associated data.
//! 2. With the id travels what the client declared in `initialize`: whether it shows forms and opens links, its name and version;
//!    and the session's name in the record, so that nothing is hashed for each request.
//! 3. An id that does not open for this principal, or was sealed in another format, is answered like one that never was: 404.
//! 4. There is no table. Replicas that share a key open each other's ids.

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::software::Software;
use crate::audit::SessionName;
use crate::confirm::Client;
use crate::mcp::{Era, Message};
use crate::principal::Principal;

const MAX_INNER: usize = 512;
const MAX_SEALED: usize = 1024;
const FORM: u8 = 1;
const URL: u8 = 2;
const KEY_LEN: usize = 32;

/// What a client said of itself in `initialize`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    form: bool,
    url: bool,
    /// What program it is.
    pub(super) software: Software,
}

impl Declared {
    /// What an `initialize` declares.
    pub(super) fn of(message: &Message) -> Self {
        let client = Client::new(Era::Modern, false, message.param("capabilities"));
        Self {
            form: client.form,
            url: client.url,
            software: message.param("clientInfo").map(Software::of).unwrap_or_default(),
        }
    }

    /// The client of a request in `era`.
    pub(super) fn client(&self, era: Era, in_session: bool) -> Client {
        Client { era, in_session, form: self.form, url: self.url }
    }

    fn flags(&self) -> u8 {
        (if self.form { FORM } else { 0 }) | (if self.url { URL } else { 0 })
    }
}

/// A session that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The id that the service gave.
    pub(super) inner: String,
    pub(super) name: SessionName,
    pub(super) declared: Declared,
}

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
    pub(super) fn seal(
        &self,
        inner: &HeaderValue,
        declared: &Declared,
        principal: Option<&Principal>,
    ) -> Option<HeaderValue> {
        let inner = inner.to_str().ok()?;
        if inner.is_empty() || inner.len() > MAX_INNER || !inner.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let software = declared.software.joined();
        let software = software.as_bytes();
        let mut sealed = vec![declared.flags(), u8::try_from(software.len()).ok()?];
        sealed.extend_from_slice(software);
        sealed.extend_from_slice(SessionName::of(inner).as_bytes());
        sealed.extend_from_slice(inner.as_bytes());
        let nonce = self.key.seal_in_place_append_tag(Aad::from(self.aad(principal)), &mut sealed).ok()?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        HeaderValue::try_from(URL_SAFE_NO_PAD.encode(whole)).ok()
    }

    /// Opens an id that a client sent; `None` if it is forged, foreign or damaged.
    pub(super) fn open(&self, sealed: &HeaderValue, principal: Option<&Principal>) -> Option<Session> {
        let sealed = sealed.as_bytes();
        if sealed.len() > MAX_SEALED {
            return None;
        }
        let whole = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, rest) = whole.split_at_checked(12)?;
        let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(self.aad(principal)), &mut rest).ok()?;
        let ([flags, length], rest) = opened.split_first_chunk::<2>()?;
        let (software, rest) = rest.split_at_checked(usize::from(*length))?;
        let (name, inner) = rest.split_first_chunk::<{ SessionName::LEN }>()?;
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
        let declared = Declared {
            form: flags & FORM != 0,
            url: flags & URL != 0,
            software: Software::split(std::str::from_utf8(software).ok()?),
        };
        Some(Session { inner: text(inner)?, name: SessionName::new(*name), declared })
    }

    fn aad(&self, principal: Option<&Principal>) -> Vec<u8> {
        let (kind, key) = principal.map_or(("anonymous", ""), |principal| ("principal", principal.key()));
        format!("mcp-session 4\n{}\n{kind}\n{key}", self.resource).into_bytes()
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
        for form in [false, true] {
            for url in [false, true] {
                let declared = Declared { form, url, software: Software::split("client ü\n1.0") };
                let sealed = seal.seal(&inner, &declared, Some(&ada)).unwrap();
                let session =
                    Session { inner: "abc-123".to_owned(), name: SessionName::of("abc-123"), declared };
                assert_eq!(seal.open(&sealed, Some(&ada)), Some(session));
                assert!(seal.open(&sealed, Some(&bob)).is_none());
                assert!(seal.open(&sealed, None).is_none());
                assert!(SessionSeal::random("https://x/mcp").unwrap().open(&sealed, Some(&ada)).is_none());
            }
        }
        assert!(seal.open(&inner, Some(&ada)).is_none());
    }

    #[test]
    fn the_longest_that_is_sealed_opens_again() {
        let seal = SessionSeal::random("https://x/mcp").unwrap();
        let body = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "capabilities": { "elicitation": {} },
            "clientInfo": { "name": format!("a\nb{}", "é".repeat(500)), "version": "9".repeat(500) } } });
        let message = Message::parse(&body.to_string().into(), &crate::mcp::Limits::default()).unwrap();
        let declared = Declared::of(&message);
        assert!(declared.form && !declared.url);
        assert!(declared.software.name.starts_with("abé") && declared.software.joined().len() <= 97);
        let inner = HeaderValue::try_from("x".repeat(MAX_INNER)).unwrap();
        let sealed = seal.seal(&inner, &declared, None).unwrap();
        assert_eq!(seal.open(&sealed, None).unwrap().declared, declared);
        let longer = HeaderValue::try_from("x".repeat(MAX_INNER + 1)).unwrap();
        assert!(seal.seal(&longer, &declared, None).is_none());
    }
}
