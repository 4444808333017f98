//! Registration and the documents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::num::NonZeroU32;

use common::{Browser, Fixture, REDIRECT, VERIFIER, query};
use mcp_auth_core::http::TrustedProxies;
use mcp_auth_core::store::{Key, StoreExt};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_client_registers_and_gets_tokens() {
    let fixture = Fixture::start().await;
    let metadata = json!({
        "redirect_uris": [REDIRECT, "cursor://anysphere.cursor-mcp/oauth/callback", "https://www.cursor.com/agents/mcp/oauth/callback"],
        "client_name": "Cursor", "scope": "notes:read", "token_endpoint_auth_method": "none", "unknown": { "member": 1 },
    });
    let (status, client) = fixture.register(&metadata).await;
    assert_eq!(status, 201);
    assert_eq!(client["redirect_uris"], metadata["redirect_uris"]);
    assert_eq!(client["scope"], "notes:read");
    assert!(client.get("client_secret").is_none());
    let id = client["client_id"].as_str().unwrap();
    // Not held to the scope of its registration.
    let request = fixture.request(&[("client_id", id), ("scope", "notes:write")]);
    let code = query(&Browser::new().walk(&request).await, "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    let (status, tokens) = fixture.token(&form).await;
    assert_eq!((status.as_u16(), tokens["scope"].as_str()), (200, Some("notes:write")));
    // An unused registration ends after a day, a used one lives with its grant.
    let (_, unused) = fixture.register(&metadata).await;
    fixture.advance(25 * 3600);
    let known = |id: &str| {
        let url = fixture.request(&[("client_id", id)]);
        async move { Browser::new().get(url.as_str()).await.status() == 200 }
    };
    assert!(known(id).await);
    assert!(!known(unused["client_id"].as_str().unwrap()).await);
}

#[tokio::test]
async fn a_client_that_was_used_comes_back() {
    let fixture = Fixture::start().await;
    let metadata = json!({
        "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"],
    });
    let (_, client) = fixture.register(&metadata).await;
    let id = client["client_id"].as_str().unwrap();
    let request = fixture.request(&[("client_id", id)]);
    let code = query(&Browser::new().walk(&request).await, "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    let (_, tokens) = fixture.token(&form).await;
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    for (later, status) in [(3601, 200), (23 * 3600, 200), (2 * 3600, 400)] {
        fixture.advance(later);
        let answer = Browser::new().get(request.as_str()).await;
        assert_eq!(answer.status(), status, "{later} s later");
    }
}

#[tokio::test]
async fn a_confidential_client_gets_its_secret_once() {
    let fixture = Fixture::start().await;
    let (status, client) = fixture.register(&json!({ "redirect_uris": [REDIRECT] })).await;
    assert_eq!(status, 201);
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(client["client_secret_expires_at"], 0);
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let stored = fixture.store.get(&Key::new("clients", "", id)).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&stored.value).contains(secret), "only its hash is kept");
    let code = query(&Browser::new().walk(&fixture.request(&[("client_id", id)])).await, "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(fixture.token(&form).await.0, 401, "without its secret");
    assert_eq!(fixture.token(&[&form[..], &[("client_secret", secret)]].concat()).await.0, 200);
}

#[tokio::test]
async fn what_may_not_be_registered() {
    let fixture =
        Fixture::with(|builder| builder.registrations_per_minute(NonZeroU32::new(1000).unwrap())).await;
    let long = format!("https://a.example/{}", "x".repeat(3000));
    for uri in [
        "javascript:alert(1)",
        "https://a.example/#fragment",
        "https://user:pass@a.example/",
        "http://evil.example/callback",
        "cursor://anysphere.cursor-mcp/oauth/other",
        "myapp://callback",
        "/relative",
        "data:text/html,x",
        "",
        &long,
    ] {
        let (status, answer) = fixture.register(&json!({ "redirect_uris": [uri] })).await;
        assert_eq!((status.as_u16(), answer["error"].as_str()), (400, Some("invalid_redirect_uri")), "{uri}");
    }
    for metadata in
        [json!({}), json!({ "redirect_uris": [] }), json!({ "redirect_uris": vec![REDIRECT; 17] })]
    {
        assert_eq!(fixture.register(&metadata).await.1["error"], "invalid_redirect_uri");
    }
    for (member, value) in [
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        ("grant_types", json!(["password"])),
        ("response_types", json!(["token"])),
        ("client_name", json!(7)),
        ("redirect_uris", json!("x")),
    ] {
        let mut metadata = json!({ "redirect_uris": [REDIRECT] });
        metadata[member] = value;
        let (status, answer) = fixture.register(&metadata).await;
        assert_eq!(
            (status.as_u16(), answer["error"].as_str()),
            (400, Some("invalid_client_metadata")),
            "{member}"
        );
    }
    let name = "x".repeat(20_000);
    assert_eq!(fixture.register(&json!({ "redirect_uris": [REDIRECT], "client_name": name })).await.0, 400);
    let name = "x".repeat(100_000);
    assert_eq!(fixture.register(&json!({ "redirect_uris": [REDIRECT], "client_name": name })).await.0, 413);
}

#[tokio::test]
async fn registrations_are_bounded_in_rate_and_number() {
    let fixture =
        Fixture::with(|builder| builder.registrations_per_minute(NonZeroU32::new(3).unwrap())).await;
    let metadata = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    for _ in 0..3 {
        assert_eq!(fixture.register(&metadata).await.0, 201);
    }
    let flood = reqwest::Client::new().post(fixture.at("/register")).json(&metadata).send().await.unwrap();
    assert_eq!(flood.status(), 429);
    assert!(flood.headers().contains_key("retry-after"));

    let full = Fixture::start().await;
    for n in 0..10_000 {
        full.store.put(&Key::new("clients", "", format!("c{n}")), "{}", None).await.unwrap();
    }
    assert_eq!(full.register(&metadata).await.0, 201, "those who are there close it for nobody");
}

#[tokio::test]
async fn who_registers_without_end_pushes_out_their_own() {
    let proxies = TrustedProxies::parse(["127.0.0.1"]).unwrap();
    let fixture = Fixture::with(|builder| {
        builder.trusted_proxies(proxies).registrations_per_minute(NonZeroU32::new(10_000).unwrap())
    })
    .await;
    let metadata = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let client = reqwest::Client::new();
    let register = async |from: &str| {
        let post = client.post(fixture.at("/register")).header("x-forwarded-for", from).json(&metadata);
        let answer = post.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["client_id"].as_str().unwrap().to_owned()
    };
    let (innocent, used, first) =
        (register("192.0.2.1").await, register("2001:db8::1").await, register("2001:db8::2").await);
    let request = fixture.request(&[("client_id", &used)]);
    let code = query(&Browser::new().walk(&request).await, "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &used),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(fixture.token(&form).await.0, 200);
    for n in 0..500 {
        register(&format!("2001:db8::{n:x}")).await;
    }
    let status = async |id: &str| {
        Browser::new().get(fixture.request(&[("client_id", id)]).as_str()).await.status().as_u16()
    };
    assert_eq!(status(&first).await, 400, "one /64 is one address");
    assert_eq!(status(&innocent).await, 200);
    assert_eq!(status(&used).await, 200, "what was granted to stays");
}

#[tokio::test]
async fn the_documents_say_what_is_so() {
    let fixture = Fixture::start().await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let answer = reqwest::get(fixture.at(path)).await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let document: Value = answer.json().await.unwrap();
        assert_eq!(document["issuer"], fixture.origin.as_str());
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["scopes_supported"], json!(["notes:read", "notes:write"]));
        for endpoint in [
            "authorization_endpoint",
            "token_endpoint",
            "registration_endpoint",
            "revocation_endpoint",
            "jwks_uri",
        ] {
            let url = document[endpoint].as_str().unwrap();
            assert_ne!(reqwest::get(url).await.unwrap().status(), 404, "{endpoint}");
        }
        let jwks: Value =
            reqwest::get(document["jwks_uri"].as_str().unwrap()).await.unwrap().json().await.unwrap();
        assert_eq!(jwks["keys"][0]["alg"], "ES256");
        assert!(jwks["keys"][0].get("d").is_none());
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_call_what_clients_call() {
    let fixture = Fixture::start().await;
    for path in [
        "/token",
        "/register",
        "/revoke",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
    ] {
        let preflight = reqwest::Client::new()
            .request(Method::OPTIONS, fixture.at(path))
            .header("origin", "https://app.example");
        let answer = preflight.header("access-control-request-method", "POST").send().await.unwrap();
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
        let delete = reqwest::Client::new().delete(fixture.at(path)).send().await.unwrap();
        assert_eq!(delete.status(), 405);
        assert!(delete.headers().contains_key("allow"));
    }
    let authorize = reqwest::get(fixture.request(&[]).as_str()).await.unwrap();
    assert!(!authorize.headers().contains_key("access-control-allow-origin"), "the pages are no API");
}
