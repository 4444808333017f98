//! Every algorithm, and which key verifies which.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth_core::Credential;
use mcp_auth_core::testing::{TestKey, TokenBuilder};
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::jwt::{Algorithm, JwtKeys, JwtVerifier, KeysError};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, VerifyContext, VerifyError};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";
const RESOURCE: &str = "https://mcp.example/mcp";
const RSA: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

fn set(jwks: &[Value]) -> String {
    json!({ "keys": jwks }).to_string()
}

async fn verify(verifier: &JwtVerifier, token: String) -> Result<(), TokenRefusal> {
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    verifier.verify(&Credential::bearer(token), context).await.map(drop).map_err(|error| match error {
        VerifyError::Refused(refusal) => refusal,
        other => panic!("no verdict: {other}"),
    })
}

fn token(key: &TestKey) -> TokenBuilder {
    TokenBuilder::new(key.clone(), ISSUER, RESOURCE)
}

#[tokio::test]
async fn an_rsa_key_without_an_algorithm_serves_those_that_are_allowed() {
    let key = TestKey::generate(Algorithm::Rs256, "k").unwrap();
    let all = JwtVerifier::builder(ISSUER).jwks(set(&[key.jwk_for_any()])).build().unwrap();
    let some = JwtVerifier::builder(ISSUER)
        .jwks(set(&[key.jwk_for_any()]))
        .algorithms([Algorithm::Rs256, Algorithm::Ps384])
        .build()
        .unwrap();
    for algorithm in RSA {
        let key = key.clone().using(algorithm);
        assert_eq!(key.algorithm(), algorithm);
        verify(&all, token(&key).sign()).await.unwrap();
        let is_allowed = matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps384);
        let verdict = verify(&some, token(&key).sign()).await;
        assert_eq!(verdict, if is_allowed { Ok(()) } else { Err(TokenRefusal::Algorithm) });
        for other in RSA.into_iter().filter(|other| *other != algorithm) {
            let said = token(&key).header("alg", json!(other.as_str())).sign();
            assert_eq!(
                verify(&all, said).await,
                Err(TokenRefusal::Signature),
                "{algorithm:?} said {other:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_rsa_key_with_an_algorithm_serves_that_one_only() {
    let key = TestKey::generate(Algorithm::Ps256, "k").unwrap();
    let verifier = JwtVerifier::builder(ISSUER).jwks(set(&[key.jwk()])).build().unwrap();
    verify(&verifier, token(&key).sign()).await.unwrap();
    for other in RSA.into_iter().filter(|other| *other != Algorithm::Ps256) {
        let verdict = verify(&verifier, token(&key.clone().using(other)).sign()).await;
        assert_eq!(verdict, Err(TokenRefusal::UnknownKey), "{other:?}");
    }
}

#[tokio::test]
async fn one_id_may_stand_for_keys_of_different_algorithms_and_for_no_two_of_one() {
    let (rs, es) = (
        TestKey::generate(Algorithm::Rs256, "k").unwrap(),
        TestKey::generate(Algorithm::Es256, "k").unwrap(),
    );
    let ps = TestKey::generate(Algorithm::Ps256, "k").unwrap();
    let verifier = JwtVerifier::builder(ISSUER).jwks(set(&[rs.jwk(), es.jwk(), ps.jwk()])).build().unwrap();
    for key in [&rs, &es, &ps] {
        verify(&verifier, token(key).sign()).await.unwrap();
    }
    // Without an `alg` the first could be meant wherever the last is.
    let verifier =
        JwtVerifier::builder(ISSUER).jwks(set(&[rs.jwk_for_any(), es.jwk(), ps.jwk()])).build().unwrap();
    for (key, verdict) in
        [(&rs, Err(TokenRefusal::UnknownKey)), (&ps, Err(TokenRefusal::UnknownKey)), (&es, Ok(()))]
    {
        assert_eq!(verify(&verifier, token(key).sign()).await, verdict);
    }
}

#[tokio::test]
async fn es384_is_for_p384_alone() {
    let (p384, p256) = (
        TestKey::generate(Algorithm::Es384, "k").unwrap(),
        TestKey::generate(Algorithm::Es256, "k").unwrap(),
    );
    let verifier = JwtVerifier::builder(ISSUER).jwks(set(&[p384.jwk_for_any()])).build().unwrap();
    verify(&verifier, token(&p384).sign()).await.unwrap();
    let crossed = token(&p256).header("alg", json!("ES384")).sign();
    assert_eq!(verify(&verifier, crossed).await, Err(TokenRefusal::Signature));
    assert_eq!(verify(&verifier, token(&p256).sign()).await, Err(TokenRefusal::UnknownKey));
    let mut lies = p384.jwk();
    lies["alg"] = json!("ES256");
    assert!(matches!(JwtKeys::new(set(&[lies])), Err(KeysError::Empty)));
}

/// One signature is good for every message under the neutral element; the other points of small order are as weak.
#[test]
fn ed25519_keys_of_small_order_are_refused() {
    let neutral = [&[1][..], &[0; 31]].concat();
    let forged = [&neutral[..], &[0; 32]].concat();
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, &neutral);
    assert!(public.verify(b"anything", &forged).is_ok(), "why it has to be refused here");
    let prime = |last: u8| [&[last][..], &[0xff; 30], &[0x7f]].concat();
    let order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    let order_8: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&order_8[2 * at..2 * at + 2], 16).unwrap()).collect();
    // The prime less a coordinate, byte by byte: no byte borrows.
    let mirrored: Vec<u8> = prime(0xed).iter().zip(&order_8).map(|(prime, byte)| prime - byte).collect();
    for point in [vec![0; 32], neutral, prime(0xec), prime(0xed), prime(0xee), order_8, mirrored] {
        for sign in [0, 0x80] {
            let mut point = point.clone();
            point[31] |= sign;
            let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&point) });
            assert!(matches!(JwtKeys::new(set(&[jwk])), Err(KeysError::Empty)), "{point:x?}");
        }
    }
}

#[test]
fn keys_that_are_of_no_use_are_refused() {
    let rsa = TestKey::generate(Algorithm::Rs256, "k").unwrap().jwk();
    let ec = TestKey::generate(Algorithm::Es256, "k").unwrap().jwk();
    let with = |jwk: &Value, name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk
    };
    // 128 bytes of ones, and the same behind 128 bytes of zeros.
    let short = URL_SAFE_NO_PAD.encode([255; 128]);
    let padded = URL_SAFE_NO_PAD.encode([[0; 128], [255; 128]].concat());
    let almost = URL_SAFE_NO_PAD.encode([&[127][..], &[255; 255]].concat());
    let long = URL_SAFE_NO_PAD.encode([255; 1025]);
    for (what, jwk) in [
        ("encryption", with(&rsa, "use", json!("enc"))),
        ("encrypting operation", with(&rsa, "key_ops", json!(["encrypt"]))),
        ("signing operation", with(&rsa, "key_ops", json!(["sign"]))),
        ("private RSA", with(&rsa, "d", json!("AQAB"))),
        ("private RSA by a prime", with(&rsa, "p", json!("AQAB"))),
        ("private EC", with(&ec, "d", json!("AQAB"))),
        ("symmetric", json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "HS256" })),
        ("symmetric without k", json!({ "kty": "oct", "kid": "k" })),
        ("RSA of 1024 bits", with(&rsa, "n", json!(short))),
        ("RSA of 1024 bits behind zeros", with(&rsa, "n", json!(padded))),
        ("RSA of 2047 bits", with(&rsa, "n", json!(almost))),
        ("RSA of 8200 bits", with(&rsa, "n", json!(long))),
        ("RSA without a modulus", with(&rsa, "n", json!(""))),
        ("RSA with an even exponent", with(&rsa, "e", json!("AQAA"))),
        ("RSA with exponent 1", with(&rsa, "e", json!("AQ"))),
        ("RSA for encryption", with(&rsa, "alg", json!("RSA-OAEP-256"))),
        ("HMAC by its alg", with(&rsa, "alg", json!("HS256"))),
        ("none by its alg", with(&rsa, "alg", json!("none"))),
        ("alg of a wrong type", with(&rsa, "alg", json!(["RS256"]))),
        ("alg null", with(&rsa, "alg", Value::Null)),
        ("another curve", with(&ec, "crv", json!("P-521"))),
        ("a curve that is not the point's", with(&ec, "crv", json!("P-384"))),
        ("secp256k1", with(&ec, "crv", json!("secp256k1"))),
        ("a point off the curve", with(&ec, "x", ec["y"].clone())),
        ("padded", with(&ec, "x", json!(format!("{}=", ec["x"].as_str().unwrap())))),
        ("X25519", json!({ "kty": "OKP", "crv": "X25519", "x": ec["x"], "kid": "k" })),
        ("no kty", json!({ "kid": "k", "n": rsa["n"], "e": rsa["e"] })),
        ("a number", json!(1)),
    ] {
        assert!(matches!(JwtKeys::new(set(&[jwk])), Err(KeysError::Empty)), "{what}");
    }
}

#[tokio::test]
async fn ed25519_has_two_names() {
    let (ed, p256) = (
        TestKey::generate(Algorithm::EdDsa, "k").unwrap(),
        TestKey::generate(Algorithm::Es256, "k").unwrap(),
    );
    let named = |key: &TestKey, name: &str| {
        let mut jwk = key.jwk_for_any();
        jwk["alg"] = json!(name);
        set(&[jwk])
    };
    for declared in ["EdDSA", "Ed25519"] {
        let verifier = JwtVerifier::builder(ISSUER).jwks(named(&ed, declared)).build().unwrap();
        for said in ["EdDSA", "Ed25519"] {
            verify(&verifier, token(&ed).header("alg", json!(said)).sign()).await.unwrap();
            let crossed = token(&p256).header("alg", json!(said)).sign();
            assert_eq!(verify(&verifier, crossed).await, Err(TokenRefusal::Signature));
        }
        for said in ["ed25519", "ED25519", "Ed448"] {
            let verdict = verify(&verifier, token(&ed).header("alg", json!(said)).sign()).await;
            assert_eq!(verdict, Err(TokenRefusal::Algorithm), "{said}");
        }
        assert!(JwtKeys::new(named(&p256, declared)).is_err());
    }
}
