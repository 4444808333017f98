//! Taking secrets out before anything is queued.
//!
//! 1. A value is secret by its schema ([`Rules`]), by its name, or by its looks (tokens, keys with a known beginning,
//!    private keys, passwords in URLs, `name=value`). A secret is replaced whole, whatever its type.
//! 2. Every text goes through the detectors: errors, URIs, user agents, names of members.
//! 3. What is too long, too many or too deep is cut and said to be cut; a cut never leaves the beginning of a token.
//! 4. A text that is JSON is redacted as JSON; of a resource's URI the query is taken away.
//! 5. Nothing is allocated beside the record itself, unless a text has escapes or is JSON.
//!
//! ```
//! use mcp_auth_core::audit::{Redactor, Shown};
//! use mcp_auth_core::mcp::{Limits, Raw};
//! let raw = Raw::parse(br#"{"title":"x","db_password":"hunter2"}"#, &Limits::default())?;
//! let redacted = Redactor::default().redact(Shown::new(raw, None));
//! assert_eq!(redacted, br#"{"title":"x","db_password":"[redacted: name]"}"#);
//! # Ok::<(), mcp_auth_core::mcp::StrictError>(())
//! ```

mod detect;
mod glance;
mod names;
mod rules;
mod value;
mod walk;

use super::intent::Shown;
use super::line::{escape_again, push_display, push_escaped};
use super::personal::Sealer;
use crate::mcp::{Limits, Raw, StrictError};

pub use rules::Rules;

/// Of a text that is JSON.
const LARGEST_JSON: usize = 1 << 20;

/// Takes secrets out. Cheap to share behind `Arc`, as [`Audit`](super::Audit) does.
#[derive(Clone, Debug)]
pub struct Redactor {
    /// How this service's own keys begin.
    beginnings: Vec<String>,
    /// Names beside the usual ones, in small letters.
    names: Vec<String>,
    longest_text: usize,
    most_items: usize,
    most_bytes: usize,
}

impl Default for Redactor {
    /// Texts of 1 KiB, 64 items of an array, 8 KiB a value.
    fn default() -> Self {
        Self {
            beginnings: Vec::new(),
            names: Vec::new(),
            longest_text: 1024,
            most_items: 64,
            most_bytes: 8 << 10,
        }
    }
}

impl Redactor {
    /// Takes out whatever begins like this and goes on for eight characters: `corcava_`.
    #[must_use]
    pub fn beginning(mut self, beginning: impl Into<String>) -> Self {
        self.beginnings.push(beginning.into());
        self.beginnings.retain(|beginning| !beginning.is_empty());
        self
    }

    /// Takes out what this name holds, in any letter case.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into().to_lowercase());
        self
    }

    /// Keeps so many bytes of a value at most.
    #[must_use]
    pub fn most_bytes(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes.min(1 << 20);
        self
    }

    /// The value as it may be kept.
    #[must_use]
    pub fn redact(&self, shown: Shown<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(shown.value.bytes().len().min(self.most_bytes));
        walk::Walk::run(self, None, &mut out, shown, self.most_bytes);
        out
    }

    /// A text, as a JSON string. True if it is JSON in which something is personal by what `sealer` knows: it is to be sealed.
    fn push_text(&self, out: &mut Vec<u8>, text: &str, longest: usize, sealer: Option<Sealer<'_>>) -> bool {
        let mut is_personal = false;
        out.push(b'"');
        if text.len() <= longest && glance::is_plain(text) {
            out.extend_from_slice(text.as_bytes());
        } else {
            is_personal = self.push_inside(out, text, longest, sealer);
        }
        out.push(b'"');
        is_personal
    }

    /// The inside of the JSON string of a text that is looked at closer.
    #[inline(never)]
    fn push_inside(&self, out: &mut Vec<u8>, text: &str, longest: usize, sealer: Option<Sealer<'_>>) -> bool {
        let is_likely_json = text.trim_start().starts_with(['{', '[']);
        let limits = || Limits::default().with_max_bytes(LARGEST_JSON).with_max_depth(Limits::DEEPEST);
        match is_likely_json.then(|| Raw::parse(text.as_bytes(), &limits())) {
            Some(Ok(json)) => {
                let from = out.len();
                let is_personal = walk::Walk::text(self, sealer, out, json, longest);
                escape_again(out, from);
                return is_personal;
            }
            // Too large to be looked into is too large to be kept.
            Some(Err(StrictError::TooLarge)) => self.push_plain(out, text, 0),
            _ => self.push_plain(out, text, longest),
        }
        false
    }

    fn push_plain(&self, out: &mut Vec<u8>, text: &str, longest: usize) {
        let (kept, cut) = shorten(text, longest);
        let mut from = 0;
        while let Some(found) = detect::next(kept, from, &self.beginnings) {
            push_escaped(out, kept.get(from..found.range.start).unwrap_or_default());
            out.extend_from_slice(b"[redacted: ");
            out.extend_from_slice(found.what.as_bytes());
            out.push(b']');
            // A detector always moves on.
            from = found.range.end.max(from + 1);
        }
        push_escaped(out, kept.get(from..).unwrap_or_default());
        if cut > 0 {
            out.extend_from_slice(b"[cut: ");
            push_display(out, cut);
            out.extend_from_slice(b" bytes]");
        }
    }

    fn is_secret_name(&self, name: &str) -> bool {
        names::is_secret(name) || self.is_own_name(name)
    }

    fn is_own_name(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// What writes a record: it takes out what is secret, and seals what is personal.
#[derive(Clone, Copy)]
pub(super) struct Pen<'a> {
    pub(super) redactor: &'a Redactor,
    pub(super) sealer: Option<Sealer<'a>>,
}

impl Pen<'_> {
    pub(super) fn text(self, out: &mut Vec<u8>, text: &str, longest: usize) {
        let from = out.len();
        if self.redactor.push_text(out, text, longest, self.sealer)
            && let Some(sealer) = self.sealer
        {
            sealer.seal(out, from);
        }
    }

    pub(super) fn value(self, out: &mut Vec<u8>, shown: Shown<'_>) {
        walk::Walk::run(self.redactor, self.sealer, out, shown, self.redactor.most_bytes);
    }

    /// What `write` writes is personal.
    pub(super) fn personal(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let from = out.len();
        write(out);
        if let Some(sealer) = self.sealer {
            sealer.seal(out, from);
        }
    }
}

/// The beginning of a text, and how many bytes are left out. It ends before a run that would be torn.
fn shorten(text: &str, longest: usize) -> (&str, usize) {
    if text.len() <= longest {
        return (text, 0);
    }
    let mut end = longest;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let bytes = text.as_bytes();
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_graphic());
    let mut cut = end;
    while is_inside(cut) && cut > 0 && is_inside(cut - 1) {
        cut -= 1;
    }
    (text.get(..cut).unwrap_or_default(), text.len() - cut)
}
