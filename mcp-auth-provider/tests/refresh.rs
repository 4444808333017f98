//! What a refresh token's family costs, and what its client survives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use common::Fixture;
use mcp_auth_core::http::TrustedProxies;
use mcp_auth_core::store::{Key, MemoryStore, Store, StoreExt};
use mcp_auth_core::time::Clock;
use serde_json::Value;

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

/// A provider over a store with room for few entries.
async fn with_room_for(entries: usize) -> (Fixture, Arc<dyn Store>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Clock::system(), entries));
    let shared = Arc::clone(&store);
    (Fixture::with(|builder| builder.store(shared)).await, store)
}

#[tokio::test]
async fn refreshing_takes_no_more_room_and_every_token_of_before_is_known() {
    let (fixture, _) = with_room_for(12).await;
    let first = fixture.tokens().await;
    let mut tokens = first.clone();
    for n in 0..16 {
        let (status, next) = fixture.refresh(refresh_token(&tokens)).await;
        assert_eq!(status, 200, "{n}: {next}");
        tokens = next;
        fixture.advance(3600);
    }
    assert_eq!(fixture.refresh(refresh_token(&first)).await.0, 400, "used long ago");
    assert_eq!(fixture.refresh(refresh_token(&tokens)).await.0, 400, "the family has ended");
    assert_eq!(fixture.verify(&tokens).await.unwrap_err(), "revoked");
}

#[tokio::test]
async fn a_client_outlives_a_full_store() {
    let (fixture, store) = with_room_for(12).await;
    let tokens = fixture.tokens().await;
    let mut others = 0..;
    while store.put(&Key::new("others", "", others.next().unwrap().to_string()), "", None).await.is_ok() {}
    let (status, tokens) = fixture.refresh(refresh_token(&tokens)).await;
    assert_eq!(status, 200, "{tokens}");
    fixture.advance(31);
    let (status, tokens) = fixture.refresh(refresh_token(&tokens)).await;
    assert_eq!(status, 200, "{tokens}");
    fixture.verify(&tokens).await.unwrap();
}

#[tokio::test]
async fn what_is_refused_uses_nothing_up() {
    let fixture = Fixture::start().await;
    let tokens = fixture.tokens().await;
    for (name, value, error) in [
        ("scope", "notes:write", "invalid_scope"),
        ("resource", "https://other.example/mcp", "invalid_target"),
    ] {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "public"),
            ("refresh_token", refresh_token(&tokens)),
            (name, value),
        ];
        let (status, answer) = fixture.token(&form).await;
        assert_eq!((status.as_u16(), answer["error"].as_str()), (400, Some(error)));
        fixture.advance(31);
    }
    let (status, _) = fixture.refresh(refresh_token(&tokens)).await;
    assert_eq!(status, 200, "it was not used");
}

#[tokio::test]
async fn who_knows_a_grants_name_cannot_end_it() {
    let fixture = Fixture::start().await;
    let tokens = fixture.tokens().await;
    let grant = fixture.verify(&tokens).await.unwrap().grant_id().unwrap().to_owned();
    let made_up = format!("{grant}.{0}.{0}", "x".repeat(43));
    for token in [made_up.as_str(), &grant, "..", "a.b.c.d"] {
        assert_eq!(fixture.refresh(token).await.0, 400);
        let form = [("token", token), ("client_id", "public")];
        assert_eq!(fixture.post("/revoke", &form).await.status(), 200);
    }
    fixture.verify(&tokens).await.unwrap();
    assert_eq!(fixture.refresh(refresh_token(&tokens)).await.0, 200);
}

#[tokio::test]
async fn a_grant_is_refreshed_so_often_and_others_do_not_wait() {
    let fixture = Fixture::start().await;
    let (mut tokens, other) = (fixture.tokens().await, fixture.tokens().await);
    let client = reqwest::Client::new();
    let mut refreshed = 0;
    let refused = loop {
        let answer = post(&client, fixture.at("/token"), refresh_token(&tokens), "192.0.2.1").await;
        if answer.status() != 200 {
            break answer;
        }
        tokens = answer.json().await.unwrap();
        refreshed += 1;
        assert!(refreshed < 600, "nothing holds it up");
    };
    assert!(refreshed >= 60);
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(fixture.refresh(refresh_token(&other)).await.0, 200);
    fixture.verify(&tokens).await.expect("waiting is no theft");
    let form = [("token", refresh_token(&tokens)), ("client_id", "public")];
    assert_eq!(fixture.post("/revoke", &form).await.status(), 200);
    assert_eq!(fixture.verify(&tokens).await.unwrap_err(), "revoked");
}

#[tokio::test]
async fn who_uses_a_grant_up_hides_no_reuse() {
    let fixture = Fixture::start().await;
    let first = fixture.tokens().await;
    let mut newest = first.clone();
    let mut refreshed = 0;
    while let (status, next) = fixture.refresh(refresh_token(&newest)).await
        && status == 200
    {
        newest = next;
        refreshed += 1;
        assert!(refreshed < 600, "nothing holds it up");
    }
    fixture.advance(31);
    let (status, refused) = fixture.refresh(refresh_token(&first)).await;
    assert_eq!((status.as_u16(), &refused["error"]), (400, &"invalid_grant".into()));
    assert_eq!(fixture.verify(&newest).await.unwrap_err(), "revoked");
}

#[tokio::test]
async fn an_address_fails_so_often_and_others_do_not_wait() {
    let proxies = TrustedProxies::parse(["127.0.0.1"]).unwrap();
    let fixture = Fixture::with(|builder| builder.trusted_proxies(proxies)).await;
    let tokens = fixture.tokens().await;
    let client = reqwest::Client::new();
    let unknown = |path: &str, from| post(&client, fixture.at(path), "x", from);
    for (path, refused) in [("/token", 400), ("/revoke", 200)] {
        let (one, same, other) = match path {
            "/token" => ("2001:db8::1", "2001:db8::2", "2001:db8:1::"),
            _ => ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        };
        let mut failed = 0;
        let flooded = loop {
            let answer = unknown(path, one).await;
            if answer.status() == 429 {
                break answer;
            }
            assert_eq!(answer.status(), refused);
            failed += 1;
            assert!(failed < 1200, "nothing holds it up");
        };
        assert!(failed >= 120);
        assert!(flooded.headers().contains_key("retry-after"));
        assert_eq!(unknown(path, same).await.status(), 429, "one /64 is one address");
        assert_eq!(unknown(path, other).await.status(), refused);
    }
    assert_eq!(fixture.refresh(refresh_token(&tokens)).await.0, 200);
}

/// Presents a token to either endpoint, over one connection.
async fn post(client: &reqwest::Client, url: String, token: &str, from: &str) -> reqwest::Response {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "public"),
        ("refresh_token", token),
        ("token", token),
    ];
    let post = client.post(url).header("x-forwarded-for", from);
    let post = post.header("content-type", "application/x-www-form-urlencoded");
    post.body(common::encode(&form)).send().await.unwrap()
}
