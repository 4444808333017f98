//! The approval page.
#![cfg(feature = "approval-page")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/guarded.rs"]
mod guarded;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use guarded::OneToken;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use mcp_auth_core::confirm::approval::{ApprovalPage, Approver, Approvers, SignedIn};
use mcp_auth_core::confirm::{
    Approvals, Call, Client, Confirmation, ConfirmationGate, Passage, Phrase, Rule, StoreGate,
};
use mcp_auth_core::mcp::{Era, Limits, Message};
use mcp_auth_core::policy::destructive;
use mcp_auth_core::store::{KeyRing, MemoryStore, Store};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::{Guard, Principal, Routes, ScopeSet, ToolPolicies};
use serde_json::json;

/// Whoever the cookie names.
struct Cookies;

#[async_trait]
impl Approvers for Cookies {
    async fn signed_in(&self, request: &Parts) -> SignedIn {
        match request.headers.get("cookie").map(|cookie| cookie.to_str().unwrap()) {
            Some(name) => SignedIn::As(Approver {
                issuer: "https://issuer.example".to_owned(),
                subject: name.to_owned(),
                scopes: ScopeSet::parse("approve").unwrap(),
            }),
            None => SignedIn::SignInAt(format!("https://mcp.example/sign-in?to={}", request.uri.path())),
        }
    }
}

struct World {
    gate: StoreGate,
    page: ApprovalPage,
    rule: Rule,
    clock: Clock,
}

fn world(rule: Rule) -> World {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock.clone(), 1000));
    let keys = KeyRing::generate().unwrap();
    let approvals = Approvals::new(Arc::clone(&store), "https://mcp.example/approve").clock(clock.clone());
    let page = ApprovalPage::new(approvals.clone(), Cookies, keys.clone()).unwrap();
    let gate =
        StoreGate::new("https://mcp.example/mcp", store, keys).clock(clock.clone()).approvals(approvals);
    World { gate, page, rule, clock }
}

impl World {
    async fn call(&self, arguments: serde_json::Value) -> Passage {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "delete", "arguments": arguments } });
        let message = Message::parse(&Bytes::from(body.to_string()), &Limits::default()).unwrap();
        let ada = Principal::builder("https://issuer.example", "ada").client_id("<script>cli").build();
        let client = Client::new(Era::Modern, false, None);
        let (tool, rule) = ("delete", &self.rule);
        self.gate
            .check(Call {
                principal: Some(&ada),
                message: &message,
                tool,
                rule,
                client,
                session: None,
                extensions: None,
            })
            .await
    }

    async fn link(&self, arguments: serde_json::Value) -> String {
        let (_, body) = self.call(arguments).await.answer(None, true).unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        format!("/approve?{}", &body.split("/approve?").nth(1).unwrap()[..25])
    }

    async fn get(&self, path: &str, who: Option<&str>) -> Response<Bytes> {
        let mut request = Request::get(path);
        if let Some(who) = who {
            request = request.header("cookie", who);
        }
        self.page.respond(request.body(Bytes::new()).unwrap(), None).await
    }

    async fn post(&self, who: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Response<Bytes> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = Request::post("/approve").header("cookie", who);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.page.respond(request.body(Bytes::from(body)).unwrap(), None).await
    }
}

fn html(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn code(page: &str) -> String {
    page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_approves_and_the_call_runs() {
    let world = world(Rule::new(Confirmation::Approve).typed(Phrase::Confirm));
    let link = world.link(json!({ "id": "<b>7</b>" })).await;
    assert_eq!(world.page.paths(), ["/approve"]);
    let page = world.get(&link, Some("ada")).await;
    assert_eq!(page.status(), StatusCode::OK);
    let text = html(&page);
    assert!(
        text.contains("<h1>Run delete?</h1>") && text.contains("‹b›7‹/b›") && text.contains("‹script›cli"),
        "{text}"
    );
    assert!(!text.contains("<script"));
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
    assert_eq!(page.headers()["x-frame-options"], "DENY");
    assert!(
        matches!(world.call(json!({ "id": "<b>7</b>" })).await, Passage::Ask(_)),
        "a GET decides nothing"
    );

    let (id, code) = (link.split('=').nth(1).unwrap(), code(text));
    let form = |typed: &'static str| {
        [("id", id), ("form", code.as_str()), ("decision", "approve"), ("typed", typed), ("reason", "ok")]
    };
    let weak = world.post("ada", &form("confirm"), &[]).await;
    assert_eq!(weak.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(html(&weak).contains("role=\"alert\""));
    let done = world
        .post(
            "ada",
            &form("CONFIRM"),
            &[("origin", "https://mcp.example"), ("sec-fetch-site", "same-origin")],
        )
        .await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    assert_eq!(done.headers()["location"], format!("https://mcp.example{link}"));
    assert!(html(&world.get(&link, Some("ada")).await).contains("Approved."));
    assert!(matches!(world.call(json!({ "id": "<b>7</b>" })).await, Passage::Pass(_)));
    assert_eq!(world.get(&link, Some("ada")).await.status(), StatusCode::NOT_FOUND, "used up");
}

#[tokio::test]
async fn forms_of_others_decide_nothing() {
    let world = world(Rule::new(Confirmation::Approve));
    let (link, other) = (world.link(json!({ "id": 1 })).await, world.link(json!({ "id": 2 })).await);
    let ours = code(html(&world.get(&link, Some("ada")).await));
    let theirs = code(html(&world.get(&other, Some("ada")).await));
    let id = link.split('=').nth(1).unwrap();
    fn form<'a>(id: &'a str, code: &'a str) -> [(&'a str, &'a str); 3] {
        [("id", id), ("form", code), ("decision", "approve")]
    }
    for (form, headers) in [
        (form(id, ""), vec![]),
        (form(id, &theirs), vec![]),
        (form(id, &ours), vec![("origin", "https://evil.example")]),
        (form(id, &ours), vec![("origin", "null")]),
        (form(id, &ours), vec![("sec-fetch-site", "cross-site")]),
        (form(id, &ours), vec![("content-type", "text/plain")]),
    ] {
        assert_eq!(world.post("ada", &form, &headers).await.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    let twice = [("id", id), ("form", ours.as_str()), ("decision", "decline"), ("decision", "approve")];
    assert_eq!(world.post("ada", &twice, &[]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        world.post("bob", &form(id, &ours), &[]).await.status(),
        StatusCode::FORBIDDEN,
        "another's code"
    );
    for path in [&*link, "/approve", "/approve?id=x", "/approve?id=a&id=b"] {
        assert_eq!(world.get(path, Some("bob")).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert!(matches!(world.call(json!({ "id": 1 })).await, Passage::Ask(_)));
    world.clock.advance(Duration::from_secs(1801));
    assert_eq!(world.post("ada", &form(id, &ours), &[]).await.status(), StatusCode::FORBIDDEN, "too old");
    let fresh = code(html(&world.get(&link, Some("ada")).await));
    let decline = [("id", id), ("form", fresh.as_str()), ("decision", "decline"), ("reason", "no")];
    assert_eq!(world.post("ada", &decline, &[]).await.status(), StatusCode::SEE_OTHER);
    assert!(matches!(world.call(json!({ "id": 1 })).await, Passage::Declined(_)));
}

#[tokio::test]
async fn who_is_not_signed_in_is_sent_there_and_the_language_is_the_browsers() {
    let world = world(Rule::new(Confirmation::Approve));
    let link = world.link(json!({})).await;
    let nobody = world.get(&link, None).await;
    assert_eq!(nobody.status(), StatusCode::SEE_OTHER);
    assert_eq!(nobody.headers()["location"], "https://mcp.example/sign-in?to=/approve");
    for (language, word) in [
        ("de-DE,de;q=0.9,en;q=0.8", "Freigeben"),
        ("en,de;q=0.5", "Approve"),
        ("fr", "Approve"),
        ("fr, de;q=0.2", "Freigeben"),
        ("de;q=x", "Approve"),
    ] {
        let request = Request::get(&link).header("cookie", "ada").header("accept-language", language);
        let page = world.page.respond(request.body(Bytes::new()).unwrap(), None).await;
        assert!(html(&page).contains(&format!("value=\"approve\">{word}<")), "{language}");
    }
    let put = Request::put(&link).header("cookie", "ada").body(Bytes::new()).unwrap();
    let put = world.page.respond(put, None).await;
    assert_eq!(
        (put.status(), &put.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, POST".parse().unwrap())
    );
}

#[test]
fn a_page_has_an_https_url() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let page = |url: &str| {
        ApprovalPage::new(Approvals::new(Arc::clone(&store), url), Cookies, KeyRing::generate().unwrap())
    };
    for good in [
        "https://x.example/approve",
        "http://127.0.0.1:8/approve",
        "http://[::1]/a",
        "http://localhost/a",
        "http://app.localhost:8/a",
    ] {
        assert!(page(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/approve",
        "http://x.example/a",
        "http://localhost.x.example/a",
        "https://x.example/a?b",
        "https://x.example/a#b",
        "ftp://x.example/",
    ] {
        assert!(page(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_guard_serves_its_page_where_nothing_else_is() {
    let paths = |at: &str| {
        let (store, keys): (Arc<dyn Store>, _) =
            (Arc::new(MemoryStore::default()), KeyRing::generate().unwrap());
        let approvals = Approvals::new(Arc::clone(&store), format!("https://mcp.example{at}"));
        let page = ApprovalPage::new(approvals, Cookies, keys.clone()).unwrap();
        let gate = StoreGate::new("https://mcp.example/mcp", store, keys).approval_page(page);
        let guard = Guard::builder("https://mcp.example/mcp").verifier(OneToken("")).confirmation(gate);
        let tools =
            ToolPolicies::new().tool("delete", destructive("a").confirm(Rule::new(Confirmation::Approve)));
        guard.tools(tools).build().map(|(guard, _)| guard.paths())
    };
    assert!(paths("/approve").unwrap().contains(&"/approve".to_owned()));
    for taken in
        ["/mcp", "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]
    {
        let errors = paths(taken).unwrap_err().to_string();
        assert!(errors.contains("path of its own"), "{errors}");
    }
}
