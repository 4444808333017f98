//! Where the value of a secret name ends, in a text that is no JSON: a configuration, a command line, a URL, a log.
//!
//! 1. What is quoted ends at its quote, unless something is attached to that.
//! 2. In the query of a URL it ends where the parameter does.
//! 3. A list or an object goes on to the end of the text: only a parser knows where it ends.
//! 4. Everything else goes on to the end of its line, and behind a colon through the lines that belong to it as YAML has it.

use std::ops::Range;

/// What stands behind the `=`, `:` or space at `separator`, whose name begins at `name`.
pub(super) fn behind(text: &str, name: usize, separator: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = separator + 1;
    let mut quote = None;
    let mut slashes = 0;
    while let Some(byte @ (b'"' | b'\'' | b'\\' | b' ' | b'\t')) = bytes.get(start) {
        match byte {
            b'"' | b'\'' if quote.is_some() => break,
            b'"' | b'\'' => quote = Some(*byte),
            b'\\' if quote.is_some() => break,
            b'\\' => slashes += 1,
            _ => {}
        }
        start += 1;
    }
    let (before, rest) = bytes.split_at_checked(start)?;
    let in_query =
        || name.checked_sub(1).and_then(|at| before.get(at)).is_some_and(|b| matches!(b, b'?' | b'&'));
    let end = match (quote, rest.first()) {
        (Some(quote), _) => start + quoted(rest, quote, slashes),
        (None, Some(b'[' | b'{')) => bytes.len(),
        _ if in_query() => start + parameter(rest),
        _ if before.get(separator) == Some(&b':') => lines(bytes, start, indent_at(before, name)),
        _ => line(bytes, start),
    };
    // The quotes of `password: ""` hold nothing.
    (start < end).then_some(start..end)
}

fn parameter(rest: &[u8]) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'&' | b'"' | b'<' | b'>');
    rest.iter().position(ends).unwrap_or(rest.len())
}

/// Up to the quote that ends a value: one with no more backslashes before it than the value's first quote had.
fn quoted(rest: &[u8], quote: u8, slashes: usize) -> usize {
    let mut before = 0;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'\\' => before += 1,
            byte if *byte == quote && before <= slashes => {
                return match rest.get(at + 1) {
                    None
                    | Some(
                        b' ' | b'\t' | b'\r' | b'\n' | b',' | b';' | b'&' | b'}' | b']' | b')' | b'/' | b'>',
                    ) => at - before,
                    // The first of three, which a value of several lines begins with.
                    Some(next) if at == 0 && *next == quote => rest.len(),
                    // `'it''s'`, `"a"'b'`.
                    Some(_) => line(rest, at),
                };
            }
            _ => before = 0,
        }
    }
    rest.len()
}

/// The end of the line, and of those that a backslash joins to it.
fn line(bytes: &[u8], start: usize) -> usize {
    let mut end = end_of_line(bytes, start);
    while end < bytes.len() && bytes.get(..end).is_some_and(|before| before.trim_ascii_end().ends_with(b"\\"))
    {
        end = end_of_line(bytes, end + 1);
    }
    end
}

/// The end of the last line that belongs to a value: those that are deeper than its name, and where nothing stands beside the name,
/// whatever comes first and the items of a list.
fn lines(bytes: &[u8], start: usize, indent: usize) -> usize {
    let mut end = line(bytes, start);
    let head = bytes.get(start..end).unwrap_or_default().trim_ascii();
    let is_below = matches!(head, [] | [b'|' | b'>', ..]) && head.len() < 4;
    let mut is_open = is_below;
    while end < bytes.len() {
        let next = bytes.get(end + 1..end_of_line(bytes, end + 1)).unwrap_or_default();
        let deep = indent_of(next);
        let is_blank = next.trim_ascii().is_empty();
        let is_item = is_below && deep == indent && next.get(deep) == Some(&b'-');
        if !(is_blank || is_open || is_item || deep > indent) {
            break;
        }
        is_open &= is_blank;
        end += 1 + next.len();
    }
    end
}

fn end_of_line(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

/// How deep the line stands that `at` is in.
fn indent_at(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    let begins = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    indent_of(before.get(begins..).unwrap_or_default())
}

fn indent_of(line: &[u8]) -> usize {
    line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    /// What is found behind the name `k`.
    fn value(text: &str) -> &str {
        let name = text.find('k').unwrap();
        let separator = name + text[name..].find([':', '=']).unwrap();
        super::behind(text, name, separator).map_or("", |range| &text[range])
    }

    #[test]
    fn a_value_is_found_whole() {
        for (text, found) in [
            ("k=ab#cd, e;f\nn=1", "ab#cd, e;f"),
            ("k: ab}c<d\"e\nn: 1", "ab}c<d\"e"),
            ("https://x?k=a%20b&n=1", "a%20b"),
            ("https://x?n=1&k=ab#cd x", "ab#cd"),
            ("k=\"a b\" n=1", "a b"),
            ("k: 'it''s', n", "it''s', n"),
            ("k=\"a\"'b'\nn", "a\"'b'"),
            ("k = \"\"\"\na\nb\"\"\"", "\"\"\na\nb\"\"\""),
            ("\"k\":[\"a\"],\"n\":1", "[\"a\"],\"n\":1"),
            (r#"{\"k\":{\"a\":1}}"#, r#"{\"a\":1}}"#),
            ("k: \"\", n", ""),
            ("k=", ""),
            ("k=a\\\nb\nn=1", "a\\\nb"),
            ("k:\n  a\nn: 1", "\n  a"),
            ("k:\na\nb", "\na"),
            ("k: |-\n  a\n\n  b\nn: 1", "|-\n  a\n\n  b"),
            (" k:\n - a\n - b\n n: 1", "\n - a\n - b"),
            ("- n: 1\n  k: a\n    b\n  m: 2", "a\n    b"),
        ] {
            assert_eq!(value(text), found, "{text:?}");
        }
    }
}
