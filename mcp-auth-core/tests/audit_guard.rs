//! What a guard takes down of requests that it refuses, and of answers that it cannot read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use async_trait::async_trait;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request};
use mcp_auth_core::audit::{Audit, AuditEvent, ChannelSink, Deliveries};
use mcp_auth_core::guard::{Admission, Decision, GuardBuilder};
use mcp_auth_core::policy::{ToolPolicies, read};
use mcp_auth_core::verify::{TokenRefusal, Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Guard, Principal, ScopeSet, TokenVerifier};
use serde_json::{Value, json};

const PLANTED: &str = "planted-for-nobody";

struct OneToken;

#[async_trait]
impl TokenVerifier for OneToken {
    async fn verify(&self, credential: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        match credential.expose_token() {
            "good" => {
                let scopes = ScopeSet::parse("notes:read").unwrap();
                Ok(Principal::builder("https://issuer.example", "ada").scopes(scopes).build().into())
            }
            _ => Err(TokenRefusal::Unknown.into()),
        }
    }
    fn authorization_servers(&self) -> Vec<String> {
        vec!["https://issuer.example".to_owned()]
    }
}

/// A guard with one tool, whose schema alone says that `word` is secret, and what it takes down.
fn guard(change: impl FnOnce(GuardBuilder) -> GuardBuilder) -> (Guard, Deliveries) {
    let schema = json!({"type": "object", "properties": {"word": {"type": "string", "writeOnly": true}}});
    let tool = json!({"name": "unlock", "inputSchema": schema});
    let tools = ToolPolicies::from_tools([tool]).unwrap().tool("unlock", read("notes:read"));
    let (sink, deliveries) = ChannelSink::new(4096);
    let builder = Guard::builder("https://mcp.example/mcp").verifier(OneToken).tools(tools);
    let (guard, _background) = change(builder.audit(Audit::new(sink))).build().unwrap();
    (guard, deliveries)
}

/// All that was taken down.
async fn taken(guard: Guard, mut deliveries: Deliveries) -> Vec<AuditEvent> {
    drop(guard);
    let mut events = Vec::new();
    while let Some(delivered) = deliveries.next().await {
        let record = delivered.acknowledge(Ok(()));
        let line = String::from_utf8_lossy(record.json()).into_owned();
        assert!(!line.contains(PLANTED), "{line}");
        events.push(serde_json::from_str(&line).unwrap());
    }
    events
}

/// The head of a request for this message, as 2026-07-28 makes it.
fn head(message: &Value) -> Parts {
    let name = message["params"]["name"].as_str().unwrap_or_default();
    let request = Request::post("/mcp")
        .header("host", "mcp.example")
        .header("authorization", "Bearer good")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", message["method"].as_str().unwrap())
        .header("mcp-name", name);
    request.body(()).unwrap().into_parts().0
}

async fn send(guard: &Guard, mut parts: Parts, message: &Value) -> Option<Decision> {
    match guard.admit(&mut parts, Some([192, 0, 2, 1].into())).await {
        Admission::Body(admitted) => {
            Some(admitted.decide(&mut parts, Bytes::from(message.to_string())).await)
        }
        _ => None,
    }
}

fn message(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

fn unlock(tool: &str) -> Value {
    message("tools/call", json!({"name": tool, "arguments": {"word": PLANTED, "n": 1}}))
}

#[tokio::test]
async fn what_is_not_known_to_be_asked_for_leaves_no_parameters() {
    let (guard, deliveries) = guard(|guard| guard);
    let call = unlock("unlock");
    let change: [fn(&mut Parts, &mut Value); 7] = [
        |_, _| {},
        |parts, _| drop(parts.headers.remove("mcp-name")),
        |parts, _| drop(parts.headers.insert("mcp-name", HeaderValue::from_static("lock"))),
        |parts, _| drop(parts.headers.remove("mcp-method")),
        |parts, _| drop(parts.headers.insert("mcp-protocol-version", HeaderValue::from_static("1999-01-01"))),
        |_, call| drop(call["params"].as_object_mut().unwrap().remove("_meta")),
        |_, call| drop(call.as_object_mut().unwrap().remove("id")),
    ];
    for change in change {
        let (mut parts, mut call) = (head(&call), call.clone());
        change(&mut parts, &mut call);
        drop(send(&guard, parts, &call).await);
    }
    // A slip of the pen is no tool, and no schema knows its arguments.
    let slip = unlock("unlok");
    drop(send(&guard, head(&slip), &slip).await);
    let answers = json!({"taskId": "1", "inputResponses": {"a": {"content": {"iban": PLANTED}}}});
    let answers = message("tasks/update", answers);
    drop(send(&guard, head(&answers), &answers).await);

    let events = taken(guard, deliveries).await;
    let good: Vec<_> = events.iter().filter(|event| event.kind.is_none()).collect();
    assert_eq!(good[0].params, Some(json!({"word": "[redacted: schema]", "n": 1})), "{events:#?}");
    let refused: Vec<_> = events.iter().filter(|event| event.kind.is_some()).collect();
    assert_eq!(refused.len(), 8, "{events:#?}");
    for event in refused.iter().filter(|event| event.method.as_deref() != Some("tasks/update")) {
        assert_eq!(event.params, None, "{event:?}");
    }
}
