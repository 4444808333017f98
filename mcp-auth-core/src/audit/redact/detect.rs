//! Secrets by their looks, anywhere in a text: tokens, keys with a known beginning, private keys, `name=value`.
//!
//! One pass; a text is read in runs of letters, digits, `_`, `-` and `.`, and only what could begin a secret is looked
//! at closer. Too much is rather taken away than too little.

use std::ops::Range;

use super::{names, value};

/// A part of a text that has to go.
pub(super) struct Found {
    pub(super) range: Range<usize>,
    pub(super) what: &'static str,
}

/// Shorter runs are no token.
pub(super) const SHORTEST: usize = 15;

/// `DPoP`, a space, and eight characters.
pub(super) const SMALLEST: usize = 13;

/// What credentials stand behind, in any letter case.
const SCHEMES: [&str; 3] = ["bearer", "basic", "dpop"];

/// Shorter words behind a scheme are none.
pub(super) const CREDENTIALS: usize = 8;

/// What private keys begin with, in PEM.
const BEGIN: &str = "-----BEGIN";

/// How keys of well-known services begin, with this letter, and how much follows at least.
fn beginnings(first: u8) -> &'static [(&'static str, usize)] {
    match first {
        b'e' => &[("eyJ", 13)],
        b'g' => &[
            ("ghp_", 12),
            ("gho_", 12),
            ("ghu_", 12),
            ("ghs_", 12),
            ("ghr_", 12),
            ("github_pat_", 12),
            ("glpat-", 12),
        ],
        b'x' => &[("xoxb-", 10), ("xoxp-", 10), ("xoxa-", 10), ("xoxr-", 10), ("xoxs-", 10), ("xapp-", 10)],
        b's' => &[("sk_live_", 10), ("sk_test_", 10), ("shpat_", 12), ("sk-", 16)],
        b'r' => &[("rk_live_", 10)],
        b'w' => &[("whsec_", 10)],
        b'A' => &[("AKIA", 12), ("ASIA", 12), ("AIza", 20)],
        b'y' => &[("ya29.", 12)],
        b'd' => &[("dop_v1_", 12)],
        b'n' => &[("npm_", 20)],
        b'p' => &[("pypi-", 16)],
        b'h' => &[("hf_", 20)],
        b'G' => &[("GOCSPX-", 12)],
        b'S' => &[("SG.", 16)],
        b'l' => &[("lin_api_", 12)],
        b'm' => &[("mcp_", 55)],
        _ => &[],
    }
}

/// What a byte can be part of.
pub(super) const RUN: u8 = 1;
pub(super) const BLOB: u8 = 2;

/// What each byte can be.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte = 0_u8;
    while let [class, behind @ ..] = rest {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
            *class |= RUN | BLOB;
        }
        if matches!(byte, b'+' | b'/' | b'=' | b'~' | b'%') {
            *class |= BLOB;
        }
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    classes
}

pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|found| found & class != 0)
}

fn is_run(byte: u8) -> bool {
    is(byte, RUN)
}

fn is_blob(byte: u8) -> bool {
    is(byte, BLOB)
}

/// The next secret at or after `from`. `own` are the beginnings of this service's own keys.
pub(super) fn next(text: &str, from: usize, own: &[String]) -> Option<Found> {
    let bytes = text.as_bytes();
    let rest = bytes.get(from..)?;
    // Most texts are short words: nothing fits into them but a `name=value`.
    if rest.len() < SMALLEST && !rest.iter().fold(false, |found, byte| found | matches!(byte, b'=' | b':')) {
        return None;
    }
    let mut start = from;
    for (at, &byte) in bytes.iter().enumerate().skip(from) {
        if is_run(byte) {
            continue;
        }
        if let Some(found) = of_run(text, start, at, own) {
            return Some(found);
        }
        start = at + 1;
        if !matches!(byte, b'=' | b':') {
            continue;
        }
        if byte == b':'
            && let Some(found) = user_info(text, at)
        {
            return Some(found);
        }
        let name = name_before(text, from, at);
        if names::is_secret(text.get(name.clone()).unwrap_or_default())
            && let Some(range) = value::behind(text, name.start, at)
        {
            return Some(Found { range, what: "secret" });
        }
    }
    of_run(text, start, bytes.len(), own)
}

/// Whether a secret may stand around the `=` or `:` at `at`.
pub(super) fn is_separator(text: &str, at: usize) -> bool {
    let name = text.get(name_before(text, 0, at)).unwrap_or_default();
    names::is_secret(name) || user_info(text, at).is_some()
}

/// Whether `before` ends with what credentials stand behind.
pub(super) fn ends_with_scheme(before: &[u8]) -> bool {
    SCHEMES.iter().any(|scheme| {
        let end = before.len().checked_sub(scheme.len()).and_then(|start| before.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(scheme.as_bytes()))
    })
}

/// The run before a separator; quotes, backslashes, spaces and tabs may stand between.
fn name_before(text: &str, from: usize, separator: usize) -> Range<usize> {
    let before = text.as_bytes().get(from..separator).unwrap_or_default();
    let between = |byte: &&u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b']');
    let end = separator - before.iter().rev().take_while(between).count();
    let named = text.as_bytes().get(from..end).unwrap_or_default();
    let length = named.iter().rev().take_while(|byte| is_run(**byte)).count();
    end - length..end
}

/// Whether a run of this first byte and length is only a word: no token, no option, no scheme, no beginning of a key.
fn is_word(first: u8, length: usize) -> bool {
    let scheme = matches!(length, 4..=6) && matches!(first, b'b' | b'B' | b'd' | b'D');
    length < BEGIN.len() && first != b'-' && !scheme
}

/// What the run from `start` to `end` is, or begins.
fn of_run(text: &str, start: usize, end: usize, own: &[String]) -> Option<Found> {
    let first = text.as_bytes().get(start).copied().unwrap_or_default();
    if is_word(first, end - start) { None } else { of_long_run(text, start, end, own) }
}

fn of_long_run(text: &str, start: usize, end: usize, own: &[String]) -> Option<Found> {
    let run = text.get(start..end)?;
    if run.ends_with(BEGIN) {
        // Everything from here on: what ends a key may be missing.
        let head = text.as_bytes().get(end..).unwrap_or_default();
        let head = head.get(..64.min(head.len())).unwrap_or_default();
        if head.windows(11).any(|part| part == b"PRIVATE KEY") {
            return Some(Found { range: start..text.len(), what: "private key" });
        }
    }
    if SCHEMES.iter().any(|scheme| run.eq_ignore_ascii_case(scheme)) {
        let rest = text.as_bytes().get(end..).unwrap_or_default();
        let space = rest.iter().take_while(|byte| **byte == b' ').count();
        let length = rest.iter().skip(space).take_while(|byte| is_blob(**byte)).count();
        if space > 0 && length >= CREDENTIALS {
            return Some(Found { range: end + space..end + space + length, what: "credentials" });
        }
    }
    if run.starts_with("--") && text.as_bytes().get(end) == Some(&b' ') && names::is_secret(run) {
        // An option of a command line, and its argument.
        return value::behind(text, start, end).map(|range| Found { range, what: "secret" });
    }
    if run.len() < SHORTEST {
        return None;
    }
    let found = |at: usize, what| {
        let rest = text.as_bytes().get(end..).unwrap_or_default();
        let more = rest.iter().take_while(|byte| is_blob(**byte)).count();
        Some(Found { range: start + at..end + more, what })
    };
    let mut before = None;
    for (at, byte) in run.bytes().enumerate() {
        let rest = run.get(at..).unwrap_or_default();
        for (word, least) in beginnings(byte) {
            // A short beginning inside a word (`task-…`) is none.
            let begins =
                word.len() > 3 || *word == "eyJ" || !before.is_some_and(|b: u8| b.is_ascii_alphanumeric());
            if begins && rest.starts_with(word) && rest.len() >= word.len() + least {
                return found(at, if *word == "eyJ" { "token" } else { "key" });
            }
        }
        if own.iter().any(|word| rest.len() >= word.len() + 8 && rest.starts_with(word.as_str())) {
            return found(at, "key");
        }
        before = Some(byte);
    }
    None
}

/// The password of `scheme://user:password@host`, where `colon` is that behind the scheme.
fn user_info(text: &str, colon: usize) -> Option<Found> {
    let from = colon + 3;
    if text.get(colon..from) != Some("://") {
        return None;
    }
    let rest = text.as_bytes().get(from..)?;
    let ends = |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b' ' | b'"' | b'\'' | b'<' | b'>');
    let authority = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    let password = authority.iter().position(|byte| *byte == b':')? + 1;
    (password < at).then(|| Found { range: from + password..from + at, what: "password" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let (mut from, mut parts) = (0, Vec::new());
        while let Some(found) = next(text, from, &["corcava_".to_owned()]) {
            from = found.range.end;
            parts.push(&text[found.range]);
        }
        parts
    }

    #[test]
    fn secrets_are_found_in_texts() {
        let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
        assert_eq!(found(&format!("see {jwt}, please")), [jwt]);
        assert_eq!(found("x ghp_0123456789abcdefghij y"), ["ghp_0123456789abcdefghij"]);
        assert_eq!(found("corcava_0123456789abcdef"), ["corcava_0123456789abcdef"]);
        assert_eq!(found("https://ada:hunter2@db.example/x?a=1&token=abc&b=2"), ["hunter2", "abc"]);
        assert_eq!(found(r#"{"password":"a b, c","n":1}"#), ["a b, c"]);
        assert_eq!(found(r#"{"password":"a\"b","n":1}"#), [r#"a\"b"#]);
        assert_eq!(found(r#"{\"password\":\"ab\",\"n\":1}"#), ["ab"]);
        assert_eq!(found("Authorization: Bearer abc def"), ["Bearer abc def"]);
        assert_eq!(found("mysql --password hunter2 -h x"), ["hunter2 -h x"]);
        assert_eq!(found("said Bearer 0123456789, then"), ["0123456789"]);
        assert_eq!(found("abc-----BEGIN PRIVATE KEY-----\nM"), ["abc-----BEGIN PRIVATE KEY-----\nM"]);
        assert_eq!(found("k:\n-----BEGIN EC PRIVATE KEY-----\nMHc"), ["-----BEGIN EC PRIVATE KEY-----\nMHc"]);
    }

    #[test]
    fn every_beginning_is_looked_for() {
        let all: Vec<_> = (0..=u8::MAX).flat_map(beginnings).collect();
        assert_eq!(all.len(), 32);
        for (word, least) in all {
            let key = format!("{word}{}", "0".repeat(*least));
            assert_eq!(found(&format!("a {key}")), [key]);
        }
    }

    #[test]
    fn ordinary_texts_are_left_alone() {
        for text in [
            "Created via MCP: weekly planning workflow",
            "0190a5b0-7c3e-7f10-8a8b-112233445566",
            "https://api.example.com:8443/v1/tasks?limit=10&status=open",
            "task-12345678901234567890 is done; ratio=3:2",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
