//! The pieces of a JSON text that was scanned: brackets, and strings, numbers and words as they are written.
//!
//! 1. One pass: each byte is looked at once, however deep it lies. ([`Raw::items`](crate::mcp::Raw::items) finds the end of each item
//!    first, which in an array of arrays is as many passes as there are levels.)

#[cfg(test)]
std::thread_local! {
    /// How many bytes were looked at.
    pub(super) static READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// `{`, `}`, `[`, `]` or one value; separators and space are left out.
pub(super) struct Tokens<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let space = self.0.iter().position(|byte| !b" \t\r\n,:".contains(byte))?;
        let rest = self.0.get(space..)?;
        let length = match rest.first()? {
            b'{' | b'}' | b'[' | b']' => 1,
            b'"' => string_length(rest),
            _ => rest.iter().position(|byte| b" \t\r\n,]}".contains(byte)).unwrap_or(rest.len()),
        };
        #[cfg(test)]
        READ.set(READ.get() + space + length);
        let (token, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(token)
    }
}

/// With both quotes.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(next) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += next + 1;
        if text.get(at - 1) == Some(&b'"') {
            return at;
        }
        at += 1;
    }
    text.len()
}
