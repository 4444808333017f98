//! Unescaping of strings that the scanner has checked.

use std::borrow::Cow;

/// Most strings are short, and nothing is sooner than a look at each byte.
fn backslash(bytes: &[u8]) -> Option<usize> {
    const SHORT: usize = 32;
    if bytes.len() <= SHORT && !bytes.iter().fold(false, |found, byte| found | (*byte == b'\\')) {
        return None;
    }
    memchr::memchr(b'\\', bytes)
}

/// The meaning of a string's inside. `None` only for text that the scanner would have refused.
pub(crate) fn unescape(inside: &str) -> Option<Cow<'_, str>> {
    let Some(first) = backslash(inside.as_bytes()) else { return Some(Cow::Borrowed(inside)) };
    let mut out = String::with_capacity(inside.len());
    out.push_str(inside.get(..first)?);
    let mut rest = inside.get(first..)?;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at)?);
        let code = *rest.as_bytes().get(at + 1)?;
        let plain = match code {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = hex(rest.as_bytes(), at + 2)?;
                let (unit, length) = match high {
                    0xD800..=0xDBFF => {
                        let low = hex(rest.as_bytes(), at + 8)?;
                        (0x10000 + ((high - 0xD800) << 10) + low.checked_sub(0xDC00)?, 12)
                    }
                    _ => (high, 6),
                };
                out.push(char::from_u32(unit)?);
                rest = rest.get(at + length..)?;
                continue;
            }
            _ => return None,
        };
        out.push(plain);
        rest = rest.get(at + 2..)?;
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// Four hexadecimal digits at `from`.
pub(super) fn hex(bytes: &[u8], from: usize) -> Option<u32> {
    bytes.get(from..from + 4)?.iter().try_fold(0, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        Some(value * 16 + u32::from(digit))
    })
}
