//! A guard without a framework: who is let in, and a request as an adapter has it. No test needs all of it.
#![allow(dead_code)]

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use mcp_auth_core::guard::{Admission, Admitted, Decision};
use mcp_auth_core::verify::{TokenRefusal, Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Guard, Principal, ScopeSet, TokenVerifier};
use serde_json::{Value, json};

/// Knows one token, with these scopes.
pub(crate) struct OneToken(pub(crate) &'static str);

#[async_trait]
impl TokenVerifier for OneToken {
    async fn verify(&self, credential: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        match credential.expose_token() {
            "secret" => {
                let scopes = ScopeSet::parse(self.0).unwrap();
                Ok(Principal::builder("https://issuer.example", "ada").scopes(scopes).build().into())
            }
            _ => Err(TokenRefusal::Unknown.into()),
        }
    }
    fn authorization_servers(&self) -> Vec<String> {
        vec!["https://issuer.example".to_owned()]
    }
}

/// A POST, in a session or in none.
pub(crate) fn request(message: &Value, session: Option<&str>) -> (Parts, Bytes) {
    let body = Bytes::from(message.to_string());
    let mut builder = Request::post("/mcp")
        .header("host", "mcp.example")
        .header("authorization", "Bearer secret")
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .header("accept", "application/json, text/event-stream");
    if let Some(session) = session {
        builder = builder.header("mcp-session-id", session).header("mcp-protocol-version", "2025-06-18");
    }
    (builder.body(()).unwrap().into_parts().0, body)
}

/// A message of 2026-07-28, with what that demands beside these parameters.
pub(crate) fn modern_message(method: &str, mut params: Value) -> Value {
    let meta = &mut params["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "tests", "version": "1" });
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// A POST of 2026-07-28, whose head says what the message says.
pub(crate) fn modern_request(message: &Value) -> (Parts, Bytes) {
    let (mut parts, body) = request(message, None);
    let params = &message["params"];
    let name = params["name"].as_str().or(params["uri"].as_str()).map(|name| ("mcp-name", name));
    let head = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", message["method"].as_str().unwrap())];
    for (header, value) in head.into_iter().chain(name) {
        parts.headers.insert(header, value.parse().unwrap());
    }
    (parts, body)
}

/// For a client at 192.0.2.1.
pub(crate) async fn decide(guard: &Guard, parts: &mut Parts, body: Bytes) -> Decision {
    let admission = guard.admit(parts, Some([192, 0, 2, 1].into())).await;
    let Admission::Body(admitted) = admission else { panic!("not admitted") };
    Admitted::decide(admitted, parts, body).await
}
