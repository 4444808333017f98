//! The approval page, with the provider's own users: beside the guard's documents, and nothing else to mount.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::routing::post;
use axum::{Json, Router};
use common::{Browser, PASSWORD, form_code, location};
use mcp_auth_axum::{McpAuthLayer, routes};
use mcp_auth_core::confirm::approval::ApprovalPage;
use mcp_auth_core::confirm::{Approvals, Confirmation, Rule, StoreGate};
use mcp_auth_core::policy::destructive;
use mcp_auth_core::store::{KeyRing, MemoryStore, Sealed, Store};
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_core::verify::{Verified, VerifierRouter, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Guard, Principal, ScopeSet, TokenVerifier, ToolPolicies};
use mcp_auth_provider::{HostSession, LocalUsers, Provider, ProviderBuilder, User};
use serde_json::{Value, json};

struct World {
    origin: String,
    /// An API key of ada's.
    key: String,
}

async fn world(sign_in: impl FnOnce(ProviderBuilder) -> ProviderBuilder) -> World {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (mcp, page) = (format!("{origin}/mcp"), format!("{origin}/approve"));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let builder = Provider::builder(&origin).resource(&mcp).scopes([("notes:delete", "Delete notes")]);
    let (provider, background) = sign_in(builder).build().unwrap();
    tokio::spawn(background);

    let may_approve = |user: &User| match user.subject.as_str() {
        "grace" => ScopeSet::parse("notes:approve").unwrap(),
        _ => ScopeSet::default(),
    };
    let ring = KeyRing::generate().unwrap();
    let sealed: Arc<dyn Store> = Arc::new(Sealed::new(Arc::clone(&store), ring.clone()));
    let approvers = provider.approvers().scopes(may_approve);
    let page = ApprovalPage::new(Approvals::new(sealed, page), approvers, ring.clone()).unwrap();
    let gate = StoreGate::new(mcp.as_str(), Arc::clone(&store), ring).approval_page(page);

    let keys = ApiKeys::builder(store).prefix("notes").issuer(&origin).build().unwrap();
    let scopes = ScopeSet::parse("notes:delete").unwrap();
    let key = keys.create(NewKey::new("laptop", "ada").scopes(scopes.clone())).await.unwrap();
    let elsewhere = Elsewhere(scopes);
    let verifier = VerifierRouter::new()
        .jwt(provider.verifier())
        .shape(|token| token.starts_with("notes_"), keys)
        .shape(|token| token == "elsewhere", elsewhere);

    let approve = Rule::new(Confirmation::Approve);
    let tools = ToolPolicies::new()
        .tool("delete", destructive("notes:delete").confirm(approve.clone()))
        .tool("delete_all", destructive("notes:delete").confirm(approve.four_eyes("notes:approve")));
    let (guard, background) =
        Guard::builder(&mcp).verifier(verifier).tools(tools).confirmation(gate).build().unwrap();
    tokio::spawn(background);
    let service = post(|Json(call): Json<Value>| async move {
        let ran = json!({ "content": [{ "type": "text", "text": "deleted" }], "resultType": "complete" });
        Json(json!({ "jsonrpc": "2.0", "id": call["id"], "result": ran }))
    });
    let app = Router::new()
        .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(service))
        .merge(routes(&guard))
        .merge(routes(&provider))
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    World { origin, key: key.expose_secret().to_owned() }
}

/// The same subject, named by another issuer.
struct Elsewhere(ScopeSet);

#[async_trait]
impl TokenVerifier for Elsewhere {
    async fn verify(&self, _: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        let principal = Principal::builder("https://elsewhere.example", "ada");
        Ok(principal.scopes(self.0.clone()).build().into())
    }

    fn authorization_servers(&self) -> Vec<String> {
        Vec::new()
    }
}

fn local(builder: ProviderBuilder) -> ProviderBuilder {
    builder.sign_in(LocalUsers::new().user("ada", PASSWORD).user("grace", PASSWORD))
}

impl World {
    /// The text of a call's result, with the key.
    async fn call(&self, tool: &str) -> String {
        self.call_with(&self.key, tool).await
    }

    async fn call_with(&self, token: &str, tool: &str) -> String {
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" } });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": tool, "arguments": { "id": 7 }, "_meta": meta } });
        let request = reqwest::Client::new().post(format!("{}/mcp", self.origin)).bearer_auth(token);
        let request = request
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool);
        let answer: Value = request.json(&call).send().await.unwrap().json().await.unwrap();
        answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The link that a call answers with.
    async fn link(&self, tool: &str) -> String {
        let text = self.call(tool).await;
        let at = text.find(&self.origin).unwrap_or_else(|| panic!("{text}"));
        text[at..].split(' ').next().unwrap().to_owned()
    }

    /// Follows a link to the sign-in, signs in there, and gives the page that it leads back to.
    async fn open(&self, browser: &Browser, link: &str, who: &str) -> (u16, String) {
        let answer = browser.get(link).await;
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        let sign_in = format!("{}{}", self.origin, location(&answer));
        let form = form_code(&browser.get(&sign_in).await.text().await.unwrap());
        let wrong = [("form", form.as_str()), ("username", who), ("password", "wrong")];
        let again = browser.post(&sign_in, &wrong).await.text().await.unwrap();
        assert!(again.contains("is wrong"), "{again}");
        let form = form_code(&again);
        let right = [("form", form.as_str()), ("username", who), ("password", PASSWORD)];
        let back = browser.post(&sign_in, &right).await;
        assert_eq!((back.status().as_u16(), location(&back).as_str()), (303, link));
        let page = browser.get(link).await;
        (page.status().as_u16(), page.text().await.unwrap())
    }

    async fn decide(&self, browser: &Browser, link: &str, page: &str, decision: &str) -> u16 {
        let (code, id) = (form_code(page), link.split('=').nth(1).unwrap());
        let form = [("form", code.as_str()), ("id", id), ("decision", decision), ("reason", "as agreed")];
        browser.post(&format!("{}/approve", self.origin), &form).await.status().as_u16()
    }
}

#[tokio::test]
async fn the_owner_of_a_key_signs_in_and_decides() {
    let world = world(local).await;
    let link = world.link("delete").await;
    let id = link.strip_prefix(&format!("{}/approve?id=", world.origin)).unwrap();
    assert_eq!(id.len(), 22, "{id}");

    let grace = Browser::new();
    let (status, page) = world.open(&grace, &link, "grace").await;
    assert_eq!(status, 404, "it is ada's");
    assert!(page.contains("grace") && page.contains("/sign-in?return_to="), "{page}");

    // Somebody else at the same screen.
    let (_, href) = page.split_once("href=\"").unwrap();
    let other = href.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let sign_in = format!("{}{other}", world.origin);
    let form = form_code(&grace.get(&sign_in).await.text().await.unwrap());
    let back = grace.post(&sign_in, &[("form", &form), ("username", "ada"), ("password", PASSWORD)]).await;
    let page = grace.get(&location(&back)).await.text().await.unwrap();
    assert!(page.contains("Run delete?"), "{page}");

    let browser = Browser::new();
    let (status, page) = world.open(&browser, &link, "ada").await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("<strong>laptop</strong>"), "the key's name: {page}");
    assert!(world.call("delete").await.starts_with("Not run yet"), "a look decides nothing");
    assert_eq!(world.decide(&browser, &link, &page, "approve").await, 303);
    assert_eq!(world.call("delete").await, "deleted");
    assert!(world.call("delete").await.starts_with("Not run yet"), "once");

    let link = world.link("delete").await;
    let page = browser.get(&link).await.text().await.unwrap();
    assert_eq!(world.decide(&browser, &link, &page, "decline").await, 303);
    assert_eq!(world.call("delete").await, "Not run: declined by ada: as agreed");
}

#[tokio::test]
async fn four_eyes_are_another_users_with_the_scope() {
    let world = world(local).await;
    let link = world.link("delete_all").await;
    let (status, _) = world.open(&Browser::new(), &link, "ada").await;
    assert_eq!(status, 404, "ada asked");
    let browser = Browser::new();
    let (status, page) = world.open(&browser, &link, "grace").await;
    assert_eq!(status, 200);
    assert_eq!(world.decide(&browser, &link, &page, "approve").await, 303);
    assert_eq!(world.call("delete_all").await, "deleted");
}

/// The provider's ada is nobody's ada elsewhere.
#[tokio::test]
async fn nobody_waits_for_who_cannot_sign_in() {
    let world = world(local).await;
    let refused = world.call_with("elsewhere", "delete").await;
    assert!(refused.starts_with("Not run") && !refused.contains("/approve"), "{refused}");
    assert!(world.call_with("elsewhere", "delete_all").await.contains("/approve?id="), "grace can");
}

#[tokio::test]
async fn the_sign_in_leads_nowhere_else() {
    let world = world(local).await;
    let browser = Browser::new();
    for to in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "approve",
        "javascript:alert(1)",
        "",
    ] {
        let query = common::encode(&[("return_to", to)]);
        let answer = browser.get(&format!("{}/sign-in?{query}", world.origin)).await;
        assert_eq!(answer.status(), 400, "{to}");
        assert!(!answer.text().await.unwrap().contains("evil.example"));
    }
    let answer = browser.get(&format!("{}/sign-in", world.origin)).await;
    assert_eq!(answer.status(), 400);
    let page = format!("{}/sign-in?return_to=%2Fapprove", world.origin);
    let form = form_code(&browser.get(&page).await.text().await.unwrap());
    let right = [("form", form.as_str()), ("username", "ada"), ("password", PASSWORD)];
    for (who, at) in [(&Browser::new(), page.as_str()), (&browser, &page.replace("approve", "other"))] {
        assert_eq!(who.post(at, &right).await.status(), 403, "a form of another browser, or page");
    }
}

#[tokio::test]
async fn a_host_with_a_login_page_of_its_own_is_asked() {
    let host = HostSession::new(|request| {
        let cookie = request.headers.get("cookie").and_then(|cookie| cookie.to_str().ok());
        let user = cookie.and_then(|cookie| cookie.strip_prefix("user=")).map(User::new);
        async move { user }
    });
    let world = world(|builder| builder.sign_in(host)).await;
    let link = world.link("delete").await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = client.get(&link).send().await.unwrap();
    let back = link.strip_prefix(&world.origin).unwrap();
    let login = format!("{}/login?{}", world.origin, common::encode(&[("next", back)]));
    assert_eq!((sent.status().as_u16(), location(&sent)), (303, login));
    let page = client.get(&link).header("cookie", "user=ada").send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Run delete?"));
    let own = client.get(format!("{}/sign-in?return_to=%2F", world.origin)).send().await.unwrap();
    assert_eq!(own.status(), 404, "the name is the host's");
}

#[test]
fn a_page_on_another_origin_knows_nobody() {
    let users = LocalUsers::new().user("ada", PASSWORD);
    let provider = Provider::builder("https://auth.example").resource("https://auth.example/mcp");
    let (provider, _) = provider.scopes([("a", "A")]).sign_in(users).build().unwrap();
    let page = |url: &str| {
        let approvals = Approvals::new(Arc::new(MemoryStore::default()), url);
        ApprovalPage::new(approvals, provider.approvers(), KeyRing::generate().unwrap())
    };
    assert!(page("https://auth.example/approve").is_ok());
    let errors = page("https://mcp.example/approve").unwrap_err().to_string();
    assert!(errors.contains("https://auth.example"), "{errors}");
}
