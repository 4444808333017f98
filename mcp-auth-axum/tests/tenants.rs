//! Several MCP endpoints on one origin, each with a guard and an audience of its own.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use axum::routing::post;
use axum::{Json, Router};
use mcp_auth_axum::{McpAuthLayer, routes};
use mcp_auth_core::policy::read;
use mcp_auth_core::testing::Authority;
use mcp_auth_core::verify::jwt::JwtVerifier;
use mcp_auth_core::{Guard, ToolPolicies};
use serde_json::{Value, json};

#[tokio::test]
async fn each_tenant_takes_only_its_own_tokens() {
    let authority = Authority::start().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let mut app = Router::new();
    for tenant in ["/a/mcp", "/b/mcp"] {
        let (guard, background) = Guard::builder(format!("{origin}{tenant}"))
            .verifier(JwtVerifier::builder(authority.issuer()).jwks(authority.jwks()).build().unwrap())
            .tools(ToolPolicies::new().tool("which", read("tenant:read")))
            .shares_origin()
            .build()
            .unwrap();
        tokio::spawn(background);
        let service = Router::new().fallback(post(move || async move { Json(json!({ "tenant": tenant })) }));
        app =
            app.route_service(tenant, McpAuthLayer::new(guard.clone()).layer(service)).merge(routes(&guard));
    }
    tokio::spawn(async move { axum::serve(listener, app).await });

    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "which" } });
    for (tenant, other) in [("/a/mcp", "/b/mcp"), ("/b/mcp", "/a/mcp")] {
        let path = format!("{origin}/.well-known/oauth-protected-resource{tenant}");
        let document: Value = reqwest::get(&path).await.unwrap().json().await.unwrap();
        assert_eq!(document.get("resource"), Some(&json!(format!("{origin}{tenant}"))));
        let token = authority.token(&format!("{origin}{tenant}")).scope("tenant:read").sign();
        for (at, status) in [(tenant, 200), (other, 401)] {
            let request =
                reqwest::Client::new().post(format!("{origin}{at}")).bearer_auth(&token).json(&call);
            let answer =
                request.header("accept", "application/json, text/event-stream").send().await.unwrap();
            assert_eq!(answer.status(), status, "{tenant}'s token at {at}");
            if status == 401 {
                let challenge = answer.headers().get("www-authenticate").unwrap().to_str().unwrap();
                assert!(
                    challenge.contains(&format!("/.well-known/oauth-protected-resource{at}\"")),
                    "{challenge}"
                );
            }
        }
    }
    // No document speaks for all of them.
    let root = reqwest::get(format!("{origin}/.well-known/oauth-protected-resource")).await.unwrap();
    assert_eq!(root.status(), 404);
}
