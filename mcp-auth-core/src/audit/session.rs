//! How a record names a session.
//!
//! 1. Whoever reads a record cannot take a session over: the name is the beginning of the id's SHA-256.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A session's name in the record: sixteen characters, the same for the same session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionName([u8; 12]);

impl SessionName {
    /// How many bytes it has.
    pub(crate) const LEN: usize = 12;

    /// The name of the session with this id. Keep it with the session: it is a hash.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, id.as_bytes());
        Self(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }

    pub(crate) const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// As a JSON string.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        let mut text = [b'"'; 18];
        if let Some(inside) = text.get_mut(1..17) {
            // Twelve bytes are sixteen characters.
            URL_SAFE_NO_PAD.encode_slice(self.0, inside).unwrap_or_default();
        }
        out.extend_from_slice(&text);
    }
}

impl fmt::Debug for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}
