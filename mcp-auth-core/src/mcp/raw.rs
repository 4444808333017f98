//! Reading JSON that has been scanned, where it lies.
//!
//! 1. A [`Raw`] is one value inside a text that the strict scan accepted; there is no other way to make one.
//! 2. Nothing is copied unless a string has escapes; numbers are given by their spelling.
//! 3. Every accessor answers `None` for a value of another kind.

use std::borrow::Cow;

use super::strict::{
    Limits, Reading, Span, StrictError, scan, scan_fields, skip_space, string_length, unescape, utf8,
    value_length,
};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// One value of a strictly scanned JSON text.
///
/// ```
/// use mcp_auth_core::mcp::{Limits, Raw};
/// let value = Raw::parse(br#"{"id": "42", "tags": ["a", "b"]}"#, &Limits::default())?;
/// assert_eq!(value.get("id").and_then(|id| id.as_str()).as_deref(), Some("42"));
/// assert_eq!(value.get("tags").map(|tags| tags.items().count()), Some(2));
/// # Ok::<(), mcp_auth_core::mcp::StrictError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Raw<'a> {
    body: &'a [u8],
    span: Span,
}

impl<'a> Raw<'a> {
    /// Scans a whole text by the rules of the strict reading and gives its outermost value.
    ///
    /// # Errors
    /// What the strict reading refuses.
    pub fn parse(body: &'a [u8], limits: &Limits) -> Result<Self, StrictError> {
        let (span, _) = scan(body, limits, Reading::Plain)?;
        Ok(Self { body, span })
    }

    /// `span` must come from a scan of `body`.
    pub(crate) fn at(body: &'a [u8], span: Span) -> Self {
        Self { body, span }
    }

    /// The value as it is written.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.body.get(self.span.range()).unwrap_or_default()
    }

    /// Where the value stands in the text that was scanned.
    #[must_use]
    pub fn span(self) -> Span {
        self.span
    }

    /// The first byte alone: the opening bracket of an object or array.
    pub(super) fn opening(self) -> Self {
        let start = self.span.range().start;
        Self { body: self.body, span: Span::new(start, start + 1) }
    }

    /// What the value is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// A string, unescaped.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        let inside = self.bytes().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        unescape(std::str::from_utf8(inside).ok()?)
    }

    /// A number as it is written.
    #[must_use]
    pub fn as_number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then(|| std::str::from_utf8(self.bytes()).ok()).flatten()
    }

    /// `true` or `false`.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.bytes() == b"true")
    }

    /// True for `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// A member of an object.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        self.members().find(|member| member.key == key).map(|member| member.value)
    }

    /// The members of an object, in order; none for any other kind.
    #[must_use]
    pub fn members(self) -> Members<'a> {
        Members { cursor: Cursor::into(self, Kind::Object) }
    }

    /// The items of an array, in order; none for any other kind.
    #[must_use]
    pub fn items(self) -> Items<'a> {
        Items { cursor: Cursor::into(self, Kind::Array) }
    }
}

impl std::fmt::Debug for Raw<'_> {
    /// Says the kind and the place, never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Raw({:?}, {:?})", self.kind(), self.span.range())
    }
}

/// One member of an object.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// The key, unescaped.
    pub key: Cow<'a, str>,
    /// The key as it is written, with its quotes.
    pub raw_key: &'a [u8],
    /// The value.
    pub value: Raw<'a>,
}

/// The members of an object, noted while it was scanned: for a reader that asks for many.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    body: &'a [u8],
    members: Vec<(Cow<'a, str>, Span)>,
}

impl<'a> Fields<'a> {
    /// Scans a whole text by the rules of the strict reading; `None` if its outermost value is no object.
    ///
    /// # Errors
    /// What the strict reading refuses.
    #[cfg_attr(not(feature = "jwt"), expect(dead_code, reason = "only tokens are read by it"))]
    pub(crate) fn parse(body: &'a [u8], limits: &Limits) -> Result<Option<Self>, StrictError> {
        Self::of(utf8(body, limits)?, limits)
    }

    /// The same, of what is known to be text.
    ///
    /// # Errors
    /// What the strict reading refuses.
    pub(crate) fn of(text: &'a str, limits: &Limits) -> Result<Option<Self>, StrictError> {
        let (span, members) = scan_fields(text, limits)?;
        let body = text.as_bytes();
        let is_object = Raw::at(body, span).kind() == Kind::Object;
        Ok(is_object.then_some(Self { body, members }))
    }

    /// A member.
    pub(crate) fn get(&self, key: &str) -> Option<Raw<'a>> {
        // Names of tokens are short, and many of one length: most are told apart by their first letter.
        let (length, first) = (key.len(), key.as_bytes().first());
        let is_it = |name: &str| name.len() == length && name.as_bytes().first() == first && name == key;
        self.members.iter().find(|(name, _)| is_it(name)).map(|(_, span)| Raw::at(self.body, *span))
    }
}

/// Iterator of [`Raw::members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let key = self.cursor.take(string_length)?;
        self.cursor.separator(b':')?;
        let value = self.cursor.take(value_length)?;
        Some(Member { key: key.as_str()?, raw_key: key.bytes(), value })
    }
}

/// Iterator of [`Raw::items`].
#[derive(Debug, Clone)]
pub struct Items<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        self.cursor.take(value_length)
    }
}

#[derive(Clone)]
struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
    end: usize,
}

impl std::fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.at..self.end)
    }
}

impl<'a> Cursor<'a> {
    /// Stands behind the opening bracket; empty if the value is of another kind.
    fn into(raw: Raw<'a>, kind: Kind) -> Self {
        let range = raw.span.range();
        let at = if raw.kind() == kind { range.start + 1 } else { range.end };
        Self { body: raw.body, at, end: range.end.saturating_sub(1) }
    }

    fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..self.end).unwrap_or_default()
    }

    fn separator(&mut self, byte: u8) -> Option<()> {
        self.at += skip_space(self.rest());
        (self.rest().first() == Some(&byte)).then(|| self.at += 1)
    }

    fn take(&mut self, length: impl Fn(&[u8]) -> Option<usize>) -> Option<Raw<'a>> {
        // The text has been scanned, so a comma here can only stand between two values.
        self.separator(b',');
        self.at += skip_space(self.rest());
        let length = length(self.rest()).filter(|length| *length > 0)?;
        let raw = Raw { body: self.body, span: Span::new(self.at, self.at + length) };
        self.at += length;
        Some(raw)
    }
}
