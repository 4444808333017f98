//! What exactly was confirmed: a digest of the arguments.
//!
//! 1. Keys are sorted and strings decoded, so that another spelling of the same text is the same text.
//! 2. A number is its spelling: `1`, `1.0` and `1e0` differ, and nothing goes through a float.
//! 3. Every value carries its kind and its length or its end, and a member its value's own digest: no two different arguments are
//!    hashed alike.
//! 4. Duplicate keys cannot occur, as the strict reading behind a [`Raw`] refuses them.
//! 5. The text is read once, however deep it is nested, and the work is linear (but for the sorting of keys).
//!
//! ```
//! use mcp_auth_core::confirm::Digest;
//! use mcp_auth_core::mcp::{Limits, Raw};
//!
//! let of = |text: &'static str| Raw::parse(text.as_bytes(), &Limits::default()).map(|raw| Digest::of(raw, &[]));
//! assert_eq!(of(r#"{"a": 1, "b": "x"}"#)?, of(r#"{"b":"\u0078","a":1}"#)?);
//! assert_ne!(of(r#"{"a": 9007199254740992}"#)?, of(r#"{"a": 9007199254740993}"#)?);
//! # Ok::<(), mcp_auth_core::mcp::StrictError>(())
//! ```

mod tokens;

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use crate::mcp::{Raw, Span};

use tokens::Tokens;

/// Begins every digest, so that it is no digest of anything else.
const LABEL: &[u8] = b"mcp-auth arguments 2";

/// A SHA-256 over arguments.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of `arguments`, without the members of the outermost object that are named in `without`.
    #[must_use]
    pub fn of(arguments: Raw<'_>, without: &[&str]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(LABEL);
        let mut tokens = Tokens(arguments.bytes());
        let first = tokens.next().unwrap_or_default();
        add(&mut context, first, &mut tokens, without);
        Self::finish(context)
    }

    /// Of arguments that were left out: the same as of an empty object.
    #[must_use]
    pub fn of_nothing() -> Self {
        let mut context = Context::new(&SHA256);
        context.update(LABEL);
        head(&mut context, b'{', 0);
        Self::finish(context)
    }

    /// Of `parts` in this order, each with its length before it; `label` says of what.
    pub(super) fn of_parts(label: &[u8], parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(label);
        for part in parts {
            head(&mut context, b'"', part.len());
            context.update(part);
        }
        Self::finish(context)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn finish(context: Context) -> Self {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A value's kind, and how much of it follows.
fn head(context: &mut Context, kind: u8, length: usize) {
    let [a, b, c, d, e, f, g, h] = (length as u64).to_be_bytes();
    context.update(&[kind, a, b, c, d, e, f, g, h]);
}

/// The value that begins with `token`. Nesting is bounded by the strict reading.
fn add(context: &mut Context, token: &[u8], rest: &mut Tokens<'_>, without: &[&str]) {
    let mut leaf = |kind, bytes: &[u8]| {
        head(context, kind, bytes.len());
        context.update(bytes);
    };
    match token.first() {
        Some(b'{') => object(context, rest, without),
        Some(b'[') => {
            context.update(b"[");
            while let Some(item) = rest.next().filter(|token| token != b"]") {
                add(context, item, rest, &[]);
            }
            // No value begins so.
            context.update(b"]");
        }
        Some(b'"') => leaf(b'"', text(token).as_bytes()),
        Some(b't' | b'f') => leaf(b'?', token),
        Some(b'-' | b'0'..=b'9') => leaf(b'0', token),
        _ => leaf(b'-', b""),
    }
}

fn object(context: &mut Context, rest: &mut Tokens<'_>, without: &[&str]) {
    let mut members: Vec<(Cow<'_, str>, Digest)> = Vec::new();
    while let Some(key) = rest.next().filter(|token| token != b"}") {
        let mut value = Context::new(&SHA256);
        let first = rest.next().unwrap_or_default();
        add(&mut value, first, rest, &[]);
        members.push((text(key), Digest::finish(value)));
    }
    members.retain(|(key, _)| !without.contains(&&**key));
    members.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    head(context, b'{', members.len());
    for (key, value) in &members {
        head(context, b'"', key.len());
        context.update(key.as_bytes());
        context.update(value.as_bytes());
    }
}

/// A string's meaning.
fn text(token: &[u8]) -> Cow<'_, str> {
    Raw::at(token, Span::new(0, token.len())).as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mcp::Limits;

    /// How many bytes are looked at for a digest.
    fn read(text: &str) -> usize {
        let raw = Raw::parse(text.as_bytes(), &Limits::default()).unwrap();
        tokens::READ.set(0);
        let _digest = Digest::of(raw, &[]);
        tokens::READ.get()
    }

    #[test]
    fn depth_costs_nothing() {
        let flat = format!(r#"["\\\"",{}1]"#, "1, ".repeat(1000));
        assert_eq!(read(&flat), flat.len());
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":["#, "]}]")] {
            let levels = 60 / open.len();
            let deep = format!("{}{flat}{}", open.repeat(levels), close.repeat(levels));
            assert_eq!(read(&deep), deep.len());
        }
    }
}
