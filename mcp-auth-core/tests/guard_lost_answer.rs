//! An answer to a question of the gate's that a store cannot take.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/guarded.rs"]
mod guarded;

use std::future::{Ready, ready};
use std::sync::Arc;

use bytes::Bytes;
use guarded::{OneToken, decide, request};
use http::Response;
use http_body_util::Full;
use mcp_auth_core::confirm::StoreGate;
use mcp_auth_core::guard::{Decision, GuardedBody, Rest};
use mcp_auth_core::policy::destructive;
use mcp_auth_core::store::{KeyRing, MemoryStore, StoreError};
use mcp_auth_core::testing::{ObservedStore, StoreCall};
use mcp_auth_core::{Guard, ToolPolicies};
use serde_json::{Value, json};

type Never = Ready<Rest<Full<Bytes>>>;

async fn send(guard: &Guard, session: Option<&str>, message: Value) -> Decision {
    let (mut parts, body) = request(&message, session);
    decide(guard, &mut parts, body).await
}

#[tokio::test]
async fn it_may_be_sent_again() {
    let unplugged = |_: StoreCall<'_>| ready(Err(StoreError::Unavailable("unplugged".into())));
    let store = ObservedStore::new(MemoryStore::default(), unplugged);
    let gate = StoreGate::new("https://mcp.example/mcp", Arc::new(store), KeyRing::generate().unwrap());
    let tools = ToolPolicies::new().tool("delete", destructive("notes:delete"));
    let guard = Guard::builder("https://mcp.example/mcp")
        .verifier(OneToken("notes:delete"))
        .tools(tools)
        .confirmation(gate)
        .build();
    let guard = guard.unwrap().0;
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": { "elicitation": {} },
        "clientInfo": { "name": "c", "version": "1" } } });
    let Decision::Forward(hello) = send(&guard, None, hello).await else { panic!() };
    let response = Response::builder().header("mcp-session-id", "inner").body(Full::default()).unwrap();
    let response: Response<GuardedBody<Full<Bytes>, Never>> = hello.exchange.respond(response);
    let session = response.headers()["mcp-session-id"].to_str().unwrap();

    let id = format!("mcp-auth-{}", "A".repeat(22));
    for (id, status) in [(id, 503), ("mcp-auth-".to_owned(), 400)] {
        let answer = json!({ "jsonrpc": "2.0", "id": id, "result": { "action": "accept" } });
        let Decision::Respond(response) = send(&guard, Some(session), answer).await else { panic!() };
        assert_eq!(response.status(), status, "{id}");
    }
}
