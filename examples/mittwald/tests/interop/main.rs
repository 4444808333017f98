//! Tokens of an authorization server that nobody here wrote (`oidc-provider`), held by a client that nobody here wrote
//! (`oauth4webapi`): as JWT, by introspection, and bound to a key (DPoP).
//!
//! 1. The client finds everything by the metadata of the protected resource; each test begins with nothing else.
//! 2. What is refused is refused for the reason that the test names, as the log says, and nothing runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fixture;
#[path = "../server/mod.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use fixture::{Authority, World};
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::dpop::Dpop;
use mcp_auth_core::verify::introspection::ClientAuthentication;
use mcp_auth_core::verify::jwt::Preset;
use serde_json::json;

const AUTHENTICATIONS: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
const FORMATS: [&str; 2] = ["jwt", "opaque"];

fn accepted() -> Dpop {
    Dpop::accepted(Arc::new(MemoryStore::default()))
}

/// A server that takes tokens of this format, bound ones as well.
async fn server_for(format: &str, dpop: Dpop) -> World {
    let authority = Authority::start(&[]).await;
    if format == "jwt" {
        let verifier = Preset::oidc_provider(&authority.issuer.issuer).build().unwrap();
        return authority.guards(verifier, |guard| guard.dpop(dpop)).await;
    }
    let verifier = authority.introspection("client_secret_basic", "").await.build().unwrap();
    let mut world = authority.guards(verifier, |guard| guard.dpop(dpop)).await;
    world.issue_opaque().await;
    world
}

#[tokio::test]
async fn jwt_of_each_algorithm_and_client_authentication() {
    for alg in ["ES256", "RS256"] {
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

#[tokio::test]
async fn bound_tokens_of_either_format_need_their_proof() {
    for format in FORMATS {
        let mut world = server_for(format, accepted()).await;
        let client = world.obtain(json!({ "key": "ES256" })).await;
        assert_eq!((&client["format"], &client["token_type"]), (&json!(format), &json!("dpop")));
        world.is_served(&client).await;
        world.is_served(&client).await;
        let answers = world.call(json!({ "bearer": true })).await;
        world.refused(&answers[0], "invalid_token", "token_binding");
        for (change, kind) in [
            (json!({ "htu": format!("{}/other", world.fixture.origin) }), "dpop_url"),
            (json!({ "htu": "https://127.0.0.1/mcp" }), "dpop_url"),
            (json!({ "htm": "GET" }), "dpop_method"),
            (json!({ "iat": 1_000_000_000 }), "dpop_issued_at"),
            (json!({ "ath": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" }), "dpop_token_hash"),
        ] {
            let answers = world.call(json!({ "change": change })).await;
            world.refused(&answers[0], "invalid_dpop_proof", kind);
            let challenge = &answers[0]["challenges"][0];
            assert_eq!(challenge["scheme"], "dpop");
            assert_eq!(challenge["parameters"]["error"], "invalid_dpop_proof");
        }
        world.is_served(&client).await;
    }
}

#[tokio::test]
async fn a_replayed_proof_is_refused() {
    for format in FORMATS {
        let mut world = server_for(format, accepted()).await;
        world.obtain(json!({ "key": "ES256" })).await;
        let answers = world.call(json!({ "twice": true })).await;
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0]["status"], 200);
        assert_eq!(world.fixture.ran.take(), ["whoami"]);
        world.refused(&answers[1], "invalid_dpop_proof", "dpop_replayed");
    }
}

#[tokio::test]
async fn proofs_of_each_algorithm() {
    let mut world = server_for("jwt", accepted()).await;
    for key in ["ES256", "RS256", "PS256"] {
        let supported = &world.metadata["resource"]["dpop_signing_alg_values_supported"];
        assert!(supported.as_array().unwrap().contains(&json!(key)), "{key}: {supported}");
        let client = world.obtain(json!({ "key": key })).await;
        world.is_served(&client).await;
    }
}

#[tokio::test]
async fn a_nonce_is_demanded_and_followed() {
    for format in FORMATS {
        let mut world = server_for(format, accepted().with_nonces()).await;
        let client = world.obtain(json!({ "key": "ES256" })).await;
        let answers = world.call(json!({})).await;
        assert_eq!(answers.len(), 2);
        assert_eq!((&answers[0]["status"], &answers[0]["error"]), (&json!(401), &json!("use_dpop_nonce")));
        assert_eq!(answers[1]["status"], 200);
        assert_eq!(world.kinds(), ["dpop_nonce"]);
        assert_eq!(world.fixture.ran.take(), ["whoami"]);
        // The nonce is good for the next proof, too; another one is not.
        world.is_served(&client).await;
        let answers = world.call(json!({ "change": { "nonce": "another" } })).await;
        assert_eq!(answers.len(), 2);
        assert!(answers.iter().all(|answer| answer["error"] == "use_dpop_nonce"), "{answers:?}");
        world.fixture.nothing_ran();
    }
}

#[tokio::test]
async fn where_proofs_are_required_an_unbound_token_is_refused() {
    for format in FORMATS {
        let mut world = server_for(format, Dpop::required(Arc::new(MemoryStore::default()))).await;
        assert_eq!(world.metadata["resource"]["dpop_bound_access_tokens_required"], true);
        world.obtain(json!({})).await;
        let answers = world.call(json!({})).await;
        world.refused(&answers[0], "invalid_dpop_proof", "dpop_missing");
        let client = world.obtain(json!({ "key": "ES256" })).await;
        world.is_served(&client).await;
    }
}

#[tokio::test]
async fn without_dpop_a_bound_token_is_refused() {
    let authority = Authority::start(&[]).await;
    let verifier = Preset::oidc_provider(&authority.issuer.issuer).build().unwrap();
    let mut world = authority.guards(verifier, |guard| guard).await;
    assert!(world.metadata["resource"].get("dpop_signing_alg_values_supported").is_none());
    world.obtain(json!({ "key": "ES256" })).await;
    for bearer in [true, false] {
        let answers = world.call(json!({ "bearer": bearer })).await;
        world.refused(&answers[0], "invalid_token", "token_binding");
    }
}
