//! What declarations demand together.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use mcp_auth_core::guard::{Admission, Admitted, Decision};
use mcp_auth_core::policy::{public, read, write};
use mcp_auth_core::verify::{Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Guard, Principal, ScopeSet, TokenVerifier, ToolPolicies};
use serde_json::{Value, json};

/// A token is its scopes.
struct Scopes;

#[async_trait]
impl TokenVerifier for Scopes {
    async fn verify(&self, credential: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        let scopes = ScopeSet::parse(&credential.expose_token().replace('.', " ")).unwrap();
        Ok(Principal::builder("https://issuer.example", "ada").scopes(scopes).build().into())
    }
    fn authorization_servers(&self) -> Vec<String> {
        vec!["https://issuer.example".to_owned()]
    }
}

fn builder(policies: ToolPolicies) -> mcp_auth_core::guard::GuardBuilder {
    Guard::builder("https://mcp.example/mcp").verifier(Scopes).tools(policies)
}

/// The status, and 404 for an error that says that there is no such thing.
async fn status(policies: &ToolPolicies, scopes: &str, method: &str, params: Value) -> u16 {
    let guard = builder(policies.clone()).build().unwrap().0;
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let body = Bytes::from(message.to_string());
    let request = Request::post("/mcp")
        .header("host", "mcp.example")
        .header("authorization", format!("Bearer {}", scopes.replace(' ', ".")))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-06-18");
    let mut parts = request.body(()).unwrap().into_parts().0;
    let Admission::Body(admitted) = guard.admit(&mut parts, None).await else { panic!("not admitted") };
    match Admitted::decide(admitted, &mut parts, body).await {
        Decision::Forward(_) => 200,
        Decision::Respond(response) if response.status() == 200 => {
            let answer: Value = serde_json::from_slice(response.body()).unwrap();
            assert!(answer["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
            404
        }
        Decision::Respond(response) => response.status().as_u16(),
        decision @ Decision::AskThenForward(_) => panic!("{decision:?}"),
    }
}

#[tokio::test]
async fn all_functions_of_a_declaration_count() {
    let policy = read("a").and_by_arguments(|_| "b".into()).and_by_arguments(|arguments| {
        arguments.str("to").map_or_else(String::new, std::borrow::Cow::into_owned)
    });
    let policies = ToolPolicies::new().tool("share", policy);
    for (scopes, to, expected) in
        [("a b c", "c", 200), ("a b", "", 200), ("a b", "c", 403), ("a c", "c", 403), ("a b", "\"", 404)]
    {
        let params = json!({ "name": "share", "arguments": { "to": to } });
        assert_eq!(status(&policies, scopes, "tools/call", params).await, expected, "{scopes}, {to}");
    }
}

#[test]
fn what_contradicts_itself_is_found_at_start() {
    let own = || ToolPolicies::new().tool("a", public());
    for (policies, problem) in [
        (own().tool("b", public().and_by_arguments(|_| "b".into())), "tool `b`"),
        (own().resource("b://{x}", public().and_by_arguments(|_| "b".into())), "resource `b://{x}`"),
        (own().tool("a", write("b")), "tool `a` is declared twice"),
        (own().prompt("b", read("b")).prompt("b", public()), "prompt `b` is declared twice"),
        (own().method("tasks/get", read("b")).method("tasks/get", public()), "method `tasks/get` is declared"),
    ] {
        let errors = builder(policies).build().map(drop).unwrap_err();
        assert_eq!(errors.as_slice().len(), 1, "{errors}");
        assert!(errors.to_string().contains(problem), "{errors}");
    }
}
