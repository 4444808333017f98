//! The strict reading of one JSON text.
//!
//! 1. What is accepted here is accepted by every usual JSON parser, and read by all of them alike. Where parsers
//!    differ (duplicate keys, lone surrogates, numbers beyond `f64`, a byte order mark), the text is refused.
//! 2. Keys are compared after unescaping. A duplicate at any depth is refused, and so is a key that differs from one
//!    of the protocol's own keys in letter case only, where the protocol's keys have a meaning.
//! 3. Keys under `$serde_json::private::` are refused: with some of its features serde_json expands them.
//! 4. Depth and size are bounded before anything else looks at the text. The work is linear in the body's size.
//! 5. Nothing is converted: numbers keep their spelling, and the outline holds byte ranges only.

mod distinct;
mod keys;
mod number;
mod scanner;
mod text;

pub(crate) use keys::{META, PARAMS, TOP};
pub(crate) use number::Decimal;
pub(crate) use scanner::{Members, skip_space, string_length, value_length};
pub(crate) use text::unescape;

use std::num::NonZeroU32;
use std::str::Utf8Error;

use bytes::Bytes;
use bytestring::ByteString;
use thiserror::Error;

/// Bounds of a JSON text that comes from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Size of the whole text in bytes. Never more than `u32::MAX`, whatever is set.
    pub max_bytes: usize,
    /// Nesting: an object inside an object is two. Never more than [`Limits::DEEPEST`], whatever is set.
    pub max_depth: usize,
}

impl Limits {
    /// The deepest nesting that any setting can allow: what serde_json reads without a feature.
    pub const DEEPEST: usize = 127;

    /// Limits with another size, in bytes.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Limits with another nesting.
    #[must_use]
    pub fn with_max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth;
        self
    }
}

impl Default for Limits {
    /// 4 MiB and 64 levels.
    fn default() -> Self {
        Self { max_bytes: 4 << 20, max_depth: 64 }
    }
}

/// Why a text is not strict JSON. Offsets are bytes from the start; no error repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StrictError {
    /// Nothing, or white space alone.
    #[error("the body is empty")]
    Empty,
    /// Longer than [`Limits::max_bytes`].
    #[error("the body is too large")]
    TooLarge,
    /// Nested deeper than [`Limits::max_depth`].
    #[error("nested too deeply at byte {0}")]
    TooDeep(usize),
    /// Begins with a byte order mark.
    #[error("the body begins with a byte order mark")]
    ByteOrderMark,
    /// Not UTF-8.
    #[error("not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// Does not follow the grammar of RFC 8259.
    #[error("not JSON at byte {0}")]
    Syntax(usize),
    /// Something follows the value.
    #[error("data after the value at byte {0}")]
    TrailingData(usize),
    /// A raw control character in a string.
    #[error("a control character in a string at byte {0}")]
    ControlCharacter(usize),
    /// An escape that does not exist, or half a surrogate pair.
    #[error("an invalid escape at byte {0}")]
    InvalidEscape(usize),
    /// A number of 1e308 or more.
    #[error("a number out of range at byte {0}")]
    NumberOutOfRange(usize),
    /// One key twice in one object, compared after unescaping.
    #[error("a key appears twice in the object that ends at byte {0}")]
    DuplicateKey(usize),
    /// A key that differs from one of the protocol's keys in letter case only.
    #[error("a key differs from a protocol key in letter case only at byte {0}")]
    CaseVariant(usize),
    /// A key that serde_json keeps for itself.
    #[error("a key of serde_json's own at byte {0}")]
    PrivateKey(usize),
}

impl StrictError {
    /// A stable word for records and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::TooDeep(_) => "too_deep",
            Self::ByteOrderMark => "byte_order_mark",
            Self::NotUtf8(_) => "not_utf8",
            Self::Syntax(_) => "syntax",
            Self::TrailingData(_) => "trailing_data",
            Self::ControlCharacter(_) => "control_character",
            Self::InvalidEscape(_) => "invalid_escape",
            Self::NumberOutOfRange(_) => "number_out_of_range",
            Self::DuplicateKey(_) => "duplicate_key",
            Self::CaseVariant(_) => "case_variant",
            Self::PrivateKey(_) => "private_key",
        }
    }
}

/// A byte range in a text that was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    /// Never zero, as no value is empty: this makes an absent span cost nothing.
    end: NonZeroU32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        // The scanner refuses texts beyond u32::MAX, so nothing saturates.
        let end = u32::try_from(end).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MAX);
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end }
    }

    pub(crate) fn start(self) -> u32 {
        self.start
    }

    /// The range, in bytes.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end.get() as usize
    }
}

/// Where the protocol's own members stand, by their place in the tables of `keys`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    pub(crate) top: [Option<Span>; TOP.len()],
    pub(crate) params: [Option<Span>; PARAMS.len()],
    pub(crate) meta: [Option<Span>; META.len()],
}

impl Outline {
    pub(crate) fn top(&self, key: &str) -> Option<Span> {
        find(TOP, &self.top, key)
    }

    pub(crate) fn param(&self, key: &str) -> Option<Span> {
        find(PARAMS, &self.params, key)
    }

    pub(crate) fn meta(&self, key: &str) -> Option<Span> {
        find(META, &self.meta, key)
    }
}

fn find(table: &[&str], spans: &[Option<Span>], key: &str) -> Option<Span> {
    let place = table.iter().position(|known| *known == key)?;
    spans.get(place).copied().flatten()
}

/// Which members of the outermost value have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A JSON-RPC message: outline and case rule apply.
    Message,
    /// Any JSON text.
    Plain,
}

/// Scans `text` once. On success the whole text follows the rules above, and the span is that of the outermost
/// value without the white space around it.
pub(crate) fn scan(text: &str, limits: &Limits, reading: Reading) -> Result<(Span, Outline), StrictError> {
    scanner(text, limits)?.run(reading)
}

/// The same, with every member of the outermost value, if that is an object.
pub(crate) fn scan_fields<'a>(text: &'a str, limits: &Limits) -> Result<(Span, Members<'a>), StrictError> {
    scanner(text, limits)?.run_fields()
}

/// Text within the bounds.
pub(crate) fn utf8<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, StrictError> {
    check_size(bytes, limits)?;
    std::str::from_utf8(bytes).map_err(|error| StrictError::NotUtf8(error.valid_up_to()))
}

/// The same, owned: it is known from then on to be text.
pub(crate) fn text(bytes: &Bytes, limits: &Limits) -> Result<ByteString, StrictError> {
    check_size(bytes, limits)?;
    bytes.clone().try_into().map_err(|error: Utf8Error| StrictError::NotUtf8(error.valid_up_to()))
}

fn scanner<'a>(text: &'a str, limits: &Limits) -> Result<scanner::Scanner<'a>, StrictError> {
    check_size(text.as_bytes(), limits)?;
    if text.starts_with('\u{FEFF}') {
        return Err(StrictError::ByteOrderMark);
    }
    Ok(scanner::Scanner::new(text, limits.max_depth.min(Limits::DEEPEST)))
}

fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), StrictError> {
    if bytes.len() > limits.max_bytes || u32::try_from(bytes.len()).is_err() {
        return Err(StrictError::TooLarge);
    }
    Ok(())
}
