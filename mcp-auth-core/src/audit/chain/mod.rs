//! A chain over lines: each names the hash of the one before it.
//!
//! 1. A line begins with its number and the SHA-256 of the bytes of the line before it, without the line feed; the
//!    first of all names 32 zero bytes. The hash covers the raw bytes: nothing has to be parsed to check it.
//! 2. A chain alone shows accidents and careless changes. Whoever may write the file can make all hashes anew: that is
//!    what [`Checkpoint`]s are for, signed lines at least every so many lines, and heads that are kept elsewhere.
//! 3. [`Verify`] reads a chain and names the first record that is broken, missing or out of order.

mod checkpoint;
mod files;
mod own;
mod verify;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::line::push_display;

pub use checkpoint::{Checkpoint, CheckpointKey, CheckpointKeyError, CheckpointPublicKey};
pub use files::files;
pub(super) use files::{aside, last_line};
pub(super) use own::{Lost, Opened, Own};
pub use verify::{Broken, Progress, Report, Verify, VerifyError};

/// SHA-256 of a line.
pub(super) type Hash = [u8; 32];
/// A hash in base64url.
pub(super) type HashText = [u8; 43];

pub(super) fn hash(line: &[u8]) -> Hash {
    let digest = digest::digest(&digest::SHA256, line);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

pub(super) fn encode(hash: &Hash) -> HashText {
    let mut text = [b'A'; 43];
    // 32 bytes take 43 places, always.
    URL_SAFE_NO_PAD.encode_slice(hash, &mut text).ok();
    text
}

/// How far a chain reaches: the number of its last line, and its hash. Written `12:…`; kept elsewhere it shows later
/// that nothing was cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the line; zero before the first.
    pub seq: u64,
    pub(super) hash: Hash,
}

impl Head {
    /// Before the first line.
    pub const START: Self = Self { seq: 0, hash: [0; 32] };

    /// The hash of the line.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Writes the next line and moves on: `members` is a JSON object without its first bracket.
    pub(super) fn push(&mut self, out: &mut Vec<u8>, members: &[u8]) {
        let start = out.len();
        let seq = self.seq.saturating_add(1);
        out.extend_from_slice(b"{\"seq\":");
        push_display(out, seq);
        out.extend_from_slice(b",\"prev\":\"");
        out.extend_from_slice(&encode(&self.hash));
        out.extend_from_slice(b"\",");
        out.extend_from_slice(members);
        *self = Self { seq, hash: hash(out.get(start..).unwrap_or_default()) };
        out.push(b'\n');
    }

    /// The head that `line` is, if it is a line of a chain.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        Link::read(line).map(|link| Self { seq: link.seq, hash: hash(line) })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, URL_SAFE_NO_PAD.encode(self.hash))
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the head of a chain: it reads NUMBER:HASH")]
pub struct NoHead;

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (seq, hash) = text.trim().split_once(':').ok_or(NoHead)?;
        let seq = seq.parse().map_err(|_| NoHead)?;
        let bytes = URL_SAFE_NO_PAD.decode(hash).map_err(|_| NoHead)?;
        Ok(Self { seq, hash: bytes.try_into().map_err(|_| NoHead)? })
    }
}

/// What a line says of its place.
pub(super) struct Link<'a> {
    pub(super) seq: u64,
    pub(super) prev: &'a [u8],
    /// The members behind, with the last bracket.
    pub(super) rest: &'a [u8],
}

impl<'a> Link<'a> {
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"{\"seq\":")?;
        let digits = rest.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = rest.split_at_checked(digits)?;
        let seq = std::str::from_utf8(number).ok()?.parse().ok()?;
        let rest = rest.strip_prefix(b",\"prev\":\"")?;
        let (prev, rest) = rest.split_at_checked(43)?;
        Some(Self { seq, prev, rest: rest.strip_prefix(b"\",")? })
    }
}

/// The number in the beginning of a line.
pub(super) fn first_of(begin: &[u8]) -> Option<u64> {
    let rest = begin.strip_prefix(b"{\"seq\":")?;
    let digits = rest.split(|byte| *byte == b',').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
