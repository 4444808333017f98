//! Whatever stands in a key set or in a token's claims, nothing panics, and nobody is named without the issuer's key.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::LazyLock;

use mcp_auth_core::testing::{TestKey, TokenBuilder};
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::jwt::{Algorithm, JwtKeys, JwtVerifier, Preset};
use mcp_auth_core::verify::{TokenVerifier, Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, ScopeSet};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

const ISSUER: &str = "https://issuer.example";
const RESOURCE: &str = "https://mcp.example/mcp";

struct Fixture {
    key: TestKey,
    verifier: JwtVerifier,
    runtime: Runtime,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let key = TestKey::generate(Algorithm::EdDsa, "k").unwrap();
    let jwks = json!({ "keys": [key.jwk()] }).to_string();
    let builder = JwtVerifier::builder(ISSUER).merged_scope_claims(["scope", "permissions"]);
    Fixture {
        key,
        verifier: builder.jwks(jwks).build().unwrap(),
        runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
    }
});

fn verify(verifier: &JwtVerifier, token: &str) -> Result<Verified, VerifyError> {
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    FIXTURE.runtime.block_on(verifier.verify(&Credential::bearer(token), context))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "[ -~]{0,20}".prop_map(Value::from),
        Just(json!(RESOURCE)),
        Just(json!("AQAB")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("sub|jkt|act|[a-z]{1,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Something that looks like a JWK more often than not.
fn any_jwk() -> impl Strategy<Value = Value> {
    let member = prop_oneof![
        prop::sample::select(vec![
            "RSA", "EC", "OKP", "oct", "P-256", "P-384", "P-521", "Ed25519", "sig", "enc"
        ])
        .prop_map(Value::from),
        prop::sample::select(Algorithm::ALL.map(Algorithm::as_str).to_vec()).prop_map(Value::from),
        "[A-Za-z0-9_-]{0,90}".prop_map(Value::from),
        any_json(),
    ];
    let names = "kty|crv|x|y|n|e|d|k|alg|use|kid|key_ops|x5c|x5t";
    let usual = prop_oneof![
        Just(json!({})),
        Just(FIXTURE.key.jwk()),
        Just(json!({ "kty": "RSA", "e": "AQAB", "n": "_".repeat(342) })),
        Just(json!({ "kty": "EC", "crv": "P-384" })),
    ];
    (usual, prop::collection::hash_map(names, member, 0..8)).prop_map(|(mut jwk, members)| {
        jwk.as_object_mut().unwrap().extend(members);
        jwk
    })
}

proptest! {
    #[test]
    fn no_key_set_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(JwtKeys::new(bytes).is_err());
    }

    #[test]
    fn no_jwk_panics(jwks in prop::collection::vec(any_jwk(), 0..6)) {
        let set = json!({ "keys": jwks }).to_string();
        if let Ok(keys) = JwtKeys::new(&set) {
            // What is taken can be taken again, and another's signature is none of these keys'.
            let verifier = JwtVerifier::builder(ISSUER).keys(keys.clone()).build().unwrap();
            prop_assert!(verifier.is_ready());
            prop_assert!(keys.replace(&set).is_ok());
            prop_assert_eq!(verifier.epoch(), 0);
            let other = TokenBuilder::new(FIXTURE.key.clone(), ISSUER, RESOURCE);
            for kid in jwks.iter().filter_map(|jwk| jwk.get("kid")) {
                let token = other.clone().header("kid", kid.clone());
                if !jwks.iter().any(|jwk| jwk.get("x") == FIXTURE.key.jwk().get("x")) {
                    prop_assert!(verify(&verifier, &token.sign()).is_err());
                }
            }
        }
    }

    #[test]
    fn no_signed_claim_panics_or_is_taken_for_absent(
        name in "iss|aud|exp|nbf|iat|sub|scope|permissions|client_id|jti|gid|act|cnf",
        value in any_json(),
    ) {
        let token = TokenBuilder::new(FIXTURE.key.clone(), ISSUER, RESOURCE).claim(&name, value.clone());
        if let Ok(verified) = verify(&FIXTURE.verifier, &token.sign()) {
            let principal = verified.principal();
            prop_assert_eq!(principal.issuer(), ISSUER);
            let texts = |value: &Value| value.as_str().map(str::to_owned);
            match name.as_str() {
                "sub" => prop_assert_eq!(Some(principal.subject().to_owned()), texts(&value)),
                "jti" => prop_assert_eq!(principal.token_id().map(str::to_owned), texts(&value)),
                "gid" => prop_assert_eq!(principal.grant_id().map(str::to_owned), texts(&value)),
                "client_id" => prop_assert_eq!(principal.client_id().map(str::to_owned), texts(&value)),
                "act" => prop_assert_eq!(principal.actor().map(str::to_owned), value.get("sub").and_then(texts)),
                "cnf" => prop_assert!(verified.binding().is_some()),
                "exp" | "nbf" | "iat" => prop_assert!(value.as_f64().is_some_and(|number| number >= 0.0)),
                "aud" => prop_assert!(value.to_string().contains(RESOURCE)),
                "scope" | "permissions" => prop_assert!(value.is_string() || value.is_array()),
                _ => prop_assert!(value.is_string()),
            }
        }
    }

    #[test]
    fn merged_scopes_are_the_union(a in prop::collection::vec("[a-z:]{1,8}", 0..5), b in prop::collection::vec("[a-z:]{1,8}", 0..5)) {
        let token = TokenBuilder::new(FIXTURE.key.clone(), ISSUER, RESOURCE);
        let token = token.scope(&a.join(" ")).claim("permissions", json!(b));
        let verified = verify(&FIXTURE.verifier, &token.sign()).unwrap();
        let all = ScopeSet::from_tokens(a.iter().chain(&b).map(String::as_str)).unwrap();
        prop_assert_eq!(verified.principal().scopes(), &all);
    }

    #[test]
    fn no_preset_takes_a_parameter_out_of_its_place(which in 0..Preset::ALL.len(), values in prop::collection::vec("\\PC{0,30}", 0..4)) {
        let preset = Preset::ALL[which];
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let builder = preset.builder(&values).jwks(json!({ "keys": [FIXTURE.key.jwk()] }).to_string());
        let builder = builder.audience(RESOURCE).allowed_clients(["c"]);
        if let Ok(verifier) = builder.build() {
            let fixed = preset.issuer.split('{').next().unwrap();
            prop_assert!(verifier.authorization_servers()[0].starts_with(fixed));
        }
    }
}
