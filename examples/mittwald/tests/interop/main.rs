//! Tokens of an authorization server that nobody here wrote (`oidc-provider`), held by a client that nobody here wrote
//! (`oauth4webapi`): as JWT, by introspection, and bound to a key (DPoP).
//!
//! 1. The client finds everything by the metadata of the protected resource; each test begins with nothing else.
//! 2. What is refused is refused for the reason that the test names, as the log says, and nothing runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fixture;
mod kinds;
mod proofs;
#[path = "../server/mod.rs"]
mod server;

use std::time::Duration;

use fixture::Authority;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::introspection::ClientAuthentication;
use mcp_auth_core::verify::jwt::Preset;
use serde_json::json;

const AUTHENTICATIONS: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
const FORMATS: [&str; 2] = ["jwt", "opaque"];

#[tokio::test]
async fn jwt_of_each_algorithm_and_client_authentication() {
    for alg in ["ES256", "RS256", "Ed25519"] {
        let authority = Authority::start(&["--alg", alg]).await;
        let verifier = Preset::oidc_provider(&authority.issuer.issuer).build().unwrap();
        let mut world = authority.guards(verifier, |guard| guard).await;
        for by in AUTHENTICATIONS {
            let client = world.obtain(json!({ "by": by })).await;
            assert_eq!((&client["format"], &client["token_type"]), (&json!("jwt"), &json!("bearer")));
            world.is_served(&client).await;
        }
    }
}

#[tokio::test]
async fn a_token_for_another_resource_is_refused() {
    let authority = Authority::start(&[]).await;
    let jwt = Preset::oidc_provider(&authority.issuer.issuer).build().unwrap();
    let opaque = authority.introspection("client_secret_basic", "").await.build().unwrap();
    let mut world = authority.guards(VerifierRouter::new().jwt(jwt).opaque(opaque), |guard| guard).await;
    let other = format!("{}/other", world.fixture.origin);
    for format in FORMATS {
        if format == "opaque" {
            world.issuer.tell(&format!("opaque {other}")).await;
        }
        let client = world.obtain(json!({ "resource": other })).await;
        assert_eq!(client["format"], format);
        let answers = world.call(json!({})).await;
        world.refused(&answers[0], "invalid_token", "token_audience");
    }
}

#[tokio::test]
async fn both_formats_at_one_server() {
    let authority = Authority::start(&[]).await;
    let jwt = Preset::oidc_provider(&authority.issuer.issuer).build().unwrap();
    let opaque = authority.introspection("client_secret_basic", "").await.build().unwrap();
    let mut world = authority.guards(VerifierRouter::new().jwt(jwt).opaque(opaque), |guard| guard).await;
    let client = world.obtain(json!({})).await;
    assert_eq!(client["format"], "jwt");
    world.is_served(&client).await;
    world.issue_opaque().await;
    let client = world.obtain(json!({})).await;
    assert_eq!(client["format"], "opaque");
    world.is_served(&client).await;
}

#[tokio::test]
async fn introspection_with_each_client_authentication() {
    let keys = [("private_key_jwt", "ES256"), ("private_key_jwt", "RS256")];
    for (by, alg) in [("client_secret_basic", ""), ("client_secret_post", "")].into_iter().chain(keys) {
        let authority = Authority::start(&[]).await;
        let verifier = authority.introspection(by, alg).await.build().unwrap();
        let mut world = authority.guards(verifier, |guard| guard).await;
        world.issue_opaque().await;
        let client = world.obtain(json!({})).await;
        assert_eq!((&client["format"], &client["token_type"]), (&json!("opaque"), &json!("bearer")));
        world.is_served(&client).await;
    }
}

#[tokio::test]
async fn a_server_with_a_wrong_secret_refuses_no_token() {
    for authentication in [ClientAuthentication::basic("wrong"), ClientAuthentication::post("wrong")] {
        let authority = Authority::start(&[]).await;
        let (client, _) = authority.client("client_secret_basic", "").await;
        let verifier = authority.introspection_as(&client, authentication).build().unwrap();
        let mut world = authority.guards(verifier, |guard| guard).await;
        world.issue_opaque().await;
        world.obtain(json!({})).await;
        let answers = world.call(json!({})).await;
        assert_eq!(answers, [json!({ "status": 503, "error": "temporarily_unavailable" })]);
        assert_eq!(world.kinds(), ["verifier_unavailable"]);
        world.fixture.nothing_ran();
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_once_its_verdict_is_over() {
    let authority = Authority::start(&[]).await;
    let verifier = authority.introspection("client_secret_basic", "").await.build().unwrap();
    let clock = Clock::manual(Clock::system().now());
    let guards = clock.clone();
    let mut world = authority.guards(verifier, |guard| guard.clock(guards)).await;
    world.issue_opaque().await;
    let client = world.obtain(json!({})).await;
    world.is_served(&client).await;
    world.revoke().await;
    clock.advance(Duration::from_secs(59));
    world.is_served(&client).await;
    clock.advance(Duration::from_secs(2));
    let answers = world.call(json!({})).await;
    world.refused(&answers[0], "invalid_token", "token_unknown");
}
