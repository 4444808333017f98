//! The approval page, where the adapter mounts the guard's documents.

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use mcp_auth_core::ScopeSet;
use mcp_auth_core::confirm::approval::{ApprovalPage, Approver, Approvers, SignedIn};
use mcp_auth_core::confirm::{Approvals, Confirmation, Rule, StoreGate};
use mcp_auth_core::store::{KeyRing, MemoryStore, Store};
use serde_json::json;

use crate::{Fixture, Serve, Setup};

/// Whoever the cookie names.
struct Cookies {
    issuer: String,
}

#[async_trait]
impl Approvers for Cookies {
    async fn signed_in(&self, request: &Parts) -> SignedIn {
        match request.headers.get("cookie").and_then(|cookie| cookie.to_str().ok()) {
            Some(name) => SignedIn::As(Approver {
                issuer: self.issuer.clone(),
                subject: name.to_owned(),
                scopes: ScopeSet::default(),
            }),
            None => SignedIn::SignInAt("/login".to_owned()),
        }
    }
}

/// Call, link, page, and the repeated call runs; the service sees none of it.
pub async fn a_page_beside_the_documents<S: Serve>() {
    let (send, receive) = std::sync::mpsc::channel();
    let fixture = Fixture::with::<S>(Setup {
        verifier: Box::new(move |authority, jwt| {
            send.send(authority.issuer().to_owned()).unwrap();
            Arc::new(jwt)
        }),
        guard: Box::new(move |guard| {
            let (store, keys): (Arc<dyn Store>, _) =
                (Arc::new(MemoryStore::default()), KeyRing::generate().unwrap());
            let approvals = Approvals::new(Arc::clone(&store), "https://notes.example/approve");
            let approvers = Cookies { issuer: receive.recv().unwrap() };
            let page = ApprovalPage::new(approvals, approvers, keys.clone()).unwrap();
            guard.confirmation(StoreGate::new("notes", store, keys).approval_page(page))
        }),
        rule: Rule::new(Confirmation::Approve),
        ..Setup::default()
    })
    .await;
    let token = fixture.ada("notes:delete").sign();
    let call = || fixture.call("delete_note", json!({ "id": "1" })).token(&token).send();
    let text = call().await.is(200, None).tool_text();
    let (_, link) = text.split_once("https://notes.example").unwrap_or_else(|| panic!("{text}"));
    let (path, query) = link.split(' ').next().unwrap().split_once('?').unwrap();

    let nobody = fixture.ask("GET", path).query(query).send().await;
    assert_eq!(nobody.is(303, None).header("location"), "/login");
    let page = fixture.ask("GET", path).query(query).header("cookie", "ada").send().await;
    assert!(page.is(200, None).text().contains("Run delete_note?"), "{}", page.text());
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert!(!page.headers.contains_key("access-control-allow-origin"));
    let code =
        page.text().split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let id = query.split_once('=').unwrap().1;
    let post = |body: String| {
        fixture
            .ask("POST", path)
            .header("cookie", "ada")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
    };
    let form = format!("id={id}&form={code}&decision=approve");
    post(format!("{form}&reason={}", "x".repeat(9000))).await.is(413, None);
    assert!(call().await.tool_text().starts_with("Not run yet"));
    fixture.nothing_ran();
    post(form).await.is(303, None);
    assert_eq!(call().await.tool_text(), "deleted");
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
    fixture.ask("GET", "/.well-known/oauth-protected-resource").send().await.is(200, None);
}
