//! Cross-origin requests (WHATWG Fetch, section 3.2).
//!
//! 1. An MCP endpoint answers allowed origins by name, never `*`, without credentials.
//! 2. A document or an OAuth endpoint that anybody may read answers every origin with `*`, without credentials.
//! 3. `Mcp-Param-*` headers are allowed where a preflight asks for them; nothing else is echoed.

use http::{HeaderMap, HeaderValue, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce, Retry-After");
const ALLOWED: &str = "Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID, DPoP";
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const MAX_REQUESTED: usize = 4096;

/// Adds what an allowed `origin` needs to read an answer of the MCP endpoint.
pub fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// Adds what answers a preflight of an allowed `origin`; `request` are the preflight's headers.
pub fn allow_preflight(headers: &mut HeaderMap, request: &HeaderMap, origin: HeaderValue) {
    allow(headers, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    let mut allowed = String::from(ALLOWED);
    let requested = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    for name in requested.filter(|names| names.len() <= MAX_REQUESTED).unwrap_or("").split(',').map(str::trim)
    {
        let is_param = name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("mcp-param-"));
        if is_param && header::HeaderName::from_bytes(name.as_bytes()).is_ok() {
            allowed.push_str(", ");
            allowed.push_str(name);
        }
    }
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
}

/// Adds what lets every origin read a public document or call a public endpoint.
pub fn allow_all(headers: &mut HeaderMap, methods: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Authorization, Content-Type, MCP-Protocol-Version"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
