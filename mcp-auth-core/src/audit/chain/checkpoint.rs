//! Signed lines.
//!
//! 1. A checkpoint signs (Ed25519) its own number, the hash of the line before it, its time, and how many lines may
//!    follow until the next: a chain without its checkpoints is seen to lack them.
//! 2. The private key is a file of its own, best not readable for who may read the log.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::rand;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::line::Line;
use super::{Head, hash};
use crate::time::Timestamp;

const CONTEXT: &[u8] = b"mcp-auth audit checkpoint 1\0";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointKeyError {
    /// The file cannot be read or made.
    #[error("the checkpoint key cannot be read or made: {0}")]
    File(#[from] io::Error),
    /// Not 32 bytes in base64.
    #[error("not a key: 32 bytes in base64 are")]
    Malformed,
    /// The system has no randomness.
    #[error("no randomness for a checkpoint key")]
    NoRandomness,
}

/// Signs checkpoints.
pub struct CheckpointKey {
    pair: Ed25519KeyPair,
}

/// Checks checkpoints. Written as 32 bytes in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CheckpointPublicKey([u8; 32]);

/// A signed line, as it is handed out to be kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The checkpoint itself as head: what `--expect` takes.
    pub head: Head,
    /// When it was signed.
    pub time: Timestamp,
    /// The line, as it stands in the file.
    pub line: String,
}

/// The member of the line.
#[derive(Deserialize)]
pub(super) struct Signed {
    time: Timestamp,
    pub(super) every: u64,
    key: String,
    signature: String,
}

fn message(seq: u64, before: &[u8; 32], time: Timestamp, every: u64) -> Vec<u8> {
    let numbers = [seq, time.as_millis(), every].map(u64::to_be_bytes);
    [CONTEXT, numbers.as_flattened(), before].concat()
}

impl CheckpointKey {
    /// The key of 32 secret bytes.
    ///
    /// # Errors
    /// [`CheckpointKeyError::Malformed`] if they are none.
    pub fn from_seed(seed: &[u8]) -> Result<Self, CheckpointKeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CheckpointKeyError::Malformed)?;
        Ok(Self { pair })
    }

    /// The key in the file at `path`, 32 bytes in base64; a new file with a new key, `0600`, if there is none.
    ///
    /// # Errors
    /// [`CheckpointKeyError`] if the file cannot be read or made, or holds no key.
    pub fn load_or_create(path: &Path) -> Result<Self, CheckpointKeyError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(mut file) => {
                let mut seed = Zeroizing::new([0; 32]);
                rand::fill(seed.as_mut_slice()).map_err(|_| CheckpointKeyError::NoRandomness)?;
                let text = Zeroizing::new(STANDARD.encode(seed.as_slice()) + "\n");
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                Self::from_seed(seed.as_slice())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let text = Zeroizing::new(fs::read_to_string(path)?);
                let seed = STANDARD.decode(text.trim()).map_err(|_| CheckpointKeyError::Malformed)?;
                Self::from_seed(&Zeroizing::new(seed))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What checks its signatures.
    #[must_use]
    pub fn public_key(&self) -> CheckpointPublicKey {
        CheckpointPublicKey(self.pair.public_key().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// The members of the line that follows `before`, without the first bracket.
    pub(in crate::audit) fn sign(&self, before: &Head, time: Timestamp, every: u64) -> Vec<u8> {
        let signature = self.pair.sign(&message(before.seq.saturating_add(1), &before.hash, time, every));
        let mut line = Line::with_capacity(256);
        line.object("checkpoint", |line| {
            line.number("time", time.as_millis());
            line.number("every", every);
            line.word("key", &self.public_key().id());
            line.word("signature", &URL_SAFE_NO_PAD.encode(signature.as_ref()));
        });
        let mut members = line.end();
        members.remove(0);
        members
    }
}

impl Signed {
    /// The checkpoint in the members of a line, if it is one.
    pub(super) fn read(members: &[u8]) -> Option<Result<Self, ()>> {
        let object = members.strip_prefix(b"\"checkpoint\":")?.strip_suffix(b"}")?;
        Some(serde_json::from_slice(object).map_err(|_| ()))
    }

    /// Whether one of `keys` signed it behind `before`; `None` if it is none of them.
    pub(super) fn is_good(&self, before: &Head, keys: &[CheckpointPublicKey]) -> Option<bool> {
        let key = keys.iter().find(|key| key.id() == self.key)?;
        let message = message(before.seq.saturating_add(1), &before.hash, self.time, self.every);
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).unwrap_or_default();
        Some(UnparsedPublicKey::new(&ED25519, key.0).verify(&message, &signature).is_ok())
    }
}

impl CheckpointPublicKey {
    /// What lines call it.
    #[must_use]
    pub fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(hash(&self.0).first_chunk::<9>().copied().unwrap_or_default())
    }
}

impl fmt::Display for CheckpointPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for CheckpointPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CheckpointPublicKey {
    type Err = CheckpointKeyError;

    fn from_str(text: &str) -> Result<Self, CheckpointKeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| CheckpointKeyError::Malformed)?;
        bytes.try_into().map(Self).map_err(|_| CheckpointKeyError::Malformed)
    }
}

impl fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointKey").field("id", &self.public_key().id()).finish_non_exhaustive()
    }
}
