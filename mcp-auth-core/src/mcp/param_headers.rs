//! `Mcp-Param-*` headers (2026-07-28, transports, "Custom Headers from Tool Parameters").
//!
//! 1. A tool's input schema may mark parameters with `x-mcp-header`; only primitive ones (string, integer, boolean)
//!    that are reached through `properties` alone. A mark anywhere else makes the tool's definition invalid.
//! 2. A marked parameter that has a value needs its header; one that is absent or null must not have it.
//! 3. Header and body are compared after decoding, numbers by value.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    ProtocolError,
    headers::{decode, single},
    raw::{Kind, Raw},
    strict::Decimal,
};

const MARK: &str = "x-mcp-header";

/// The headers that a tool's schema asks for, read once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParamHeaders {
    marked: Vec<Marked>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Marked {
    path: Vec<String>,
    header: HeaderName,
}

/// Why a schema's marks are invalid. Clients must not use such a tool.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParamHeadersError {
    /// A mark that no chain of `properties` reaches.
    #[error("x-mcp-header stands where no chain of `properties` leads")]
    Unreachable,
    /// The mark is not a header name's token.
    #[error("x-mcp-header of `{0}` is not a token")]
    NotAToken(String),
    /// The parameter is not a string, integer or boolean.
    #[error("x-mcp-header on `{0}`, which is not a string, an integer or a boolean")]
    NotPrimitive(String),
    /// Two parameters want the same header.
    #[error("x-mcp-header of `{0}` is used twice")]
    Duplicate(String),
    /// Nested deeper than 64 levels.
    #[error("the schema is nested too deeply")]
    TooDeep,
}

impl ParamHeaders {
    /// Reads the marks of a tool's `inputSchema`.
    ///
    /// # Errors
    /// A mark breaks one of the specification's constraints.
    pub fn from_schema(schema: &Value) -> Result<Self, ParamHeadersError> {
        let mut reader = Reader { path: Vec::new(), seen: HashSet::new(), marked: Vec::new() };
        if let Value::Object(schema) = schema {
            if schema.contains_key(MARK) {
                return Err(ParamHeadersError::Unreachable);
            }
            reader.schema(schema, true, 0)?;
        }
        Ok(Self { marked: reader.marked })
    }

    /// True if the schema asks for no header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marked.is_empty()
    }

    /// Checks the headers of a modern `tools/call` against `params.arguments`.
    ///
    /// # Errors
    /// [`ProtocolError::HeaderMismatch`] if a header is missing, comes twice, cannot be decoded, says another thing
    /// than the body, or has no value in the body.
    pub fn check(&self, headers: &HeaderMap, arguments: Option<Raw<'_>>) -> Result<(), ProtocolError> {
        for marked in &self.marked {
            let wrong = |problem| ProtocolError::header(marked.header.as_str().to_owned(), problem);
            let header = single(headers, &marked.header)?;
            let value = marked
                .path
                .iter()
                .try_fold(arguments, |value, key| value?.get(key).map(Some))
                .flatten()
                .filter(|value| !value.is_null());
            let (header, value) = match (header, value) {
                (None, None) => continue,
                // Not a value that can stand in a header, so the server's own validation refuses it.
                (None, Some(value)) if matches!(value.kind(), Kind::Object | Kind::Array) => continue,
                (None, Some(_)) => return Err(wrong("is missing")),
                (Some(_), None) => return Err(wrong("has no value in the body")),
                (Some(header), Some(value)) => (header, value),
            };
            let header = decode(header).ok_or_else(|| wrong("is not valid Base64"))?;
            if !same(&header, value) {
                return Err(wrong("does not match the body"));
            }
        }
        Ok(())
    }
}

fn same(header: &str, value: Raw<'_>) -> bool {
    match value.kind() {
        Kind::String => value.as_str().as_deref() == Some(header),
        Kind::Bool => value.bytes() == header.as_bytes(),
        Kind::Number => Decimal::parse(header.as_bytes())
            .is_some_and(|number| Decimal::parse(value.bytes()).is_some_and(|other| number == other)),
        _ => false,
    }
}

struct Reader {
    path: Vec<String>,
    seen: HashSet<HeaderName>,
    marked: Vec<Marked>,
}

impl Reader {
    /// Goes through a schema; `reachable` while only `properties` led here.
    fn schema(
        &mut self,
        schema: &Map<String, Value>,
        reachable: bool,
        depth: usize,
    ) -> Result<(), ParamHeadersError> {
        if depth > 64 {
            return Err(ParamHeadersError::TooDeep);
        }
        for (key, value) in schema {
            match (key.as_str(), value) {
                (MARK, mark) if reachable => self.mark(mark, schema)?,
                (MARK, _) => return Err(ParamHeadersError::Unreachable),
                ("properties", Value::Object(properties)) => {
                    for (name, property) in properties {
                        self.path.push(name.clone());
                        self.any(property, reachable, depth)?;
                        self.path.pop();
                    }
                }
                // Maps from names to schemas: a name may happen to be the mark.
                (
                    "$defs" | "definitions" | "dependentSchemas" | "patternProperties",
                    Value::Object(schemas),
                ) => {
                    for schema in schemas.values() {
                        self.any(schema, false, depth)?;
                    }
                }
                // Values, not schemas.
                ("default" | "const" | "enum" | "examples", _) => {}
                (_, value) => self.any(value, false, depth)?,
            }
        }
        Ok(())
    }

    fn any(&mut self, value: &Value, reachable: bool, depth: usize) -> Result<(), ParamHeadersError> {
        match value {
            Value::Object(schema) => self.schema(schema, reachable, depth + 1),
            Value::Array(_) if depth > 64 => Err(ParamHeadersError::TooDeep),
            Value::Array(schemas) => schemas.iter().try_for_each(|schema| self.any(schema, false, depth + 1)),
            _ => Ok(()),
        }
    }

    fn mark(&mut self, mark: &Value, schema: &Map<String, Value>) -> Result<(), ParamHeadersError> {
        let name = || self.path.join(".");
        let token = mark.as_str().filter(|token| !token.is_empty());
        let header = token
            .and_then(|token| HeaderName::from_bytes(format!("mcp-param-{token}").as_bytes()).ok())
            .ok_or_else(|| ParamHeadersError::NotAToken(name()))?;
        if !matches!(schema.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
            return Err(ParamHeadersError::NotPrimitive(name()));
        }
        if !self.seen.insert(header.clone()) {
            return Err(ParamHeadersError::Duplicate(name()));
        }
        self.marked.push(Marked { path: self.path.clone(), header });
        Ok(())
    }
}
