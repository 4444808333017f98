//! Behind a guard: what a client is answered, and what is noted.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Method, Request, StatusCode, header, request::Parts};
use mcp_auth_core::guard::Admission;
use mcp_auth_core::policy::read;
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::verify::api_key::ApiKeys;
use mcp_auth_core::{Guard, Principal, ScopeSet, ToolPolicies};

use super::fixture::{Fixture, forged};

fn guard(fixture: &Fixture) -> Guard {
    let (guard, background) = Guard::builder("https://mcp.example/mcp")
        .verifier(fixture.keys.clone())
        .without_authorization_server()
        .tools(ToolPolicies::new().tool("list_tasks", read("tasks:read")))
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    tokio::spawn(background);
    guard
}

fn request(authorization: &str) -> Parts {
    let request = Request::builder()
        .method(Method::POST)
        .uri("https://mcp.example/mcp")
        .header(header::HOST, "mcp.example")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header(header::AUTHORIZATION, authorization);
    request.body(()).unwrap().into_parts().0
}

/// The status and challenge that a request with `key` is refused with; `None` if it may go on.
async fn answer(guard: &Guard, key: &str) -> Option<(StatusCode, String)> {
    let mut parts = request(&format!("Bearer {key}"));
    let peer: IpAddr = "192.0.2.7".parse().unwrap();
    match guard.admit(&mut parts, Some(peer)).await {
        Admission::Respond(response) => {
            let challenge = response.headers().get(header::WWW_AUTHENTICATE);
            let challenge = challenge.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
            let body = String::from_utf8_lossy(response.body());
            assert!(!body.contains(key) && !challenge.contains(key));
            Some((response.status(), challenge))
        }
        _ => {
            assert!(!parts.headers.contains_key(header::AUTHORIZATION));
            assert_eq!(Principal::from_extensions(&parts.extensions).unwrap().subject(), "ada");
            None
        }
    }
}

#[tokio::test]
async fn every_bad_key_is_answered_alike() {
    let fixture = Fixture::new();
    let guard = guard(&fixture);
    let created = fixture.create().await;
    let ended = fixture.create().await;
    fixture.keys.revoke(&ended.key().id).await.unwrap();
    let key = created.expose_secret();
    assert_eq!(answer(&guard, key).await, None);
    let mistyped = key.replacen('_', "-", 1);
    for bad in
        [mistyped.as_str(), &forged(key, 20, "guess"), &forged(key, 8, "nobody"), ended.expose_secret()]
    {
        let (status, challenge) = answer(&guard, bad).await.expect("refused");
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(
            challenge.contains(r#"error="invalid_token""#) && !challenge.contains("revoked"),
            "{challenge}"
        );
    }
    let mut parts = request(&format!("Bearer {key}"));
    parts.headers.remove(header::AUTHORIZATION);
    parts.uri = format!("https://mcp.example/mcp?access_token={key}").parse().unwrap();
    let Admission::Respond(response) = guard.admit(&mut parts, None).await else {
        panic!("a key in the query")
    };
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_revoked_key_is_refused_with_the_next_request_and_a_mute_store_is_no_401() {
    let fixture = Fixture::new();
    let guard = guard(&fixture);
    let (created, other) = (fixture.create().await, fixture.create().await);
    assert_eq!(answer(&guard, created.expose_secret()).await, None);
    fixture.keys.revoke(&created.key().id).await.unwrap();
    let (status, _) = answer(&guard, created.expose_secret()).await.unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    fixture.asked.is_down.store(true, Ordering::SeqCst);
    let (status, _) = answer(&guard, other.expose_secret()).await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_a_key_grants_changes_for_a_guard_that_knows_it() {
    let fixture = Fixture::new();
    let guard = guard(&fixture);
    let created = fixture.create().await;
    let held = async || {
        let mut parts = request(&format!("Bearer {}", created.expose_secret()));
        assert!(!matches!(guard.admit(&mut parts, None).await, Admission::Respond(_)));
        Principal::from_extensions(&parts.extensions).unwrap().scopes().to_string()
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(held().await, "tasks:read tasks:write");
    let elsewhere = fixture.other(|builder| builder);
    elsewhere.set_scopes(&created.key().id, &ScopeSet::parse("tasks:read").unwrap()).await.unwrap();
    let mut now = held().await;
    for _ in 0..100 {
        if now == "tasks:read" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        now = held().await;
    }
    assert_eq!(now, "tasks:read", "within a second, though the verdict could be used for a minute");
}

#[tokio::test]
async fn the_guard_says_where_a_key_was_used() {
    let fixture = Fixture::new();
    let guard = guard(&fixture);
    let created = fixture.create().await;
    assert_eq!(answer(&guard, created.expose_secret()).await, None);
    let mut used = None;
    for _ in 0..100 {
        used = fixture.keys.get(&created.key().id).await.unwrap().last_used;
        if used.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(used.unwrap().address, Some("192.0.2.7".parse().unwrap()));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let errors = ApiKeys::builder(Arc::new(MemoryStore::default()))
        .prefix("Corcava-")
        .environment("Production")
        .rotate_after("a b", None)
        .build()
        .unwrap_err();
    let text = errors.to_string();
    assert_eq!(errors.as_slice().len(), 4, "{text}");
    for word in ["`Corcava-`", "issuer", "`Production`", "`a b`"] {
        assert!(text.contains(word), "{text}");
    }
}
