//! Tokens that are bound to a key of the client's (DPoP).

use std::sync::Arc;

use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::verify::dpop::Dpop;
use mcp_auth_core::verify::jwt::Preset;
use serde_json::json;

use crate::FORMATS;
use crate::fixture::{Authority, World};

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
async fn bound_tokens_of_either_format_need_their_proof() {
    for format in FORMATS {
        let mut world = server_for(format, accepted()).await;
        let client = world.obtain(json!({ "key": "ES256" })).await;
        assert_eq!((&client["format"], &client["token_type"]), (&json!(format), &json!("dpop")));
        world.is_served(&client).await;
        world.is_served(&client).await;
        let answers = world.call(json!({ "bearer": true })).await;
        world.refused(&answers[0], "invalid_token", "token_binding");
        let answers = world.call(json!({ "stranger": true })).await;
        world.refused(&answers[0], "invalid_dpop_proof", "dpop_other_key");
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
        // A proof makes no bound token of one that is not.
        let client = world.obtain(json!({})).await;
        let answers = world.call(json!({ "stranger": true })).await;
        world.refused(&answers[0], "invalid_token", "token_binding");
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
    for key in ["ES256", "RS256", "PS256", "Ed25519"] {
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
