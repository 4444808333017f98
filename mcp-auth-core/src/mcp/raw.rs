//! Reading JSON that has been scanned, where it lies.
//!
//! 1. A [`Raw`] is one value inside a text that the strict scan accepted; there is no other way to make one.
//! 2. Nothing is copied unless a string has escapes; numbers are given by their spelling. A value is text: that it is UTF-8 is not
//!    looked at again for each part of it.
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
    text: &'a str,
    /// Where it begins in what was scanned.
    start: u32,
    /// A string of which it is known that it has no escapes.
    plain: bool,
}

impl<'a> Raw<'a> {
    /// Scans a whole text by the rules of the strict reading and gives its outermost value.
    ///
    /// # Errors
    /// What the strict reading refuses.
    pub fn parse(body: &'a [u8], limits: &Limits) -> Result<Self, StrictError> {
        let text = utf8(body, limits)?;
        let (span, _) = scan(text, limits, Reading::Plain)?;
        Ok(Self::of(text, span))
    }

    /// `span` must come from a scan of `text`.
    pub(crate) fn of(text: &'a str, span: Span) -> Self {
        Self { text: text.get(span.range()).unwrap_or_default(), start: span.start(), plain: false }
    }

    /// The same, where the text is kept as bytes.
    pub(crate) fn at(body: &'a [u8], span: Span) -> Self {
        let bytes = body.get(span.range()).unwrap_or_default();
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        Self { text, start: span.start(), plain: false }
    }

    /// The value as it is written.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Where the value stands in the text that was scanned.
    #[must_use]
    pub fn span(self) -> Span {
        Span::new(self.start as usize, self.start as usize + self.text.len())
    }

    /// The first byte alone: the opening bracket of an object or array.
    pub(super) fn opening(self) -> Self {
        Self { text: self.text.get(..1).unwrap_or_default(), ..self }
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
        let inside = self.text.strip_prefix('"')?.strip_suffix('"')?;
        if self.plain { Some(Cow::Borrowed(inside)) } else { unescape(inside) }
    }

    /// A number as it is written.
    #[must_use]
    pub fn as_number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then_some(self.text)
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
        write!(f, "Raw({:?}, {:?})", self.kind(), self.span().range())
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
    text: &'a str,
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
        let is_object = Raw::of(text, span).kind() == Kind::Object;
        Ok(is_object.then_some(Self { text, members }))
    }

    /// A member.
    pub(crate) fn get(&self, key: &str) -> Option<Raw<'a>> {
        // Names of tokens are short, and many of one length: most are told apart by their first letter.
        let (length, first) = (key.len(), key.as_bytes().first());
        let is_it = |name: &str| name.len() == length && name.as_bytes().first() == first && name == key;
        self.members.iter().find(|(name, _)| is_it(name)).map(|(_, span)| Raw::of(self.text, *span))
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
        self.cursor.separator(b',');
        let key = self.cursor.take()?;
        self.cursor.separator(b':').then_some(())?;
        let value = self.cursor.take()?;
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
        self.cursor.separator(b',');
        self.cursor.take()
    }
}

#[derive(Clone)]
struct Cursor<'a> {
    /// What is still to be read, without the closing bracket.
    rest: &'a str,
    /// Where that begins.
    at: u32,
}

impl std::fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes at {}", self.rest.len(), self.at)
    }
}

impl<'a> Cursor<'a> {
    /// Stands behind the opening bracket; empty if the value is of another kind.
    fn into(raw: Raw<'a>, kind: Kind) -> Self {
        let inside = raw.text.get(1..raw.text.len().saturating_sub(1)).filter(|_| raw.kind() == kind);
        Self { rest: inside.unwrap_or_default(), at: raw.start + 1 }
    }

    /// Moves on, and gives what was passed.
    fn pass(&mut self, length: usize) -> Option<Raw<'a>> {
        let (text, rest) = self.rest.split_at_checked(length)?;
        let raw = Raw { text, start: self.at, plain: false };
        *self = Self { rest, at: self.at.saturating_add(u32::try_from(length).ok()?) };
        Some(raw)
    }

    /// Moves behind white space, behind `byte` if that comes next, and the white space behind it; true if it came. The text has been
    /// scanned, so a comma can only stand between two values.
    fn separator(&mut self, byte: u8) -> bool {
        let bytes = self.rest.as_bytes();
        let space = skip_space(bytes);
        let (_, rest) = bytes.split_at_checked(space).unwrap_or_default();
        let behind = rest.split_first().filter(|(first, _)| **first == byte).map(|(_, rest)| rest);
        self.pass(space + behind.map_or(0, |rest| 1 + skip_space(rest)));
        behind.is_some()
    }

    /// The value or key that begins here.
    fn take(&mut self) -> Option<Raw<'a>> {
        let bytes = self.rest.as_bytes();
        let (length, plain) = match bytes.first()? {
            b'"' => string_length(bytes)?,
            _ => (value_length(bytes)?, false),
        };
        let raw = self.pass(length).filter(|_| length > 0)?;
        Some(Raw { plain, ..raw })
    }
}
