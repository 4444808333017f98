//! Identifiers.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const MAX_LENGTH: usize = 64;

/// An id as the service gave it out: ASCII letters, digits, `-` and `_`, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: give one that another tool answered with (letters, digits, `-`, `_`)")]
pub struct IdError;

impl Id {
    /// Reads an id.
    ///
    /// # Errors
    /// [`IdError`] if it is none.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_id = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_plain);
        if is_id { Ok(Self(text)) } else { Err(IdError) }
    }

    /// A new one; later ones sort after it.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7().simple().to_string())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Id {
    fn default() -> Self {
        Self::new()
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain() {
        assert!(Id::parse(Id::new().as_str()).is_ok());
        for bad in ["", "a b", "a'--", "a\0", "ä", "../x", "<b>", "a;b", "%"] {
            assert_eq!(Id::parse(bad), Err(IdError), "{bad}");
        }
        assert_eq!(Id::parse("a".repeat(65)), Err(IdError));
    }
}
