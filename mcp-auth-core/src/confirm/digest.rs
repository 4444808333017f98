//! What exactly was confirmed: a digest of the arguments.
//!
//! 1. Keys are sorted and strings decoded, so that another spelling of the same text is the same text.
//! 2. A number is its spelling: `1`, `1.0` and `1e0` differ, and nothing goes through a float.
//! 3. Every value carries its kind and its length: no two different arguments are hashed alike.
//! 4. Duplicate keys cannot occur, as the strict reading behind a [`Raw`] refuses them.
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

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use crate::mcp::{Kind, Member, Raw};

/// Begins every digest, so that it is no digest of anything else.
const LABEL: &[u8] = b"mcp-auth arguments 1";

/// A SHA-256 over arguments.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of `arguments`, without the members of the outermost object that are named in `without`.
    #[must_use]
    pub fn of(arguments: Raw<'_>, without: &[&str]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(LABEL);
        add(&mut context, arguments, without);
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

/// Nesting is bounded by the strict reading.
fn add(context: &mut Context, value: Raw<'_>, without: &[&str]) {
    let mut leaf = |kind, bytes: &[u8]| {
        head(context, kind, bytes.len());
        context.update(bytes);
    };
    match value.kind() {
        Kind::Object => {
            let mut members: Vec<Member<'_>> =
                value.members().filter(|member| !without.contains(&&*member.key)).collect();
            members.sort_unstable_by(|left, right| left.key.cmp(&right.key));
            head(context, b'{', members.len());
            for member in &members {
                head(context, b'"', member.key.len());
                context.update(member.key.as_bytes());
                add(context, member.value, &[]);
            }
        }
        Kind::Array => {
            head(context, b'[', value.items().count());
            value.items().for_each(|item| add(context, item, &[]));
        }
        Kind::String => leaf(b'"', value.as_str().unwrap_or_default().as_bytes()),
        Kind::Number => leaf(b'0', value.bytes()),
        Kind::Bool => leaf(b'?', value.bytes()),
        Kind::Null => leaf(b'-', b""),
    }
}
