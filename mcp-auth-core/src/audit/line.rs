//! One JSON object, written member by member into one buffer.
//!
//! 1. What is written has no line feed, no control character, and no character that turns, hides or breaks text (bidi,
//!    zero width, line separators): they are escaped as JSON escapes them, so that the value is kept and a line is a
//!    line.
//! 2. Names are constants of the code; texts go through the redactor.

use std::io::Write as _;

/// The buffer and whether a member was written.
pub(super) struct Line {
    pub(super) buf: Vec<u8>,
    first: bool,
}

impl Line {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut buf = Vec::with_capacity(bytes);
        buf.push(b'{');
        Self { buf, first: true }
    }

    /// `,"name":`
    #[inline]
    pub(super) fn name(&mut self, name: &str) {
        if !self.first {
            self.buf.push(b',');
        }
        self.first = false;
        self.buf.push(b'"');
        self.buf.extend_from_slice(name.as_bytes());
        self.buf.extend_from_slice(b"\":");
    }

    /// A text that the code made: a constant, an id.
    pub(super) fn word(&mut self, name: &str, word: &str) {
        self.name(name);
        push_string(&mut self.buf, word);
    }

    pub(super) fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        push_number(&mut self.buf, number);
    }

    /// An object as a member.
    pub(super) fn object(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.name(name);
        self.buf.push(b'{');
        self.first = true;
        inside(self);
        self.buf.push(b'}');
        self.first = false;
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.buf.push(b'}');
        self.buf
    }
}

pub(super) fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

pub(super) fn push_display(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing to memory does not fail.
    write!(out, "{value}").ok();
}

pub(super) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

/// Quotes, backslashes, controls, and everything that is not ASCII.
fn has_to_be_looked_at(byte: u8) -> bool {
    !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\'
}

/// The same of eight bytes at once.
fn have_to_be_looked_at(bytes: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(bytes);
    // A borrow reaches the next byte only from one that is found anyhow.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let is = |byte: u8| zero(word ^ (ONES * u64::from(byte)));
    (word | control | is(b'"') | is(b'\\') | is(0x7f)) & HIGH != 0
}

/// How many bytes at the start are copied as they are. Sixteen are looked at together, as the compiler likes it; so are the last
/// ones, some of them for a second time.
fn plain_length(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks::<16>();
    let has_to = |chunk: &[u8]| chunk.iter().fold(false, |found, byte| found | has_to_be_looked_at(*byte));
    let whole = chunks.iter().take_while(|chunk| !has_to(*chunk)).count();
    let start = whole * 16;
    let end_has_to = || match (bytes.last_chunk::<16>(), bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(last), ..) => has_to(last),
        (None, Some(first), Some(last)) => have_to_be_looked_at(*first) || have_to_be_looked_at(*last),
        _ => rest.iter().any(|byte| has_to_be_looked_at(*byte)),
    };
    if whole == chunks.len() && !end_has_to() {
        return bytes.len();
    }
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| !has_to_be_looked_at(**byte)).count()
}

/// The inside of a JSON string.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    loop {
        let (plain, from) = rest.split_at(plain_length(rest.as_bytes()));
        out.extend_from_slice(plain.as_bytes());
        let mut chars = from.chars();
        let Some(c) = chars.next() else { return };
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if is_unsafe(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").ok();
                }
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = chars.as_str();
    }
}

/// Makes the inside of a JSON string of the JSON that was written from `from` on, where it stands. What is written here has nothing but
/// quotes and backslashes that have to be escaped.
pub(super) fn escape_again(out: &mut Vec<u8>, from: usize) {
    let escapes = |byte: &u8| matches!(byte, b'"' | b'\\');
    let mut at = out.len();
    let mut to = at + out.iter().skip(from).filter(|byte| escapes(byte)).count();
    out.resize(to, b'\\');
    // From the end: nothing is overwritten that is still to be moved. Before the first escape all is where it belongs.
    while at < to {
        at -= 1;
        to -= 1;
        out.swap(at, to);
        if out.get(to).is_some_and(escapes) {
            to -= 1;
            if let Some(place) = out.get_mut(to) {
                *place = b'\\';
            }
        }
    }
}

/// Whether a terminal or a reader could be misled by `c`: controls, bidi, zero width, separators, tags.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn no_byte_is_overlooked_wherever_it_stands() {
        for length in 0..40 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let expected = if has_to_be_looked_at(byte) { at } else { length };
                    assert_eq!(plain_length(&bytes), expected, "{byte:#x} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn a_line_is_a_line_and_the_value_is_kept() {
        for text in [
            "plain",
            "a\nb\r\t\"\\",
            "\u{1b}[31mred",
            "\u{202e}gpj.exe",
            "ünï 💡 \u{e0041}",
            "\u{85}\u{2028}",
        ] {
            let mut out = Vec::new();
            push_string(&mut out, text);
            let written = String::from_utf8(out).unwrap();
            assert!(!written.chars().any(is_unsafe), "{written:?}");
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);

            let mut again = b"before\"".to_vec();
            again.extend_from_slice(written.as_bytes());
            escape_again(&mut again, 7);
            let again = String::from_utf8(again).unwrap() + "\"";
            assert_eq!(
                serde_json::from_str::<String>(again.strip_prefix("before").unwrap()).unwrap(),
                written
            );
        }
    }
}
