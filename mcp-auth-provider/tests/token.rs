//! The token and revocation endpoints, as clients and thieves use them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Browser, Fixture, REDIRECT, SECRET, VERIFIER, query};
use serde_json::Value;

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

#[tokio::test]
async fn a_code_becomes_tokens_that_the_verifier_knows() {
    let fixture = Fixture::start().await;
    let asked_at = fixture.clock.now();
    let tokens = fixture.tokens().await;
    assert_eq!((text(&tokens, "token_type"), text(&tokens, "scope")), ("Bearer", "notes:read"));
    let ada = fixture.verify(&tokens).await.unwrap();
    assert_eq!((ada.subject(), ada.client_id()), ("ada", Some("public")));
    assert_eq!(ada.issuer(), fixture.origin);
    assert!(ada.scopes().contains("notes:read") && !ada.scopes().contains("notes:write"));
    // A client counts from when it gets the answer.
    let lives = ada.expires_at().unwrap().since(asked_at).as_secs_f64();
    assert!(lives >= tokens["expires_in"].as_f64().unwrap(), "{lives}");
    fixture.advance(3601);
    assert!(fixture.verify(&tokens).await.is_err(), "it ends, without leeway");
}

#[tokio::test]
async fn what_is_wrong_with_a_redemption_is_refused() {
    let fixture = Fixture::start().await;
    let good = |code: &str| -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("client_id", "public".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", REDIRECT.to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
        ]
    };
    let (short, long) = ("a".repeat(42), "a".repeat(129));
    for (name, value, error) in [
        ("code_verifier", "", "invalid_request"),
        ("code_verifier", short.as_str(), "invalid_grant"),
        ("code_verifier", long.as_str(), "invalid_grant"),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:7777/other", "invalid_grant"),
        ("code", "unknown", "invalid_grant"),
        ("code", "", "invalid_request"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "", "invalid_request"),
        ("client_id", "nobody", "invalid_client"),
        ("client_id", "", "invalid_client"),
        ("resource", "https://other.example/mcp", "invalid_target"),
    ] {
        let mut form = good(&fixture.code().await);
        form.retain(|(have, _)| *have != name);
        form.push((name, value.to_owned()));
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, answer) = fixture.token(&form).await;
        assert_eq!(text(&answer, "error"), error, "{name}={value}");
        assert_eq!(status, if error == "invalid_client" { 401 } else { 400 });
    }
    let code = fixture.code().await;
    fixture.advance(61);
    let (status, answer) = fixture.redeem(&code).await;
    assert_eq!((status.as_u16(), text(&answer, "error")), (400, "invalid_grant"), "an expired code");
}

#[tokio::test]
async fn a_code_works_once_and_a_second_use_revokes_everything() {
    let fixture = Fixture::start().await;
    let code = fixture.code().await;
    let (_, tokens) = fixture.redeem(&code).await;
    fixture.verify(&tokens).await.unwrap();
    let (status, answer) = fixture.redeem(&code).await;
    assert_eq!((status.as_u16(), text(&answer, "error")), (400, "invalid_grant"));
    assert_eq!(fixture.verify(&tokens).await.unwrap_err(), "revoked");
    let (status, _) = fixture.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!(status, 400, "the family is gone, too");
}

#[tokio::test]
async fn of_two_redemptions_at_once_one_wins() {
    let fixture = Fixture::start().await;
    for _ in 0..10 {
        let code = fixture.code().await;
        let answers = tokio::join!(fixture.redeem(&code), fixture.redeem(&code));
        let won = [answers.0.0, answers.1.0].iter().filter(|status| status.is_success()).count();
        assert!(won <= 1, "at most one");
    }
}

#[tokio::test]
async fn a_code_of_another_client_is_no_use_and_not_used_up() {
    let fixture = Fixture::start().await;
    let code = fixture.code().await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "confidential"),
        ("client_secret", SECRET),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
    ];
    let (status, answer) = fixture.token(&form).await;
    assert_eq!((status.as_u16(), text(&answer, "error")), (400, "invalid_grant"));
    assert_eq!(fixture.redeem(&code).await.0, 200);
}

#[tokio::test]
async fn clients_authenticate_in_exactly_one_way() {
    let fixture = Fixture::start().await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let post = |more: Vec<(&'static str, &'static str)>, basic: Option<(&'static str, &'static str)>| {
        let body = common::encode(&[&form[..], &more].concat());
        let request = reqwest::Client::new()
            .post(fixture.at("/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let request = match basic {
            Some((name, secret)) => request.basic_auth(name, Some(secret)),
            None => request,
        };
        async move {
            let answer = request.send().await.unwrap();
            let challenged = answer.headers().contains_key("www-authenticate");
            let (status, json): (_, Value) = (answer.status().as_u16(), answer.json().await.unwrap());
            assert_eq!(challenged, status == 401);
            json["error"].as_str().unwrap().to_owned()
        }
    };
    // Authenticated: only the token is wrong.
    assert_eq!(post(vec![], Some(("confidential", SECRET))).await, "invalid_grant");
    assert_eq!(
        post(vec![("client_id", "confidential"), ("client_secret", SECRET)], None).await,
        "invalid_grant"
    );
    assert_eq!(post(vec![("client_id", "public")], None).await, "invalid_grant");
    for (more, basic) in [
        (vec![], Some(("confidential", "wrong"))),
        (vec![("client_id", "confidential")], None),
        (vec![("client_id", "confidential"), ("client_secret", "wrong")], None),
        (vec![("client_id", "public"), ("client_secret", "any")], None),
        (vec![], Some(("nobody", "x"))),
    ] {
        assert_eq!(post(more, basic).await, "invalid_client");
    }
    assert_eq!(
        post(vec![("client_secret", SECRET)], Some(("confidential", SECRET))).await,
        "invalid_request"
    );
    assert_eq!(post(vec![("client_id", "public")], Some(("confidential", SECRET))).await, "invalid_request");
}

#[tokio::test]
async fn refreshing_rotates_and_reuse_revokes_the_family() {
    let fixture = Fixture::start().await;
    let first = fixture.tokens().await;
    let old = text(&first, "refresh_token");
    let (status, second) = fixture.refresh(old).await;
    assert_eq!(status, 200);
    assert_ne!(text(&second, "refresh_token"), old);
    // Clients race themselves: twice more, within half a minute.
    fixture.advance(29);
    let (_, third) = fixture.refresh(old).await;
    assert_eq!(fixture.refresh(old).await.0, 200);
    fixture.verify(&third).await.unwrap();
    let (status, _) = fixture.refresh(text(&second, "refresh_token")).await;
    assert_eq!(status, 200, "a sibling works on");
    // A third time is theft.
    let (status, answer) = fixture.refresh(old).await;
    assert_eq!((status.as_u16(), text(&answer, "error")), (400, "invalid_grant"));
    assert_eq!(fixture.refresh(text(&third, "refresh_token")).await.0, 400, "siblings end");
    assert_eq!(fixture.verify(&third).await.unwrap_err(), "revoked");
}

#[tokio::test]
async fn a_rotated_token_is_honoured_for_half_a_minute_only() {
    let fixture = Fixture::start().await;
    let first = fixture.tokens().await;
    let (_, second) = fixture.refresh(text(&first, "refresh_token")).await;
    fixture.advance(31);
    assert_eq!(fixture.refresh(text(&first, "refresh_token")).await.0, 400);
    assert_eq!(fixture.verify(&second).await.unwrap_err(), "revoked");
}

#[tokio::test]
async fn a_refresh_token_belongs_to_its_client_and_scope() {
    let fixture = Fixture::start().await;
    let request = fixture.request(&[("scope", "notes:read notes:write")]);
    let code = query(&Browser::new().walk(&request).await, "code").unwrap();
    let (_, tokens) = fixture.redeem(&code).await;
    let refresh = text(&tokens, "refresh_token");
    let stolen = [
        ("grant_type", "refresh_token"),
        ("client_id", "confidential"),
        ("client_secret", SECRET),
        ("refresh_token", refresh),
    ];
    assert_eq!(text(&fixture.token(&stolen).await.1, "error"), "invalid_grant");
    let with_scope = |token: String, scope: &'static str| {
        let fixture = &fixture;
        async move {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", "public"),
                ("refresh_token", &token),
                ("scope", scope),
            ];
            fixture.token(&form).await
        }
    };
    let (status, narrowed) = with_scope(refresh.to_owned(), "notes:read").await;
    assert_eq!((status.as_u16(), text(&narrowed, "scope")), (200, "notes:read"));
    let next = text(&narrowed, "refresh_token").to_owned();
    let (status, wider) = with_scope(next.clone(), "notes:read notes:delete").await;
    assert_eq!((status.as_u16(), text(&wider, "error")), (400, "invalid_scope"));
    // The grant itself was not narrowed, and the wrong request did not end the family.
    let (status, full) = fixture.refresh(&next).await;
    assert_eq!((status.as_u16(), text(&full, "scope")), (200, "notes:read notes:write"));
}

#[tokio::test]
async fn revocation_works_for_public_clients_and_only_for_ones_own_tokens() {
    let fixture = Fixture::start().await;
    for kind in ["access_token", "refresh_token"] {
        let tokens = fixture.tokens().await;
        let foreign =
            [("token", text(&tokens, kind)), ("client_id", "confidential"), ("client_secret", SECRET)];
        assert_eq!(fixture.post("/revoke", &foreign).await.status(), 200, "nothing is told");
        fixture.verify(&tokens).await.unwrap();
        let own = [("token", text(&tokens, kind)), ("client_id", "public"), ("token_type_hint", kind)];
        assert_eq!(fixture.post("/revoke", &own).await.status(), 200);
        assert_eq!(fixture.verify(&tokens).await.unwrap_err(), "revoked");
        let refreshed = fixture.refresh(text(&tokens, "refresh_token")).await.0;
        assert_eq!(refreshed, if kind == "refresh_token" { 400 } else { 200 });
    }
    assert_eq!(fixture.post("/revoke", &[("token", "unknown"), ("client_id", "public")]).await.status(), 200);
    assert_eq!(fixture.post("/revoke", &[("client_id", "public")]).await.status(), 400);
    assert_eq!(fixture.post("/revoke", &[("token", "x")]).await.status(), 401);
}

#[tokio::test]
async fn a_refresh_at_the_same_time_does_not_bring_a_revoked_grant_back() {
    let fixture = Fixture::start().await;
    for _ in 0..20 {
        let tokens = fixture.tokens().await;
        let refresh = text(&tokens, "refresh_token");
        let form = [("token", refresh), ("client_id", "public")];
        let (refreshed, _) = tokio::join!(fixture.refresh(refresh), fixture.post("/revoke", &form));
        if refreshed.0.is_success() {
            assert_eq!(fixture.refresh(text(&refreshed.1, "refresh_token")).await.0, 400);
            assert_eq!(fixture.verify(&refreshed.1).await.unwrap_err(), "revoked");
        }
    }
}

#[tokio::test]
async fn a_revocation_reaches_other_processes_through_the_store() {
    let one = Fixture::start().await;
    let store = std::sync::Arc::clone(&one.store);
    let two = Fixture::with(|builder| builder.store(store)).await;
    let tokens = one.tokens().await;
    let grant = one.verify(&tokens).await.unwrap().grant_id().unwrap().to_owned();
    one.post("/revoke", &[("token", text(&tokens, "refresh_token")), ("client_id", "public")]).await;
    let concerned = mcp_auth_core::Principal::builder(one.provider.issuer(), "s").grant_id(grant).build();
    let revocations = mcp_auth_core::TokenVerifier::revocations(&two.provider.verifier()).remove(0);
    tokio::time::timeout(std::time::Duration::from_secs(10), revocations.revoked(&concerned)).await.unwrap();
}

#[tokio::test]
async fn only_forms_by_post_are_read() {
    let fixture = Fixture::start().await;
    let json =
        reqwest::Client::new().post(fixture.at("/token")).json(&serde_json::json!({ "grant_type": "x" }));
    assert_eq!(json.send().await.unwrap().status(), 400);
    let twice = fixture.post("/token", &[("client_id", "public"), ("client_id", "public")]).await;
    assert_eq!(twice.status(), 400);
    let get = reqwest::get(fixture.at("/token?grant_type=refresh_token")).await.unwrap();
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST, OPTIONS"));
    let huge = fixture.post("/token", &[("code", &"x".repeat(100_000))]).await;
    assert_eq!(huge.status(), 413);
}
