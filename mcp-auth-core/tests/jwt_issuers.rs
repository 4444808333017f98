//! Several issuers in one verifier: each has its own rules and keys, and no key of one verifies another's token.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use mcp_auth_core::testing::{TestKey, TokenBuilder};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::jwt::{Algorithm, JwtKeys, JwtVerifier, JwtVerifierBuilder, TypRule};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, ScopeSet};
use serde_json::{Value, json};

const A: &str = "https://a.example";
const B: &str = "https://b.example";
const RESOURCE: &str = "https://mcp.example/mcp";

fn key(kid: &str) -> TestKey {
    TestKey::generate(Algorithm::Es256, kid).unwrap()
}

fn set(keys: &[&TestKey]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

async fn verify(verifier: &JwtVerifier, token: &TokenBuilder) -> Result<Verified, TokenRefusal> {
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    let verdict = verifier.verify(&Credential::bearer(token.sign()), context).await;
    verdict.map_err(|error| match error {
        VerifyError::Refused(refusal) => refusal,
        other => panic!("no verdict: {other}"),
    })
}

async fn refused(verifier: &JwtVerifier, token: &TokenBuilder, expected: TokenRefusal) {
    let verdict = verify(verifier, token).await;
    assert_eq!(verdict.map(|verified| verified.principal().clone()).unwrap_err(), expected);
}

fn token(key: &TestKey, issuer: &str) -> TokenBuilder {
    TokenBuilder::new(key.clone(), issuer, RESOURCE)
}

#[tokio::test]
async fn a_key_of_one_issuer_never_verifies_anothers_token() {
    // Two key ids of their own, and one that both issuers use.
    let (a, b, a_shared, b_shared) = (key("a"), key("b"), key("shared"), key("shared"));
    let verifier = JwtVerifier::builder(A)
        .jwks(set(&[&a, &a_shared]))
        .and(JwtVerifier::builder(B).jwks(set(&[&b, &b_shared])))
        .build()
        .unwrap();
    for (own, issuer) in [(&a, A), (&a_shared, A), (&b, B), (&b_shared, B)] {
        let good = verify(&verifier, &token(own, issuer)).await.unwrap();
        assert_eq!(good.principal().issuer(), issuer);
    }
    refused(&verifier, &token(&a, B), TokenRefusal::UnknownKey).await;
    refused(&verifier, &token(&b, A), TokenRefusal::UnknownKey).await;
    refused(&verifier, &token(&a_shared, B), TokenRefusal::Signature).await;
    refused(&verifier, &token(&b_shared, A), TokenRefusal::Signature).await;
    refused(&verifier, &token(&a, "https://c.example"), TokenRefusal::Issuer).await;
    for both in [json!([A, B]), json!(format!("{A} {B}")), json!(format!("{A}/")), Value::Null] {
        refused(&verifier, &token(&a, A).claim("iss", both), TokenRefusal::Issuer).await;
    }
    assert_eq!(verifier.authorization_servers(), [A, B]);
}

#[tokio::test]
async fn a_key_without_an_id_stays_with_its_issuer() {
    let (a, b) = (key("a"), key("b"));
    let verifier = JwtVerifier::builder(A)
        .jwks(set(&[&a]))
        .and(JwtVerifier::builder(B).jwks(set(&[&b])))
        .build()
        .unwrap();
    verify(&verifier, &token(&a, A).without_header("kid")).await.unwrap();
    refused(&verifier, &token(&a, B).without_header("kid"), TokenRefusal::Signature).await;
}

#[tokio::test]
async fn each_issuer_has_its_own_rules() {
    let (a, b) = (key("a"), TestKey::generate(Algorithm::EdDsa, "b").unwrap());
    let verifier = JwtVerifier::builder(A)
        .jwks(set(&[&a]))
        .audience("api-a")
        .algorithms([Algorithm::Es256])
        .leeway(Duration::ZERO)
        .and(
            JwtVerifier::builder(B)
                .jwks(set(&[&b]))
                .algorithms([Algorithm::EdDsa])
                .leeway(Duration::from_secs(300))
                .require_typ(TypRule::AllowJwtOrAbsent)
                .scope_claim("permissions")
                .client_claims(["cid"])
                .grant_claim("sid"),
        )
        .build()
        .unwrap();
    let a_token = || token(&a, A).claim("aud", json!("api-a"));
    let b_token = || token(&b, B).without_header("typ").claim("permissions", json!(["x"])).scope("y");
    assert!(verify(&verifier, &a_token().scope("y")).await.unwrap().principal().scopes().contains("y"));
    let good = verify(&verifier, &b_token().claim("cid", json!("c")).claim("sid", json!("s"))).await.unwrap();
    assert_eq!(good.principal().scopes(), &ScopeSet::parse("x").unwrap());
    assert_eq!((good.principal().client_id(), good.principal().grant_id()), (Some("c"), Some("s")));

    refused(&verifier, &token(&a, A), TokenRefusal::Audience).await;
    refused(&verifier, &b_token().claim("aud", json!("api-a")), TokenRefusal::Audience).await;
    refused(&verifier, &a_token().without_header("typ"), TokenRefusal::Type).await;
    refused(&verifier, &a_token().header("alg", json!("EdDSA")), TokenRefusal::Algorithm).await;
    let late = Clock::system().now().as_secs() - 100;
    refused(&verifier, &a_token().claim("exp", json!(late)), TokenRefusal::Expired).await;
    verify(&verifier, &b_token().claim("exp", json!(late))).await.unwrap();
}

fn problems(builder: JwtVerifierBuilder) -> Vec<String> {
    let errors = builder.build().unwrap_err();
    errors.as_slice().iter().map(|error| error.problem.clone()).collect()
}

#[test]
fn all_problems_of_all_issuers_come_at_once() {
    let good = || JwtVerifier::builder(A).jwks(set(&[&key("a")]));
    let twice = problems(good().and(JwtVerifier::builder(B).jwks(set(&[&key("b")])).and(good())));
    assert_eq!(twice, [format!("the issuer `{A}` is there twice")]);

    let all = problems(
        JwtVerifier::builder("http://a.example")
            .jwks("{}")
            .algorithms([])
            .and(
                JwtVerifier::builder(B).jwks(r#"{"keys":[]}"#).leeway(Duration::from_secs(301)).no_audience(),
            )
            .and(
                JwtVerifier::builder("nonsense")
                    .jwks(set(&[&key("a")]))
                    .audience("")
                    .allowed_clients([""; 0]),
            ),
    );
    let expected = [
        "the issuer `http://a.example` is no https URL",
        "no algorithm is allowed for `http://a.example`",
        "the keys of `http://a.example` are of no use: the key set is not a JWK set",
        "the leeway for `https://b.example` is over five minutes",
        "tokens of `https://b.example` may lack an audience, and every client is allowed",
        "the keys of `https://b.example` are of no use: the key set has no usable key",
        "the issuer `nonsense` is no https URL",
        "no client of `nonsense` is allowed",
        "an audience for `nonsense` is empty",
    ];
    assert_eq!(all, expected);
}

#[tokio::test]
async fn the_epoch_grows_when_a_key_is_withdrawn_and_only_then() {
    let (old, new, b) = (key("old"), key("new"), key("b"));
    let (a_keys, b_keys) = (JwtKeys::new(set(&[&old])).unwrap(), JwtKeys::new(set(&[&b])).unwrap());
    let verifier = JwtVerifier::builder(A)
        .keys(a_keys.clone())
        .and(JwtVerifier::builder(B).keys(b_keys.clone()))
        .build()
        .unwrap();
    assert_eq!(verifier.epoch(), 0);
    a_keys.replace(set(&[&old, &new])).unwrap();
    a_keys.replace(set(&[&new, &old])).unwrap();
    assert_eq!(verifier.epoch(), 0, "a key was added");
    a_keys.replace(set(&[&new])).unwrap();
    assert_eq!(verifier.epoch(), 1, "a key was withdrawn");
    a_keys.replace(r#"{"keys":[]}"#).unwrap_err();
    assert_eq!(verifier.epoch(), 1, "nothing changed");
    b_keys.replace(set(&[&key("b")])).unwrap();
    assert_eq!(verifier.epoch(), 2, "other values under the same id");

    let rsa = TestKey::generate(Algorithm::Rs256, "rsa").unwrap();
    let keys = JwtKeys::new(json!({ "keys": [rsa.jwk()] }).to_string()).unwrap();
    let verifier = JwtVerifier::builder(A).keys(keys.clone()).build().unwrap();
    keys.replace(json!({ "keys": [rsa.jwk_for_any()] }).to_string()).unwrap();
    assert_eq!(verifier.epoch(), 0, "it serves more algorithms than before");
    keys.replace(json!({ "keys": [rsa.clone().using(Algorithm::Ps256).jwk()] }).to_string()).unwrap();
    assert_eq!(verifier.epoch(), 1, "it serves fewer");
}

#[tokio::test]
async fn scopes_that_can_be_obtained_are_those_of_all_issuers() {
    let scopes = |text| ScopeSet::parse(text).unwrap();
    let builder = |issuer| JwtVerifier::builder(issuer).jwks(set(&[&key("a")]));
    let verifier =
        builder(A).obtainable_scopes(scopes("x")).and(builder(B).obtainable_scopes(scopes("y"))).build();
    assert_eq!(verifier.unwrap().obtainable_scopes(), Some(scopes("x y")));
    let verifier = builder(A).obtainable_scopes(scopes("x")).and(builder(B)).build();
    assert_eq!(verifier.unwrap().obtainable_scopes(), None);
}

#[tokio::test]
async fn a_verdict_stands_until_the_token_ends() {
    let a = key("a");
    let verifier = JwtVerifier::builder(A).jwks(set(&[&a])).build().unwrap();
    let exp = Clock::system().now().as_secs() + 100;
    let verdict = verify(&verifier, &token(&a, A).claim("exp", json!(exp))).await.unwrap();
    assert_eq!(verdict.reuse_until(), Some(Timestamp::from_secs(exp)));
}
