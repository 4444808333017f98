//! The client program, by its own words.
//!
//! 1. A name of 64 and a version of 32 bytes at most, without control characters.
//! 2. It decides nothing: it stands in spans and in the record.

use std::fmt;

use crate::mcp::Raw;

const MAX_NAME: usize = 64;
const MAX_VERSION: usize = 32;

/// What a `clientInfo` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Software {
    pub(super) name: String,
    pub(super) version: String,
}

impl Software {
    pub(super) fn of(info: Raw<'_>) -> Self {
        let text =
            |key, most| info.get(key).and_then(Raw::as_str).map(|text| kept(&text, most)).unwrap_or_default();
        Self { name: text("name", MAX_NAME), version: text("version", MAX_VERSION) }
    }

    /// Nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_empty() && self.version.is_empty()
    }

    /// Both in one text, to be taken apart by [`Self::split`]: neither holds a control character.
    pub(super) fn joined(&self) -> String {
        format!("{}\n{}", self.name, self.version)
    }

    pub(super) fn split(joined: &str) -> Self {
        let (name, version) = joined.split_once('\n').unwrap_or((joined, ""));
        Self { name: name.to_owned(), version: version.to_owned() }
    }
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.version.is_empty() { Ok(()) } else { write!(f, " {}", self.version) }
    }
}

fn kept(text: &str, most: usize) -> String {
    let mut kept = String::new();
    for character in text.trim().chars().filter(|character| !character.is_control()) {
        if kept.len() + character.len_utf8() > most {
            break;
        }
        kept.push(character);
    }
    kept
}
