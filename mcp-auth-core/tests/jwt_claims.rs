//! What is read from the claims: scopes, clients, actors, audiences, by the rules of the issuer.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::LazyLock;

use mcp_auth_core::testing::{TestKey, TokenBuilder};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::jwt::{Algorithm, JwtVerifier, JwtVerifierBuilder};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Principal, ScopeSet};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";
const RESOURCE: &str = "https://mcp.example/mcp";
static KEY: LazyLock<TestKey> = LazyLock::new(|| TestKey::generate(Algorithm::Es256, "k").unwrap());

fn good() -> TokenBuilder {
    TokenBuilder::new(KEY.clone(), ISSUER, RESOURCE)
}

fn builder() -> JwtVerifierBuilder {
    JwtVerifier::builder(ISSUER).jwks(json!({ "keys": [KEY.jwk()] }).to_string())
}

async fn verify(builder: JwtVerifierBuilder, token: &TokenBuilder) -> Result<Principal, TokenRefusal> {
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    let verdict = builder.build().unwrap().verify(&Credential::bearer(token.sign()), context).await;
    verdict.map(|verified| verified.principal().clone()).map_err(|error| match error {
        VerifyError::Refused(refusal) => refusal,
        other => panic!("no verdict: {other}"),
    })
}

async fn refused(builder: JwtVerifierBuilder, token: &TokenBuilder, expected: TokenRefusal) {
    assert_eq!(verify(builder, token).await.map(drop), Err(expected));
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

#[tokio::test]
async fn scope_claims_are_the_first_or_all_of_those_named() {
    let token = good()
        .scope("a b")
        .claim("permissions", json!(["c", "d"]))
        .claim("roles", json!(["e"]))
        .claim("scp", json!("f"));
    for (builder, expected) in [
        (builder(), "a b"),
        (builder().scope_claim("permissions"), "c d"),
        (builder().scope_claims(["groups", "roles", "scope"]), "e"),
        (builder().merged_scope_claims(["scope", "permissions", "groups"]), "a b c d"),
        (builder().merged_scope_claims(["scp", "roles"]), "e f"),
        (builder().merged_scope_claims(["groups"]), ""),
    ] {
        assert_eq!(verify(builder, &token).await.unwrap().scopes(), &scopes(expected));
    }
    for wrong in [Value::Null, json!(1), json!({ "a": 1 }), json!(["a", 1]), json!([["a"]])] {
        let token = good().scope("a").claim("permissions", wrong);
        refused(builder().merged_scope_claims(["scope", "permissions"]), &token, TokenRefusal::Claim).await;
        // A claim that grants nothing here is not judged.
        verify(builder(), &token).await.unwrap();
    }
}

#[tokio::test]
async fn the_first_client_claim_counts() {
    let token = good()
        .claim("azp", json!("z"))
        .claim("cid", json!("c"))
        .claim("client_id", json!("i"))
        .claim("appid", json!("p"));
    for (claims, expected) in [
        (vec!["azp", "client_id"], Some("z")),
        (vec!["appid"], Some("p")),
        (vec!["other"], None),
        (vec![], None),
    ] {
        let principal = verify(builder().client_claims(claims), &token).await.unwrap();
        assert_eq!(principal.client_id(), expected);
    }
    assert_eq!(verify(builder(), &token).await.unwrap().client_id(), Some("i"));
    let token = good().without("client_id").claim("azp", json!(["z"])).claim("cid", json!("c"));
    refused(builder(), &token, TokenRefusal::Claim).await;
}

#[tokio::test]
async fn the_outermost_actor_is_named() {
    assert_eq!(verify(builder(), &good()).await.unwrap().actor(), None);
    assert_eq!(verify(builder(), &good().actor("agent")).await.unwrap().actor(), Some("agent"));
    let nested = good().claim("act", json!({ "sub": "agent", "act": { "sub": "earlier" } }));
    assert_eq!(verify(builder(), &nested).await.unwrap().actor(), Some("agent"));
    for wrong in [
        Value::Null,
        json!("agent"),
        json!(["agent"]),
        json!({}),
        json!({ "sub": 1 }),
        json!({ "sub": "" }),
        json!({ "act": { "sub": "earlier" } }),
    ] {
        refused(builder(), &good().claim("act", wrong), TokenRefusal::Claim).await;
    }
}

#[tokio::test]
async fn only_the_clients_that_are_allowed() {
    let only = || builder().allowed_clients(["one", "two"]);
    for client in ["one", "two"] {
        verify(only(), &good().claim("client_id", json!(client))).await.unwrap();
    }
    for token in [good(), good().without("client_id"), good().claim("client_id", json!("One"))] {
        refused(only(), &token, TokenRefusal::Client).await;
    }
    // A later claim does not help an earlier one that is another client's.
    refused(only(), &good().claim("azp", json!("one")), TokenRefusal::Client).await;
}

#[tokio::test]
async fn a_token_without_an_audience_is_taken_from_allowed_clients_alone() {
    let lax = || builder().allowed_clients(["one"]).no_audience();
    let token = || good().without("aud").claim("client_id", json!("one"));
    verify(lax(), &token()).await.unwrap();
    refused(builder(), &token(), TokenRefusal::Audience).await;
    refused(builder().allowed_clients(["one"]), &token(), TokenRefusal::Audience).await;
    refused(lax(), &token().claim("client_id", json!("two")), TokenRefusal::Client).await;
    refused(lax(), &token().without("client_id"), TokenRefusal::Client).await;
    refused(lax(), &token().claim("aud", json!("https://other.example")), TokenRefusal::Audience).await;
    refused(lax(), &token().claim("aud", json!([])), TokenRefusal::Audience).await;
    refused(lax(), &token().claim("aud", Value::Null), TokenRefusal::Claim).await;
    verify(lax(), &token().claim("aud", json!(RESOURCE))).await.unwrap();
}

#[tokio::test]
async fn required_claims_have_their_text() {
    let strict = || builder().require_claim("token_use", "access").require_claim("ver", "2.0");
    let token = || good().claim("token_use", json!("access")).claim("ver", json!("2.0"));
    verify(strict(), &token()).await.unwrap();
    for wrong in [json!("id"), json!("Access"), json!(["access"]), Value::Null, json!(2.0)] {
        refused(strict(), &token().claim("token_use", wrong.clone()), TokenRefusal::Claim).await;
        refused(strict(), &token().claim("ver", wrong), TokenRefusal::Claim).await;
    }
    refused(strict(), &token().without("ver"), TokenRefusal::Claim).await;
}

#[tokio::test]
async fn a_token_is_dated_by_the_claim_that_is_named() {
    let at = |token: TokenBuilder, builder: JwtVerifierBuilder| async move {
        verify(builder, &token).await.map(|principal| principal.issued_at().map(Timestamp::as_secs))
    };
    let dated = || good().claim("iat", json!(2000)).claim("auth_time", json!(1000.9));
    assert_eq!(at(dated(), builder()).await, Ok(Some(2000)));
    let by_sign_in = || builder().since_claim("auth_time");
    assert_eq!(at(dated(), by_sign_in()).await, Ok(Some(1000)));
    assert_eq!(at(good(), by_sign_in()).await, Ok(None));
    assert_eq!(at(good().claim("auth_time", json!("1000")), by_sign_in()).await, Err(TokenRefusal::Claim));
    // When it was issued has to have come all the same.
    let ahead = dated().claim("iat", json!(4_000_000_000_u64));
    assert_eq!(at(ahead, by_sign_in()).await, Err(TokenRefusal::NotYetValid));
}
