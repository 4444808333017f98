//! What the guard does for a policy of a service's own, which has no rules.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::guard::{Admission, Admitted, Decision};
use mcp_auth_core::mcp::{ListKind, Operation};
use mcp_auth_core::policy::{Arguments, Effect, ScopePolicy, Verdict};
use mcp_auth_core::verify::{Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Guard, Principal, ScopeSet, TokenVerifier};
use serde_json::{Value, json};

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

struct Ours(Effect);

impl ScopePolicy for Ours {
    fn decide(&self, _: Option<&Principal>, _: &Operation, _: Arguments<'_>) -> Verdict {
        Verdict::Allow { effect: self.0, needed: ScopeSet::default() }
    }
    fn is_listed(&self, _: Option<&Principal>, _: ListKind, _: &str) -> bool {
        true
    }
    fn has_public(&self) -> bool {
        false
    }
    fn covers(&self, _: &ScopeSet, _: &ScopeSet) -> bool {
        true
    }
    fn scopes(&self) -> ScopeSet {
        ScopeSet::default()
    }
    fn report(&self, _: &mut ConfigErrors) {}
}

/// A call of the tool `save`, as an adapter has it.
fn call(meta: &Value) -> (Parts, Bytes) {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "save", "arguments": {}, "_meta": meta } });
    let body = Bytes::from(message.to_string());
    let request = Request::post("/mcp")
        .header("host", "mcp.example")
        .header("authorization", "Bearer secret")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "save");
    (request.body(()).unwrap().into_parts().0, body)
}

async fn decide(effect: Effect, meta: Value) -> Decision {
    let built = Guard::builder("https://mcp.example/mcp").verifier(Ada).policy(Ours(effect)).build();
    let guard = built.unwrap().0;
    let mut all = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" } });
    all.as_object_mut().unwrap().extend(meta.as_object().unwrap().clone());
    let (mut parts, body) = call(&all);
    let Admission::Body(admitted) = guard.admit(&mut parts, None).await else { panic!("not admitted") };
    Admitted::decide(admitted, &mut parts, body).await
}

#[tokio::test]
async fn a_dry_run_runs_nothing() {
    for effect in [Effect::Read, Effect::Write, Effect::Destructive] {
        let decision = decide(effect, json!({ "mcp-auth/dryRun": true })).await;
        let Decision::Respond(response) = decision else { panic!("{effect:?}: {decision:?}") };
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
        assert!(text.starts_with("Dry run: nothing was changed."), "{effect:?}: {answer}");
    }
}

#[tokio::test]
async fn all_else_runs_unless_it_is_destructive() {
    for meta in [json!({}), json!({ "mcp-auth/dryRun": false })] {
        assert!(matches!(decide(Effect::Read, meta.clone()).await, Decision::Forward(_)));
        assert!(matches!(decide(Effect::Write, meta.clone()).await, Decision::Forward(_)));
        assert!(matches!(decide(Effect::Destructive, meta).await, Decision::Respond(_)));
    }
}
