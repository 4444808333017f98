//! The scanner: one pass, recursion bounded by the depth limit.

use std::borrow::Cow;

use super::{
    Outline, Reading, Span, StrictError,
    distinct::Distinct,
    keys::{Place, is_private},
    number::number_length,
    text::{hex, unescape},
};

/// The members of the outermost object, by unescaped key, in order.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, Span)>;

type Result<T> = std::result::Result<T, StrictError>;

pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    max_depth: usize,
    /// Keys of all open objects as they are written, the innermost object's last. One allocation serves the whole text.
    keys: Vec<&'a str>,
    distinct: Distinct,
    outline: Outline,
    fields: Members<'a>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, max_depth: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            depth: 0,
            max_depth,
            keys: Vec::with_capacity(16),
            distinct: Distinct::default(),
            outline: Outline::default(),
            fields: Vec::new(),
        }
    }

    pub(super) fn run(mut self, reading: Reading) -> Result<(Span, Outline)> {
        let span = self.whole(match reading {
            Reading::Message => Place::Top,
            Reading::Plain => Place::Free,
        })?;
        Ok((span, self.outline))
    }

    pub(super) fn run_fields(mut self) -> Result<(Span, Members<'a>)> {
        self.fields.reserve(24);
        let span = self.whole(Place::Fields)?;
        Ok((span, self.fields))
    }

    /// One value, with nothing but white space around it.
    fn whole(&mut self, place: Place) -> Result<Span> {
        if self.next().is_none() {
            return Err(StrictError::Empty);
        }
        let start = self.at;
        self.value(place)?;
        let span = Span::new(start, self.at);
        if self.next().is_some() {
            return Err(StrictError::TrailingData(self.at));
        }
        Ok(span)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The first byte behind white space; stands on it.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other,
            }
        }
    }

    fn value(&mut self, place: Place) -> Result<()> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => self.nested(|scanner| scanner.object(place)),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => {
                self.at += number_length(self.rest(), self.at)?;
                Ok(())
            }
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(StrictError::Syntax(self.at)),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<()> {
        if !self.rest().starts_with(word) {
            return Err(StrictError::Syntax(self.at));
        }
        self.at += word.len();
        Ok(())
    }

    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.depth += 1;
        if self.depth > self.max_depth {
            return Err(StrictError::TooDeep(self.at));
        }
        self.at += 1;
        inside(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self) -> Result<()> {
        if self.next() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(Place::Free)?;
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(StrictError::Syntax(self.at)),
            }
            self.next();
        }
        self.at += 1;
        Ok(())
    }

    fn object(&mut self, place: Place) -> Result<()> {
        let first = self.keys.len();
        let mut any_escaped = false;
        if self.next() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let (key_at, escaped) = (self.at, self.key()?);
            any_escaped |= escaped;
            if self.next() != Some(b':') {
                return Err(StrictError::Syntax(self.at));
            }
            self.at += 1;
            self.next();
            match place {
                Place::Free => self.value(Place::Free)?,
                _ => self.member(place, key_at, escaped)?,
            }
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(StrictError::Syntax(self.at)),
            }
            self.next();
        }
        self.at += 1;
        let keys = self.keys.get(first..).unwrap_or_default();
        let are_distinct = match any_escaped {
            false => self.distinct.check(keys),
            true => {
                let keys: Option<Vec<_>> = keys.iter().map(|key| unescape(key)).collect();
                let keys = keys.ok_or(StrictError::InvalidEscape(self.at))?;
                self.distinct.check(&keys.iter().map(|key| &**key).collect::<Vec<_>>())
            }
        };
        if !are_distinct {
            return Err(StrictError::DuplicateKey(self.at));
        }
        self.keys.truncate(first);
        Ok(())
    }

    /// The value of a member whose key, the last one, may be the protocol's.
    fn member(&mut self, place: Place, key_at: usize, escaped: bool) -> Result<()> {
        let key = self.keys.last().copied().unwrap_or_default();
        let key = if escaped { unescape(key) } else { Some(Cow::Borrowed(key)) };
        let key = key.ok_or(StrictError::InvalidEscape(key_at))?;
        let slot = place.slot(&key).map_err(|()| StrictError::CaseVariant(key_at))?;
        let start = self.at;
        self.value(place.inside(&key))?;
        let span = Span::new(start, self.at);
        let spans: &mut [Option<Span>] = match place {
            Place::Fields => {
                self.fields.push((key, span));
                return Ok(());
            }
            Place::Top => &mut self.outline.top,
            Place::Params => &mut self.outline.params,
            Place::Meta => &mut self.outline.meta,
            Place::Ref | Place::Notifications | Place::Free => return Ok(()),
        };
        if let Some(known) = slot.and_then(|slot| spans.get_mut(slot)) {
            *known = Some(span);
        }
        Ok(())
    }

    /// Moves past a key and keeps it; true if it has escapes.
    fn key(&mut self) -> Result<bool> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(StrictError::Syntax(start));
        }
        let escaped = self.string()?;
        let inside = self.text.get(start + 1..self.at - 1).ok_or(StrictError::Syntax(start))?;
        let is_private = match escaped {
            false => is_private(inside),
            true => is_private(&unescape(inside).ok_or(StrictError::InvalidEscape(start))?),
        };
        if is_private {
            return Err(StrictError::PrivateKey(start));
        }
        self.keys.push(inside);
        Ok(escaped)
    }

    /// Moves past a string; true if it has escapes.
    #[inline]
    fn string(&mut self) -> Result<bool> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_length(self.rest());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(StrictError::ControlCharacter(self.at)),
                None => return Err(StrictError::Syntax(self.at)),
            }
        }
    }

    fn escape(&mut self) -> Result<()> {
        let wrong = StrictError::InvalidEscape(self.at);
        self.at += match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => match hex(self.bytes, self.at + 2).ok_or(wrong)? {
                0xD800..=0xDBFF => {
                    let follows = self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u");
                    let low = hex(self.bytes, self.at + 8).filter(|low| (0xDC00..=0xDFFF).contains(low));
                    if !follows || low.is_none() {
                        return Err(wrong);
                    }
                    12
                }
                0xDC00..=0xDFFF => return Err(wrong),
                _ => 6,
            },
            _ => return Err(wrong),
        };
        Ok(())
    }
}

/// How many bytes at the start are a string's ordinary inside. Looks at eight at a time: subtracting borrows into the
/// top bit of a byte that is too small, and the lowest bit that is found is always right.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word;
    let (words, tail) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = (below(word, 0x20) | quote | backslash) & (ONES << 7);
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + tail.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | ..0x20)).count()
}

/// Length of the white space at the start of a checked text.
pub(crate) fn skip_space(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
}

/// Length of the string, with its quotes, at the start of a checked text, and whether it is without escapes.
pub(crate) fn string_length(bytes: &[u8]) -> Option<(usize, bool)> {
    let (mut at, mut plain) = (1, true);
    loop {
        at += plain_length(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some((at + 1, plain)),
            b'\\' => (at, plain) = (at + 2, false),
            _ => return None,
        }
    }
}

/// Length of the value at the start of a checked text. Counts brackets only: the text has been scanned.
pub(crate) fn value_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => at += string_length(bytes.get(at..)?)?.0,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => at += 1,
            _ => {
                let word =
                    |byte: &u8| !matches!(byte, b',' | b':' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                at += bytes.get(at..)?.iter().take_while(|byte| word(byte)).count();
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}
