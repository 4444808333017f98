//! The id of a JSON-RPC request.

use bytes::Bytes;

use super::{ParseError, raw::Raw};

/// The id of a request: a string of at most 256 bytes, or an integer that fits 64 bits, kept as it was written.
///
/// Two ids are equal if they are of one kind and mean the same: `"a"` and `"\u0061"` are, `1` and `"1"` are not.
#[derive(Debug, Clone)]
pub struct Id {
    raw: Bytes,
    string: Option<Box<str>>,
}

impl Id {
    /// The longest string id, in bytes after unescaping.
    pub const LONGEST: usize = 256;

    pub(crate) fn read(body: &Bytes, raw: Raw<'_>) -> Result<Self, ParseError> {
        let string = match (raw.as_str(), raw.as_number()) {
            (Some(text), _) if text.len() <= Self::LONGEST => Some(text.into()),
            // `-0` is an integer to some readers and a float to others.
            (None, Some(number)) if number != "-0" && number.parse::<i64>().is_ok() => None,
            _ => return Err(ParseError::InvalidId),
        };
        Ok(Self { raw: body.slice(raw.span().range()), string })
    }

    /// The id as JSON, exactly as it was sent.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.raw
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        match (&self.string, &other.string) {
            (None, None) => self.raw == other.raw,
            (Some(left), Some(right)) => left == right,
            _ => false,
        }
    }
}

impl Eq for Id {}
