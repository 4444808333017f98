//! The keys of a [`Sealed`](super::Sealed) store: one that seals, older ones that still open.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use zeroize::Zeroizing;

const KEY_LEN: usize = 32;
const ID_LEN: usize = 8;
const TAG_LEN: usize = 16;
/// The first byte of every sealed value.
const FORMAT: u8 = 1;
const HEAD_LEN: usize = 1 + ID_LEN + NONCE_LEN;
const MAX_TEXT: usize = 16 * 1024;
const MAX_KEYS: usize = 64;

/// Names a key without telling it: the first 64 bits of a hash of it, shown as hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId([u8; ID_LEN]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why keys were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// A key is not exactly 32 bytes.
    #[error("a sealing key has 32 bytes")]
    Length,
    /// A line is not one key in base64.
    #[error("line {0} is not a sealing key in base64")]
    Line(usize),
    /// There is no key.
    #[error("there is no sealing key")]
    Empty,
    /// The text is over 16 KiB, or there are more than 64 keys.
    #[error("there are too many sealing keys")]
    TooMany,
    /// A key is there twice.
    #[error("sealing key {0} is there twice")]
    Twice(KeyId),
    /// The operating system gave no random bytes.
    #[error("there is no randomness")]
    Randomness,
}

/// Why a value was not sealed or opened; says nothing about its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    #[error("the value was not sealed by this version")]
    Format,
    #[error("no key of the ring has the id {0}")]
    Foreign(KeyId),
    #[error("the value does not open at this place: damaged or moved")]
    Opening,
    #[error("the value could not be sealed")]
    Sealing,
}

/// The keys of a [`Sealed`](super::Sealed) store. Cheap to clone; shows only the ids of its keys.
///
/// To rotate, put a new key in front and keep the older ones until nothing is sealed with them any more. Nonces are
/// random, so a key should seal no more than 2³² values.
#[derive(Clone)]
pub struct KeyRing {
    /// The current one first; never empty.
    keys: Vec<(KeyId, Arc<RandomizedNonceKey>)>,
}

impl KeyRing {
    /// A ring of one key of 32 bytes.
    ///
    /// # Errors
    /// [`KeyRingError::Length`].
    pub fn new(key: &SecretSlice<u8>) -> Result<Self, KeyRingError> {
        Self::of([key.expose_secret()])
    }

    /// A ring of one new random key, which ends with the process.
    ///
    /// # Errors
    /// [`KeyRingError::Randomness`].
    pub fn generate() -> Result<Self, KeyRingError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        rand::fill(key.as_mut()).map_err(|_| KeyRingError::Randomness)?;
        Self::of([key.as_slice()])
    }

    /// A new random key as one line of a key file, without the line's end.
    ///
    /// # Errors
    /// [`KeyRingError::Randomness`].
    pub fn new_key() -> Result<SecretString, KeyRingError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        rand::fill(key.as_mut()).map_err(|_| KeyRingError::Randomness)?;
        Ok(STANDARD.encode(key.as_slice()).into())
    }

    /// Reads a key file: one key in base64 (standard alphabet, padded; `openssl rand -base64 32`) a line, the current
    /// one first. Empty lines and lines that begin with `#` are skipped. At most 16 KiB and 64 keys.
    ///
    /// # Errors
    /// [`KeyRingError`]; it names lines and ids, never what a line holds.
    pub fn from_text(text: &SecretString) -> Result<Self, KeyRingError> {
        let text = text.expose_secret();
        if text.len() > MAX_TEXT {
            return Err(KeyRingError::TooMany);
        }
        let mut keys = Zeroizing::new(Vec::<[u8; KEY_LEN]>::with_capacity(MAX_KEYS));
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if keys.len() == MAX_KEYS {
                return Err(KeyRingError::TooMany);
            }
            let mut key = Zeroizing::new([0; KEY_LEN]);
            // The slice has no room for more, and less leaves zeros behind: both are refused.
            match STANDARD.decode_slice(line, key.as_mut()) {
                Ok(KEY_LEN) => keys.push(*key),
                _ => return Err(KeyRingError::Line(at + 1)),
            }
        }
        Self::of(keys.iter().map(<[u8; KEY_LEN]>::as_slice))
    }

    /// This ring with `key` in front: it seals from now on, the others only open.
    ///
    /// # Errors
    /// [`KeyRingError::Length`] and [`KeyRingError::TooMany`]; [`KeyRingError::Twice`] if the ring has it already.
    pub fn rotated(self, key: &SecretSlice<u8>) -> Result<Self, KeyRingError> {
        let mut keys = vec![Self::key(key.expose_secret())?];
        keys.extend(self.keys);
        Self::checked(keys)
    }

    /// Which key seals.
    #[must_use]
    pub fn current(&self) -> Option<KeyId> {
        self.keys.first().map(|(id, _)| *id)
    }

    fn of<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, KeyRingError> {
        Self::checked(keys.into_iter().map(Self::key).collect::<Result<_, _>>()?)
    }

    fn key(bytes: &[u8]) -> Result<(KeyId, Arc<RandomizedNonceKey>), KeyRingError> {
        if bytes.len() != KEY_LEN {
            return Err(KeyRingError::Length);
        }
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"mcp-auth sealing key id 1");
        context.update(bytes);
        let mut id = [0; ID_LEN];
        id.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| KeyRingError::Length)?;
        Ok((KeyId(id), Arc::new(key)))
    }

    fn checked(keys: Vec<(KeyId, Arc<RandomizedNonceKey>)>) -> Result<Self, KeyRingError> {
        if keys.is_empty() {
            return Err(KeyRingError::Empty);
        }
        if keys.len() > MAX_KEYS {
            return Err(KeyRingError::TooMany);
        }
        for (at, (id, _)) in keys.iter().enumerate() {
            if keys.iter().take(at).any(|(other, _)| other == id) {
                return Err(KeyRingError::Twice(*id));
            }
        }
        Ok(Self { keys })
    }

    /// Format, key id, nonce, ciphertext, tag.
    pub(crate) fn seal(&self, aad: &[u8], value: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, key) = self.keys.first().ok_or(SealError::Sealing)?;
        let mut text = Vec::with_capacity(value.len() + TAG_LEN);
        text.extend_from_slice(value);
        let nonce =
            key.seal_in_place_append_tag(Aad::from(aad), &mut text).map_err(|_| SealError::Sealing)?;
        let mut sealed = Vec::with_capacity(HEAD_LEN + text.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&id.0);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Bytes, SealError> {
        let (head, text) = sealed.split_at_checked(HEAD_LEN).ok_or(SealError::Format)?;
        let [FORMAT, rest @ ..] = head else { return Err(SealError::Format) };
        let (id, nonce) = rest.split_first_chunk::<ID_LEN>().ok_or(SealError::Format)?;
        let (_, key) =
            self.keys.iter().find(|(known, _)| known.0 == *id).ok_or(SealError::Foreign(KeyId(*id)))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Format)?;
        let mut text = text.to_vec();
        let length =
            key.open_in_place(nonce, Aad::from(aad), &mut text).map_err(|_| SealError::Opening)?.len();
        text.truncate(length);
        Ok(text.into())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id.to_string())).finish()
    }
}
