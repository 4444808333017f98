//! Messages, as clients of either era write them.

use serde_json::{Value, json};

/// The revision that has no handshake.
pub const MODERN: &str = "2026-07-28";
/// A revision that has one.
pub const LEGACY: &str = "2025-06-18";

/// A request of 2026-07-28.
#[must_use]
pub fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "behaviour", "version": "1" },
    });
    legacy(method, params)
}

/// A request of the legacy era.
#[must_use]
pub fn legacy(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

/// A call of a tool, of 2026-07-28.
#[must_use]
pub fn call(tool: &str, arguments: Value) -> Value {
    modern("tools/call", json!({ "name": tool, "arguments": arguments }))
}

/// A call of a tool, of the legacy era.
#[must_use]
pub fn legacy_call(tool: &str, arguments: Value) -> Value {
    legacy("tools/call", json!({ "name": tool, "arguments": arguments }))
}

/// A notification.
#[must_use]
pub fn notification(method: &str) -> Value {
    json!({ "jsonrpc": "2.0", "method": method })
}

/// The handshake of the legacy era.
#[must_use]
pub fn initialize(version: &str) -> Value {
    let client = json!({ "name": "behaviour", "version": "1" });
    legacy("initialize", json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client }))
}
