//! The argument that carries the token of a second step.

use bytes::Bytes;

use crate::mcp::{Kind, Limits, Raw, edit_members};

/// The argument that `tools/list` adds to a tool, and that never reaches it.
pub const TOKEN_ARGUMENT: &str = "confirmation_token";

/// How the argument is described.
const PROPERTY: &str = r#"{"type":"string","description":"Only for the second step: the token that the first call of this tool answered with. Repeat the call with the same arguments and this token after the user agreed to what was shown."}"#;

/// An entry of `tools/list` with the argument added to its `inputSchema`. `None` if the entry has no object schema, or
/// an argument of that name already: the tool can then not be confirmed in two steps.
#[must_use]
pub fn with_token_argument(tool: &[u8]) -> Option<Bytes> {
    let limits = Limits::default().with_max_bytes(tool.len()).with_max_depth(Limits::DEEPEST);
    let entry = Raw::parse(tool, &limits).ok()?;
    let schema = entry.get("inputSchema").filter(|schema| schema.kind() == Kind::Object)?;
    let Some(properties) = schema.get("properties") else {
        let properties = format!("{{\"{TOKEN_ARGUMENT}\":{PROPERTY}}}");
        return Some(edit_members(tool, schema, &[("properties", Some(properties.as_bytes()))]).into());
    };
    if properties.kind() != Kind::Object || properties.get(TOKEN_ARGUMENT).is_some() {
        return None;
    }
    Some(edit_members(tool, properties, &[(TOKEN_ARGUMENT, Some(PROPERTY.as_bytes()))]).into())
}
