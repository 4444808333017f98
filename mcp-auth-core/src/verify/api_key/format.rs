//! How a key is written: `<prefix>_<id><secret><checksum>`, letters and digits behind the prefix.
//!
//! 1. The id is 12 base62 digits (71 bits) and public: it stands in lists, logs and the audit.
//! 2. The secret is 43 base62 digits (256 bits) of the system's randomness; it is shown once and kept only as a hash.
//! 3. The checksum is the CRC-32 of everything before it in 6 base62 digits: whatever is mistyped in one place is refused
//!    before anything is looked up. It keeps nobody out.

use aws_lc_rs::{digest, rand};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::KeyError;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID: usize = 12;
const SECRET: usize = 43;
const CHECK: usize = 6;
const MIN_PREFIX: usize = 2;
const MAX_PREFIX: usize = 16;

/// The SHA-256 of a secret.
pub(super) type Hash = [u8; 32];

/// A key's public id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyId([u8; ID]);

impl KeyId {
    pub(super) fn random() -> Result<Self, KeyError> {
        let mut id = [0; ID];
        fill_digits(&mut id)?;
        Ok(Self(id))
    }

    /// Reads an id that somebody names; `None` if no key could have it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let id: [u8; ID] = text.as_bytes().try_into().ok()?;
        id.iter().all(u8::is_ascii_alphanumeric).then_some(Self(id))
    }

    pub(super) fn as_str(&self) -> &str {
        // Letters and digits, by every way of making one.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A secret on its way to whom it is shown, and its hash on the way to the store.
pub(super) struct NewSecret {
    digits: Zeroizing<[u8; SECRET]>,
}

impl NewSecret {
    pub(super) fn random() -> Result<Self, KeyError> {
        let mut digits = Zeroizing::new([0; SECRET]);
        fill_digits(digits.as_mut_slice())?;
        Ok(Self { digits })
    }

    pub(super) fn hash(&self) -> Hash {
        hash(self.digits.as_slice())
    }

    /// The whole key, as its holder presents it.
    pub(super) fn write(&self, prefix: &str, id: KeyId) -> SecretString {
        // Of the exact size from the start: nothing is copied and left behind.
        let mut key = String::with_capacity(prefix.len() + 1 + ID + SECRET + CHECK);
        key.push_str(prefix);
        key.push('_');
        key.push_str(id.as_str());
        key.extend(self.digits.iter().copied().map(char::from));
        key.extend(checksum(key.as_bytes()).map(char::from));
        key.into()
    }
}

/// What was read out of a presented key.
pub(super) struct Presented<'a> {
    pub(super) id: KeyId,
    secret: &'a [u8],
}

impl<'a> Presented<'a> {
    /// Reads `token`; `None` if it is no key with this prefix.
    pub(super) fn read(token: &'a str, prefix: &str) -> Option<Self> {
        let digits = token.strip_prefix(prefix)?.strip_prefix('_')?.as_bytes();
        if digits.len() != ID + SECRET + CHECK || !digits.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let (body, check) = token.as_bytes().split_last_chunk::<CHECK>()?;
        if checksum(body) != *check {
            return None;
        }
        let (id, rest) = digits.split_first_chunk::<ID>()?;
        let (secret, _) = rest.split_first_chunk::<SECRET>()?;
        Some(Self { id: KeyId(*id), secret })
    }

    pub(super) fn hash(&self) -> Hash {
        hash(self.secret)
    }
}

/// True for what may stand before the `_`: 2 to 16 small letters, digits and inner `_`, a letter first.
pub(super) fn is_prefix(prefix: &str) -> bool {
    (MIN_PREFIX..=MAX_PREFIX).contains(&prefix.len())
        && prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && prefix.starts_with(|first: char| first.is_ascii_lowercase())
        && !prefix.ends_with('_')
}

fn hash(secret: &[u8]) -> Hash {
    let mut hash = [0; 32];
    // SHA-256 is 32 bytes long; were it not, the zeroes would match no secret.
    if let Some(digest) = digest::digest(&digest::SHA256, secret).as_ref().first_chunk() {
        hash = *digest;
    }
    hash
}

fn checksum(bytes: &[u8]) -> [u8; CHECK] {
    let mut rest = crc32fast::hash(bytes);
    let mut digits = [0; CHECK];
    for place in digits.iter_mut().rev() {
        *place = digit(rest % 62);
        rest /= 62;
    }
    digits
}

/// Fills `digits` evenly: a byte that would favour some digits is drawn again.
fn fill_digits(digits: &mut [u8]) -> Result<(), KeyError> {
    let mut random = Zeroizing::new([0; 64]);
    let mut places = digits.iter_mut();
    let mut place = places.next();
    while place.is_some() {
        rand::fill(random.as_mut_slice()).map_err(|_| KeyError::Randomness)?;
        for byte in random.iter().filter(|byte| **byte < 248) {
            let Some(here) = place else { break };
            *here = digit(u32::from(*byte) % 62);
            place = places.next();
        }
    }
    Ok(())
}

fn digit(value: u32) -> u8 {
    usize::try_from(value).ok().and_then(|value| DIGITS.get(value)).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let (id, secret) = (KeyId::random().unwrap(), NewSecret::random().unwrap());
        let key = secret.write("corcava", id);
        let read = Presented::read(key.expose_secret(), "corcava").unwrap();
        assert!(read.id == id && read.hash() == secret.hash());
        assert!(Presented::read(key.expose_secret(), "corcav").is_none());
        assert!(KeyId::read(id.as_str()) == Some(id));
    }

    #[test]
    fn a_prefix_is_short_and_plain() {
        for good in ["ab", "corcava", "corcava_test", "k9", "abcdefghijklmnop"] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in ["", "a", "9a", "_ab", "ab_", "Ab", "a-b", "a b", "ä1", "abcdefghijklmnopq"] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }

    #[test]
    fn digits_are_drawn_evenly() {
        let mut digits = [0; 62 * 200];
        fill_digits(&mut digits).unwrap();
        let distinct: HashSet<u8> = digits.iter().copied().collect();
        assert_eq!(distinct.len(), 62);
        for digit in distinct {
            let count = digits.iter().filter(|have| **have == digit).count();
            assert!((90..340).contains(&count), "{count} of 200 expected");
        }
    }
}
