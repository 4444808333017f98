//! An answer to a question of the gate's that a store cannot take.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::future::Ready;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use mcp_auth_core::confirm::StoreGate;
use mcp_auth_core::guard::{Admission, Admitted, Decision, GuardedBody, Rest};
use mcp_auth_core::policy::destructive;
use mcp_auth_core::store::{Committed, Entry, Key, KeyRing, MemoryStore, Store, StoreError, Watch, Write};
use mcp_auth_core::verify::{Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Guard, Principal, TokenVerifier, ToolPolicies};
use serde_json::{Value, json};

struct Unplugged(MemoryStore);

fn unplugged<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("unplugged".into()))
}

#[async_trait]
impl Store for Unplugged {
    async fn get(&self, _: &Key) -> Result<Option<Entry>, StoreError> {
        unplugged()
    }
    async fn scan(&self, _: &str, _: &str, _: Option<&str>, _: usize) -> Result<Vec<Entry>, StoreError> {
        unplugged()
    }
    async fn commit(&self, _: Vec<Write>) -> Result<Committed, StoreError> {
        unplugged()
    }
    fn watch(&self) -> Watch {
        self.0.watch()
    }
}

struct Ada;

#[async_trait]
impl TokenVerifier for Ada {
    async fn verify(&self, _: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        Ok(Principal::builder("https://issuer.example", "ada").build().into())
    }
    fn authorization_servers(&self) -> Vec<String> {
        vec!["https://issuer.example".to_owned()]
    }
}

type Never = Ready<Rest<Full<Bytes>>>;

async fn decide(guard: &Guard, session: Option<&str>, message: Value) -> Decision {
    let mut request = Request::post("/mcp")
        .header("host", "mcp.example")
        .header("authorization", "Bearer secret")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    if let Some(session) = session {
        request = request.header("mcp-session-id", session).header("mcp-protocol-version", "2025-06-18");
    }
    let mut parts = request.body(()).unwrap().into_parts().0;
    let Admission::Body(admitted) = guard.admit(&mut parts, None).await else { panic!("not admitted") };
    Admitted::decide(admitted, &mut parts, message.to_string().into()).await
}

#[tokio::test]
async fn it_may_be_sent_again() {
    let store = Arc::new(Unplugged(MemoryStore::default()));
    let gate = StoreGate::new("https://mcp.example/mcp", store, KeyRing::generate().unwrap());
    let tools = ToolPolicies::new().tool("delete", destructive("notes:delete"));
    let guard =
        Guard::builder("https://mcp.example/mcp").verifier(Ada).tools(tools).confirmation(gate).build();
    let guard = guard.unwrap().0;
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": { "elicitation": {} },
        "clientInfo": { "name": "c", "version": "1" } } });
    let Decision::Forward(hello) = decide(&guard, None, hello).await else { panic!() };
    let response = Response::builder().header("mcp-session-id", "inner").body(Full::default()).unwrap();
    let response: Response<GuardedBody<Full<Bytes>, Never>> = hello.exchange.respond(response);
    let session = response.headers()["mcp-session-id"].to_str().unwrap();

    let id = format!("mcp-auth-{}", "A".repeat(22));
    for (id, status) in [(id, 503), ("mcp-auth-".to_owned(), 400)] {
        let answer = json!({ "jsonrpc": "2.0", "id": id, "result": { "action": "accept" } });
        let Decision::Respond(response) = decide(&guard, Some(session), answer).await else { panic!() };
        assert_eq!(response.status(), status, "{id}");
    }
}
