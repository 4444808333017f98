//! One look at a text, which tells of most that there is nothing to do about them.
//!
//! 1. What is plain here has no secret that [`detect`] would find: where in doubt, a text is not plain.
//! 2. Words of less than eight bytes are stepped over, and not read.

use super::detect::{self, BLOB, CREDENTIALS, RUN, SHORTEST, SMALLEST};

/// Has to be escaped, or is not ASCII.
const ESCAPED: u8 = 1;
/// `=` and `:`.
const SEPARATOR: u8 = 2;
/// `-`
const DASH: u8 = 4;

fn of_byte(byte: u8) -> u8 {
    let escaped = !(0x20..0x7f).contains(&byte) | (byte == b'"') | (byte == b'\\');
    let separator = (byte == b'=') | (byte == b':');
    (u8::from(escaped) * ESCAPED) | (u8::from(separator) * SEPARATOR) | (u8::from(byte == b'-') * DASH)
}

/// What is among `bytes`. Sixteen are looked at together, as the compiler likes it.
fn of_bytes(bytes: &[u8]) -> u8 {
    let (chunks, rest) = bytes.as_chunks::<16>();
    let mut last = [b' '; 16];
    for (to, byte) in last.iter_mut().zip(rest) {
        *to = *byte;
    }
    let mut seen = last.map(of_byte);
    for chunk in chunks {
        let these = chunk.map(of_byte);
        for (seen, this) in seen.iter_mut().zip(these) {
            *seen |= this;
        }
    }
    seen.into_iter().fold(0, |all, seen| all | seen)
}

/// Whether `text` is what stands between the quotes of a JSON string as it is: nothing to escape, no JSON, no secret by its looks.
pub(super) fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let seen = of_bytes(bytes);
    let is_found = seen & ESCAPED != 0
        || matches!(bytes.first(), Some(b'{' | b'[' | b' '))
        || (seen & DASH != 0 && bytes.windows(2).any(|pair| pair == b"--"))
        || (seen & SEPARATOR != 0
            && memchr::memchr2_iter(b'=', b':', bytes).any(|at| detect::is_separator(text, at)))
        || (bytes.len() >= SMALLEST && has_long(bytes));
    !is_found
}

/// Whether there is a word as long as a token, or credentials behind a scheme.
fn has_long(bytes: &[u8]) -> bool {
    let mut from = 0;
    while let Some((start, length)) = long(bytes, from, BLOB, CREDENTIALS) {
        let (before, rest) = bytes.split_at_checked(start).unwrap_or_default();
        let word = rest.get(..length).unwrap_or_default();
        let is_behind_scheme =
            before.last() == Some(&b' ') && detect::ends_with_scheme(before.trim_ascii_end());
        if is_behind_scheme || long(word, 0, RUN, SHORTEST).is_some() {
            return true;
        }
        from = start + length;
    }
    false
}

/// Where the next word of `class` begins that has at least so many bytes, and how many it has. From its end backwards: what comes
/// before a byte of no word is not looked at.
fn long(bytes: &[u8], from: usize, class: u8, least: usize) -> Option<(usize, usize)> {
    let mut start = from;
    loop {
        let (window, rest) = bytes.get(start..)?.split_at_checked(least)?;
        match window.iter().rposition(|byte| !detect::is(*byte, class)) {
            Some(at) => start += at + 1,
            None => {
                let more = rest.iter().take_while(|byte| detect::is(**byte, class)).count();
                return Some((start, least + more));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::super::line::push_escaped;
    use super::*;

    /// Pieces of secrets and of what surrounds them, in any order.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec![
                "bearer", "Basic", "DPoP", "Bearer ", "basic  ", " ", "  ", "=", ":", "--", "-", "://", "@", "/", "?", "&", "\"",
                "'", "\\", "[", "{", "]", "\n", "\t", "ä", "password", "token", "pin", "--pw", "--api-key ", "-----BEGIN ",
                "PRIVATE KEY", "eyJ", "ghp_", "sk-", "SG.", "own_", "AKIA", "mcp_", "https", ".", "_", "%", "+", "~",
            ])
            .prop_map(str::to_owned),
            2 => "[a-zA-Z0-9]{1,9}",
            1 => "[a-zA-Z0-9_.-]{7,24}",
            1 => "[ -~]{1,8}",
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_plain_has_nothing_that_a_detector_finds(text in pieces()) {
            if is_plain(&text) {
                prop_assert!(detect::next(&text, 0, &["own_".to_owned()]).is_none(), "{text:?}");
                prop_assert!(!text.trim_start().starts_with(['{', '[']), "{text:?}");
                let mut escaped = Vec::new();
                push_escaped(&mut escaped, &text);
                prop_assert_eq!(escaped, text.as_bytes());
            }
        }
    }

    #[test]
    fn ordinary_texts_are_plain() {
        for text in [
            "",
            "open",
            "2027-03-01",
            "p-4c1f2a7b",
            "https://issuer.example/tenant",
            "Numbers of the third quarter, with the charts of last year next to them; see the notes of Monday.",
            "the implementation of a workflow: bearers of documents",
            "claude-code/2.1 (linux; x86_64)",
        ] {
            assert!(is_plain(text), "{text}");
        }
    }
}
