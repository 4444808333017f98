//! Headers against the body (2026-07-28, transports, "Server Validation").
//!
//! 1. A modern request carries `MCP-Protocol-Version`, `Mcp-Method`, and `Mcp-Name` where the table of methods says
//!    so; each exactly once, and each equal to the body after decoding.
//! 2. A modern notification may leave `Mcp-Method` out; what it carries must be true. A modern response does not
//!    exist.
//! 3. In the legacy era `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` mean nothing and are not looked at: nothing may
//!    be decided on them.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};

use super::{
    Era, Message, MessageKind, Method, ProtocolError,
    era::CAPABILITIES_KEY,
    raw::{Kind, Raw},
};

const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// Decides a message's era and checks its headers against its body.
///
/// Checks `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name` and the required members of `_meta`. Does not check
/// `Mcp-Param-*`, which needs the tool's schema ([`ParamHeaders`](super::ParamHeaders)), nor whether the method exists
/// ([`Operation::of`](super::Operation::of)).
///
/// # Errors
/// See [`ProtocolError`]; all of them are HTTP 400.
pub fn check(headers: &HeaderMap, message: &Message) -> Result<Era, ProtocolError> {
    let era = Era::of(headers, message)?;
    if !era.is_modern() {
        return Ok(era);
    }
    let Some(method) = message.method() else {
        return Err(ProtocolError::InvalidRequest("a response is not accepted"));
    };
    match single(headers, &METHOD)? {
        Some(header) if header == method => {}
        Some(_) => return Err(ProtocolError::header("Mcp-Method", "does not match the body")),
        None if matches!(message.kind(), MessageKind::Notification) => return Ok(era),
        None => return Err(ProtocolError::header("Mcp-Method", "is missing")),
    }
    let name = single(headers, &NAME)?;
    if let Some(key) = Method::find(method, era.revision()).and_then(|method| method.name_header) {
        let name = name.ok_or_else(|| ProtocolError::header("Mcp-Name", "is missing"))?;
        let name = decode(name).ok_or_else(|| ProtocolError::header("Mcp-Name", "is not valid Base64"))?;
        if message.param(key).and_then(Raw::as_str).as_deref() != Some(&*name) {
            return Err(ProtocolError::header("Mcp-Name", "does not match the body"));
        }
    }
    let declared = message.meta(CAPABILITIES_KEY).is_some_and(|value| value.kind() == Kind::Object);
    if message.is_request() && !declared {
        return Err(ProtocolError::MissingMeta(CAPABILITIES_KEY));
    }
    Ok(era)
}

/// The one value of a header, or none.
///
/// # Errors
/// The header comes more than once, or has bytes other than visible ASCII, space and tab.
pub(crate) fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, ProtocolError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ProtocolError::header(name.as_str().to_owned(), "appears more than once"));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| ProtocolError::header(name.as_str().to_owned(), "has invalid characters"))
}

/// Undoes `=?base64?…?=`; any other value stands for itself. `None` if the inside is not canonical Base64 of UTF-8.
pub(crate) fn decode(value: &str) -> Option<Cow<'_, str>> {
    let Some(inside) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(Cow::Borrowed(value));
    };
    String::from_utf8(STANDARD.decode(inside).ok()?).ok().map(Cow::Owned)
}
