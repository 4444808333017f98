//! The argument that carries the token of a second step.

use bytes::Bytes;

use crate::mcp::{Kind, Limits, Raw, RewriteError, edit_members};

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

/// The response to `tools/list` with the argument added to the tools that `needs` names. It comes after the filter, which
/// has bounded and understood the response; an error response stays as it is.
///
/// # Errors
/// It is not understood; it must then not be passed on.
pub fn add_token_arguments(
    response: &Bytes,
    mut needs: impl FnMut(&str) -> bool,
) -> Result<Bytes, RewriteError> {
    let limits = Limits::default().with_max_bytes(usize::MAX).with_max_depth(Limits::DEEPEST);
    let Some(result) = Raw::parse(response, &limits)?.get("result") else { return Ok(response.clone()) };
    let tools =
        result.get("tools").filter(|tools| tools.kind() == Kind::Array).ok_or(RewriteError::NotAList)?;
    let (mut entries, mut changed) = (Vec::new(), false);
    for tool in tools.items() {
        let name = tool.get("name").and_then(Raw::as_str).ok_or(RewriteError::NotAList)?;
        let added = if needs(&name) { with_token_argument(tool.bytes()) } else { None };
        changed |= added.is_some();
        entries.push(added.unwrap_or_else(|| Bytes::copy_from_slice(tool.bytes())));
    }
    if !changed {
        return Ok(response.clone());
    }
    let list = [b"[", entries.join(&b","[..]).as_slice(), b"]"].concat();
    Ok(edit_members(response, result, &[("tools", Some(&list))]).into())
}
