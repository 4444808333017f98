//! The authority that tests lean on does what it says.
#![cfg(all(feature = "fetch", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcp_auth_core::testing::{Authority, Discovery, Fault};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::jwt::Algorithm;
use serde_json::{Value, json};

const RESOURCE: &str = "https://mcp.example/mcp";

fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn get(url: &str) -> (u16, Value) {
    let response = client().get(url).send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}

async fn introspect(authority: &Authority, basic: Option<&str>, body: &str) -> (u16, Value) {
    let mut request = client()
        .post(authority.introspection_endpoint())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned());
    if let Some(basic) = basic {
        request = request.header("authorization", format!("Basic {}", STANDARD.encode(basic)));
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}

#[tokio::test]
async fn introspection_answers_its_clients_and_nobody_else() {
    let authority = Authority::start().await.unwrap();
    authority.introspection_client("mcp server", "s3:cr+t");
    let token = authority.opaque(json!({ "sub": "ada", "scope": "a" }));
    let body = format!("token={token}&token_type_hint=access_token");
    let basic = Some("mcp+server:s3%3Acr%2Bt");
    let good = (200, json!({ "active": true, "sub": "ada", "scope": "a" }));
    assert_eq!(introspect(&authority, basic, &body).await, good);
    let post = format!("{body}&client_id=mcp%20server&client_secret=s3%3Acr%2Bt");
    assert_eq!(introspect(&authority, None, &post).await, good);
    for (basic, body, status) in [
        (None, body.as_str(), 401),
        (Some("mcp+server:wrong"), &body, 401),
        (Some("other:s3%3Acr%2Bt"), &body, 401),
        (Some("nonsense"), &body, 401),
        (basic, &post, 400),
        (basic, "token_type_hint=x", 400),
    ] {
        let (actual, answer) = introspect(&authority, basic, body).await;
        assert_eq!(actual, status, "{basic:?} {body}");
        assert!(answer.get("active").is_none());
    }
    assert_eq!(introspect(&authority, basic, "token=unknown").await.1, json!({ "active": false }));
    authority.set_introspection_failing(true);
    assert_eq!(introspect(&authority, basic, &body).await.0, 500);
    authority.set_introspection_failing(false);
    authority.revoke_opaque(&token);
    assert_eq!(introspect(&authority, basic, &body).await.1, json!({ "active": false }));
    assert_eq!(authority.introspections(), 11);

    let good = authority.opaque_for(RESOURCE, "a b");
    let answer = introspect(&authority, basic, &format!("token={good}")).await.1;
    assert_eq!((&answer["aud"], &answer["iss"]), (&json!(RESOURCE), &json!(authority.issuer())));
}

#[tokio::test]
async fn metadata_has_both_forms_or_one() {
    for (discovery, oauth, openid) in
        [(Discovery::Both, 200, 200), (Discovery::OAuth, 200, 404), (Discovery::OpenId, 404, 200)]
    {
        let authority = Authority::builder().path("/tenant").discovery(discovery).start().await.unwrap();
        let base = authority.issuer().strip_suffix("/tenant").unwrap();
        let (status, metadata) = get(&format!("{base}/.well-known/oauth-authorization-server/tenant")).await;
        assert_eq!(status, oauth);
        let (status, other) = get(&format!("{base}/tenant/.well-known/openid-configuration")).await;
        assert_eq!(status, openid);
        let metadata = if oauth == 200 { metadata } else { other };
        assert_eq!(metadata["issuer"], authority.issuer());
        assert_eq!(metadata["jwks_uri"], authority.jwks_uri());
        assert_eq!(get(&authority.jwks_uri()).await.1.to_string(), authority.jwks());
    }
}

#[tokio::test]
async fn every_fault_is_what_it_says() {
    let authority = Authority::start().await.unwrap();
    let uri = authority.jwks_uri();
    authority.set_fault(Some(Fault::Failing));
    assert_eq!(get(&uri).await.0, 500);
    authority.set_fault(Some(Fault::Garbage));
    assert_eq!(get(&uri).await, (200, Value::Null));
    authority.set_fault(Some(Fault::Oversized));
    assert!(client().get(&uri).send().await.unwrap().bytes().await.unwrap().len() > 1 << 20);
    authority.set_fault(Some(Fault::WrongContentType));
    assert_eq!(client().get(&uri).send().await.unwrap().headers()["content-type"], "text/html");
    authority.set_fault(Some(Fault::Redirecting));
    let answer = client().get(&uri).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(authority.redirects_followed(), 0);
    let (status, keys) = get(answer.headers()["location"].to_str().unwrap()).await;
    assert_eq!((status, keys.to_string()), (200, authority.jwks()));
    assert_eq!(authority.redirects_followed(), 1);
    authority.set_fault(Some(Fault::Slow(Duration::from_millis(200))));
    let begun = Instant::now();
    assert_eq!(get(&uri).await.0, 200);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    authority.set_fault(None);
    authority.set_max_age(Some(Duration::from_secs(77)));
    let answer = client().get(&uri).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "public, max-age=77");
}

#[tokio::test]
async fn keys_rotate_with_and_without_overlap() {
    let kids = |authority: &Authority| {
        let set: Value = serde_json::from_str(&authority.jwks()).unwrap();
        let keys = set["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let clock = Clock::manual(Timestamp::from_secs(1000));
    let authority = Authority::builder().clock(clock).start().await.unwrap();
    assert_eq!(kids(&authority), ["RSA-0", "ES256-0", "ES384-0", "EdDSA-0"]);
    authority.rotate_with_overlap().unwrap();
    assert_eq!(authority.key(Algorithm::Ps512).kid(), "RSA-1");
    assert_eq!(kids(&authority).len(), 8);
    authority.withdraw();
    assert_eq!(kids(&authority), ["RSA-1", "ES256-1", "ES384-1", "EdDSA-1"]);
    authority.rotate().unwrap();
    assert_eq!(kids(&authority), ["RSA-2", "ES256-2", "ES384-2", "EdDSA-2"]);
    assert_eq!(authority.good_answer(RESOURCE, "a")["exp"], 1300, "dated by its own clock");
}
