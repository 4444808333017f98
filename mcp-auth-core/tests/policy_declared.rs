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
        (
            own().method("tasks/get", read("b")).method("tasks/get", public()),
            "method `tasks/get` is declared",
        ),
    ] {
        let errors = builder(policies).build().map(drop).unwrap_err();
        assert_eq!(errors.as_slice().len(), 1, "{errors}");
        assert!(errors.to_string().contains(problem), "{errors}");
    }
}

/// A broad declaration beside a stricter one: no spelling gets by the stricter one.
#[tokio::test]
async fn a_stricter_resource_has_one_way_in() {
    let policies = ToolPolicies::new()
        .resource("repo://{+path}", read("broad"))
        .resource("repo://{+path}/secrets/{name}", read("strict"))
        .resource("file:///public/{+path}", read("broad"))
        .resource("web://{+url}", read("broad"))
        .resource("data://a//b", read("broad"));
    for (uri, broad, both) in [
        ("repo://app/readme", 200, 200),
        ("repo://app/dir/", 200, 200),
        ("repo://app/a%20b?x=..#/../", 200, 200),
        ("file:///public/a.b/..c", 200, 200),
        ("web://https://b.example/x", 200, 200),
        ("web://https%3A%2F%2Fb.example%2Fx", 200, 200),
        ("data://a//b", 200, 200),
        ("repo://app/secrets/key", 403, 200),
        ("repo://a/secrets/b/secrets/key", 403, 200),
        ("repo://app/secrets/secrets/key", 403, 200),
        ("repo://app/secrets/key/", 403, 200),
        ("repo://app/secrets/key?x", 403, 200),
        ("repo://app/secrets/key#x", 403, 200),
        ("repo://app/s%65crets/key", 403, 200),
        ("repo://app/secrets%2Fkey", 403, 200),
        ("repo://app\\secrets\\key", 403, 200),
        ("repo://app%5csecrets%5Ckey", 403, 200),
        ("repo://app/secrets//key", 404, 404),
        ("repo://app/secrets/./key", 404, 404),
        ("repo://app/secrets/%2E/key", 404, 404),
        ("repo://app/secrets/x/../key", 404, 404),
        ("repo://app/secrets/x/%2e./key", 404, 404),
        ("repo://app/secrets/x%2f..%5ckey", 404, 404),
        ("repo://app/secrets/x\\..\\key", 404, 404),
        ("repo://app/secrets/%2fkey", 404, 404),
        ("repo://app/secrets/x/..", 404, 404),
        ("repo://..", 404, 404),
        ("repo://app//", 404, 404),
        ("file:///public/../secret/x", 404, 404),
        ("file:///public//etc/x", 404, 404),
        ("file:///public/c://x", 404, 404),
        // Who parses a URL drops line ends and tabs anywhere in it, and what is not seen at its ends.
        ("file:///public/.\t./secret/x", 404, 404),
        ("file:///public/.\r\n./secret/x", 404, 404),
        ("repo://app/sec\nrets/key", 404, 404),
        ("repo://app/sec%0Arets/key", 404, 404),
        ("repo://app/x?.\t", 404, 404),
        ("file:///public/.. ", 404, 404),
        ("file:///public/..%20", 404, 404),
        ("file:///public/..%20?x", 404, 404),
        ("file:///public/..\u{a0}", 404, 404),
        (" file:///public/x", 404, 404),
        ("\u{1f}repo://app/x", 404, 404),
        ("repo://app/x\0", 404, 404),
        ("repo://app/x%00", 404, 404),
        ("repo://app/x\u{7f}y", 404, 404),
        ("repo://app/a b", 200, 200),
        ("repo://app/x?q=a%0Ab", 200, 200),
    ] {
        let params = || json!({ "uri": uri });
        assert_eq!(status(&policies, "broad", "resources/read", params()).await, broad, "{uri}");
        assert_eq!(status(&policies, "broad strict", "resources/read", params()).await, both, "{uri}");
    }
}
