//! Identifiers of the API.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

const MAX_LENGTH: usize = 64;

/// A UUID or a short id (`p-abc123`): ASCII letters, digits, `-` and `_`, at most 64. So it is one path segment, and can
/// be neither `.` nor `..`, nor hold a slash, a `%` or a `?`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

/// A text that is no identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: give the UUID or the short id (letters, digits, `-`, `_`)")]
pub struct IdError;

impl Id {
    /// Reads an identifier.
    ///
    /// # Errors
    /// [`IdError`] if it is none.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(plain) {
            return Err(IdError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
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
    fn ids_are_one_plain_segment() {
        for good in ["11111111-1111-4111-8111-111111111111", "p-abc123", "mysql_000001"] {
            assert!(Id::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", ".", "..", "../users/self", "a/b", "a%2fb", "a?b", "a#b", "a\\b", "a b", "ä", "a\0", "a;b"]
        {
            assert_eq!(Id::parse(bad), Err(IdError), "{bad}");
        }
        assert_eq!(Id::parse(&"a".repeat(65)), Err(IdError));
    }
}
