//! Documents and pages, each mounted by one `configure`, and several guards on one origin.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::{App, HttpResponse, web};
use async_trait::async_trait;
use http::request::Parts;
use mcp_auth_actix::{McpAuth, routes};
use mcp_auth_core::confirm::approval::{ApprovalPage, Approvals, Approvers, SignedIn};
use mcp_auth_core::policy::read;
use mcp_auth_core::store::{KeyRing, MemoryStore};
use mcp_auth_core::testing::Authority;
use mcp_auth_core::verify::jwt::JwtVerifier;
use mcp_auth_core::{Guard, ToolPolicies};
use serde_json::{Value, json};

use crate::run;

struct Nobody;

#[async_trait]
impl Approvers for Nobody {
    async fn signed_in(&self, request: &Parts) -> SignedIn {
        SignedIn::SignInAt(format!("/login?next={}", request.uri.path()))
    }
}

#[tokio::test]
async fn guards_and_pages_are_mounted_side_by_side() {
    let authority = Authority::start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let approvals = Approvals::new(Arc::new(MemoryStore::default()), format!("{origin}/approve"));
    let page =
        ApprovalPage::new(approvals, Nobody, KeyRing::from_text(&KeyRing::new_key().unwrap()).unwrap())
            .unwrap();
    let guards = ["/a/mcp", "/b/mcp"].map(|tenant| {
        let (guard, background) = Guard::builder(format!("{origin}{tenant}"))
            .verifier(JwtVerifier::builder(authority.issuer()).jwks(authority.jwks()).build().unwrap())
            .tools(ToolPolicies::new().tool("which", read("tenant:read")))
            .shares_origin()
            .build()
            .unwrap();
        tokio::spawn(background);
        (tenant, guard)
    });
    let _running = run!(listener, move || {
        let app = App::new().configure(routes(&page));
        guards.clone().into_iter().fold(app, |app, (tenant, guard)| {
            let which = move || std::future::ready(HttpResponse::Ok().json(json!({ "tenant": tenant })));
            let resource = web::resource(tenant).wrap(McpAuth::new(guard.clone())).route(web::to(which));
            app.service(resource).configure(routes(&guard))
        })
    });

    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "which" } });
    for (tenant, other) in [("/a/mcp", "/b/mcp"), ("/b/mcp", "/a/mcp")] {
        let path = format!("{origin}/.well-known/oauth-protected-resource{tenant}");
        let document: Value = client.get(&path).send().await.unwrap().json().await.unwrap();
        assert_eq!(document["resource"], json!(format!("{origin}{tenant}")));
        let token = authority.token(&format!("{origin}{tenant}")).scope("tenant:read").sign();
        for (at, status) in [(tenant, 200), (other, 401)] {
            let request = client.post(format!("{origin}{at}")).bearer_auth(&token).json(&call);
            let request = request.header("accept", "application/json, text/event-stream");
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status, "{tenant}'s token at {at}");
            if status == 401 {
                let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
                let metadata = format!("/.well-known/oauth-protected-resource{at}\"");
                assert!(challenge.contains(&metadata), "{challenge}");
            }
        }
    }
    // No document speaks for all of them.
    let root = client.get(format!("{origin}/.well-known/oauth-protected-resource")).send().await.unwrap();
    assert_eq!(root.status(), 404);
    for (path, status) in [("/approve", 303), ("/approve?id=x", 303), ("/%61pprove", 404), ("/approve/", 404)]
    {
        let answer = client.get(format!("{origin}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        if status == 303 {
            assert_eq!(answer.headers()["location"], "/login?next=/approve");
        }
    }
    let form = client.post(format!("{origin}/approve")).body("x".repeat(100_000)).send().await.unwrap();
    assert_eq!(form.status(), 413);
}
