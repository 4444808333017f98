//! Every kind of bad token is refused for its own reason, and good ones of every kind are taken.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth_core::testing::{TestKey, TokenBuilder};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::jwt::{Algorithm, JwtKeys, JwtVerifier, TypRule};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Principal};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";
const RESOURCE: &str = "https://mcp.example/mcp";

/// One key for each algorithm, named like it; the RSA ones are one pair.
static KEYS: LazyLock<[TestKey; 9]> = LazyLock::new(|| {
    let rsa = TestKey::generate(Algorithm::Rs256, "").unwrap();
    Algorithm::ALL.map(|algorithm| {
        let key = rsa.clone().using(algorithm);
        let is_rsa = key.algorithm() == algorithm;
        let key = if is_rsa { key } else { TestKey::generate(algorithm, "").unwrap() };
        key.named(algorithm.as_str())
    })
});

fn jwks() -> String {
    json!({ "keys": KEYS.iter().map(TestKey::jwk).collect::<Vec<_>>() }).to_string()
}

fn key(algorithm: Algorithm) -> TestKey {
    KEYS.iter().find(|key| key.alg() == algorithm.as_str()).unwrap().clone()
}

fn good() -> TokenBuilder {
    TokenBuilder::new(key(Algorithm::Es256), ISSUER, RESOURCE)
}

fn now() -> u64 {
    Clock::system().now().as_secs()
}

fn strict() -> JwtVerifier {
    JwtVerifier::builder(ISSUER).jwks(jwks()).build().unwrap()
}

async fn verify_with(verifier: &JwtVerifier, token: &str, at: Timestamp) -> Result<Principal, TokenRefusal> {
    let context = VerifyContext { resource: RESOURCE, now: at, address: None };
    let verdict = verifier.verify(&Credential::bearer(token), context).await;
    verdict.map(|verified| verified.principal().clone()).map_err(|error| match error {
        VerifyError::Refused(refusal) => refusal,
        other => panic!("no verdict: {other}"),
    })
}

async fn verify(token: &str) -> Result<Principal, TokenRefusal> {
    verify_with(&strict(), token, Clock::system().now()).await
}

async fn refused(what: &str, token: &str, expected: TokenRefusal) {
    assert_eq!(verify(token).await.map(|p| p.subject().to_owned()), Err(expected), "{what}");
}

#[tokio::test]
async fn every_algorithm_has_good_tokens() {
    for algorithm in Algorithm::ALL {
        let token = TokenBuilder::new(key(algorithm), ISSUER, RESOURCE).scope("a b").sign();
        let principal = verify(&token).await.unwrap();
        assert_eq!((principal.issuer(), principal.subject()), (ISSUER, "ada"));
        assert!(principal.scopes().contains("a") && principal.scopes().contains("b"));
    }
    let long_typ = good().header("typ", json!("application/AT+JWT")).sign();
    assert!(verify(&long_typ).await.is_ok());
}

#[tokio::test]
async fn fractional_dates_are_floored() {
    let (exp, strict) =
        (now() + 100, JwtVerifier::builder(ISSUER).jwks(jwks()).leeway(Duration::ZERO).build().unwrap());
    let token = good().without("exp").raw_claims(&format!("{{{{claims}},\"exp\":{exp}.9}}")).sign();
    let last = Timestamp::from_millis(exp * 1000 - 1);
    assert_eq!(
        verify_with(&strict, &token, last).await.unwrap().expires_at(),
        Some(Timestamp::from_secs(exp))
    );
    let end = verify_with(&strict, &token, Timestamp::from_secs(exp)).await;
    assert_eq!(end.map(drop), Err(TokenRefusal::Expired));
    let exponent = good().without("exp").raw_claims(r#"{{claims},"exp":4.1e9}"#).sign();
    assert_eq!(verify(&exponent).await.unwrap().expires_at(), Some(Timestamp::from_secs(4_100_000_000)));
}

#[tokio::test]
async fn algorithms_that_are_not_taken() {
    for alg in ["none", "None", "NONE", "HS256", "HS512", "ES512", "ES256K", "es256", "ES256 ", ""] {
        refused(alg, &good().header("alg", json!(alg)).sign(), TokenRefusal::Algorithm).await;
    }
    refused(
        "no signature",
        &good().header("alg", json!("none")).with_signature(b""),
        TokenRefusal::Algorithm,
    )
    .await;
    refused("no alg", &good().without_header("alg").sign(), TokenRefusal::Algorithm).await;
    refused("alg null", &good().header("alg", Value::Null).sign(), TokenRefusal::Algorithm).await;
    refused("alg array", &good().header("alg", json!(["ES256"])).sign(), TokenRefusal::Algorithm).await;

    // The public key, taken as the secret of an HMAC, in each form that a confused library might use.
    for public in [key(Algorithm::Es256).jwk().to_string(), jwks()] {
        let hmac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes());
        let token = good().header("alg", json!("HS256"));
        let tag = aws_lc_rs::hmac::sign(&hmac, token.unsigned().as_bytes());
        refused("HS256", &token.with_signature(tag.as_ref()), TokenRefusal::Algorithm).await;
    }

    let only_rs = JwtVerifier::builder(ISSUER).jwks(jwks()).algorithms([Algorithm::Rs256]).build().unwrap();
    let verdict = verify_with(&only_rs, &good().sign(), Clock::system().now()).await;
    assert_eq!(verdict.map(drop), Err(TokenRefusal::Algorithm));
}

#[tokio::test]
async fn keys_that_do_not_fit() {
    let traversal = "../../../../dev/null";
    for kid in ["other", "", traversal, "x' UNION SELECT 'key", "ES256\u{0}", "RS256", "EdDSA", "https://e/k"]
    {
        refused(kid, &good().header("kid", json!(kid)).sign(), TokenRefusal::UnknownKey).await;
    }
    refused("kid number", &good().header("kid", json!(1)).sign(), TokenRefusal::Malformed).await;
    refused("kid null", &good().header("kid", Value::Null).sign(), TokenRefusal::Malformed).await;
    refused("kid long", &good().header("kid", json!("k".repeat(257))).sign(), TokenRefusal::Malformed).await;
    // One key of each kind: without a kid the algorithm tells which.
    assert!(verify(&good().without_header("kid").sign()).await.is_ok());

    let other = TestKey::generate(Algorithm::Es256, "ES256").unwrap();
    refused("another's key", &good().signed_with(other.clone()).sign(), TokenRefusal::Signature).await;
    for algorithm in [Algorithm::Rs256, Algorithm::EdDsa] {
        refused("crossed", &good().signed_with(key(algorithm)).sign(), TokenRefusal::Signature).await;
    }
    refused("zeros", &good().with_signature(&[0; 64]), TokenRefusal::Signature).await;
    refused("short", &good().with_signature(&[1]), TokenRefusal::Signature).await;

    for (name, value) in [
        ("jwk", other.jwk()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        let token = good().header(name, value.clone());
        refused(name, &token.sign(), TokenRefusal::Malformed).await;
        refused(name, &token.signed_with(other.clone()).sign(), TokenRefusal::Malformed).await;
    }
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("exp"), Value::Null] {
        refused("crit", &good().header("crit", crit).sign(), TokenRefusal::Critical).await;
    }
}

#[tokio::test]
async fn issuers_and_audiences_are_equal_to_the_character() {
    for issuer in [
        json!("https://evil.example"),
        json!("https://issuer.example/"),
        json!("https://ISSUER.example"),
        json!("https://issuer.example.evil.example"),
        json!("https://issuer.exampl"),
        json!("http://issuer.example"),
        json!("https://issuer.example:443"),
        json!(" https://issuer.example"),
        json!(""),
        json!([ISSUER]),
        json!({ "iss": ISSUER }),
        json!(1),
        Value::Null,
    ] {
        refused(&issuer.to_string(), &good().claim("iss", issuer).sign(), TokenRefusal::Issuer).await;
    }
    refused("no issuer", &good().without("iss").sign(), TokenRefusal::Issuer).await;

    for audience in [
        json!("https://other.example/mcp"),
        json!("https://mcp.example/mcp/"),
        json!("https://mcp.example"),
        json!("https://mcp.example/MCP"),
        json!("https://MCP.example/mcp"),
        json!("https://mcp.example/mcp2"),
        json!("https://mcp.example/mc"),
        json!("https://mcp.example/%6dcp"),
        json!("https://mcp.example:443/mcp"),
        json!("http://mcp.example/mcp"),
        json!("https://mcp.example/mcp?"),
        json!("*"),
        json!(""),
        json!([]),
        json!(["https://other.example/mcp", "https://mcp.example/mcp/"]),
        json!(format!("{RESOURCE} https://other.example")),
    ] {
        refused(&audience.to_string(), &good().claim("aud", audience).sign(), TokenRefusal::Audience).await;
    }
    refused("no audience", &good().without("aud").sign(), TokenRefusal::Audience).await;
    for audience in
        [Value::Null, json!(1), json!({ "0": RESOURCE }), json!([RESOURCE, 1]), json!([[RESOURCE]])]
    {
        refused(&audience.to_string(), &good().claim("aud", audience).sign(), TokenRefusal::Claim).await;
    }
    let many: Vec<_> = std::iter::repeat_n(RESOURCE, 65).collect();
    refused("65 audiences", &good().claim("aud", json!(many)).sign(), TokenRefusal::Claim).await;
    let both = good().claim("aud", json!(["https://other.example", RESOURCE])).sign();
    assert!(verify(&both).await.is_ok());

    let configured = JwtVerifier::builder(ISSUER).jwks(jwks()).audience("api").build().unwrap();
    let at = Clock::system().now();
    assert!(verify_with(&configured, &good().claim("aud", json!("api")).sign(), at).await.is_ok());
    let verdict = verify_with(&configured, &good().sign(), at).await;
    assert_eq!(verdict.map(drop), Err(TokenRefusal::Audience), "configured audiences replace the resource");
}

#[tokio::test]
async fn dates() {
    refused("no exp", &good().without("exp").sign(), TokenRefusal::Claim).await;
    for name in ["exp", "nbf", "iat"] {
        for value in ["null", "\"4102444800\"", "\"NaN\"", "true", "[4102444800]", "{}", "-1", "-0", "-1e99"]
        {
            let token = good().without(name).raw_claims(&format!("{{{{claims}},\"{name}\":{value}}}")).sign();
            refused(&format!("{name} {value}"), &token, TokenRefusal::Claim).await;
        }
        for huge in ["1e99", "253402300800", "99999999999999999999999999999999999999"] {
            let token = good().without(name).raw_claims(&format!("{{{{claims}},\"{name}\":{huge}}}")).sign();
            refused(&format!("{name} {huge}"), &token, TokenRefusal::Claim).await;
        }
        for unreadable in ["1e308", "1e999", "NaN", "Infinity", "0x10", "+1", "01", "1.", ".5"] {
            let token =
                good().without(name).raw_claims(&format!("{{{{claims}},\"{name}\":{unreadable}}}")).sign();
            refused(&format!("{name} {unreadable}"), &token, TokenRefusal::Malformed).await;
        }
    }
    refused("expired", &good().claim("exp", json!(now() - 31)).sign(), TokenRefusal::Expired).await;
    refused("epoch", &good().claim("exp", json!(0)).sign(), TokenRefusal::Expired).await;
    assert!(verify(&good().claim("exp", json!(now() - 20)).sign()).await.is_ok(), "within the leeway");
    for name in ["nbf", "iat"] {
        refused(name, &good().claim(name, json!(now() + 40)).sign(), TokenRefusal::NotYetValid).await;
        assert!(verify(&good().claim(name, json!(now() + 20)).sign()).await.is_ok(), "within the leeway");
    }
    assert!(verify(&good().without("iat").sign()).await.is_ok());
}

#[tokio::test]
async fn claims_of_the_wrong_type_are_never_taken_as_absent() {
    let long = "x".repeat(1025);
    for name in ["sub", "client_id", "jti", "gid"] {
        for value in
            [Value::Null, json!(1), json!(["ada"]), json!({ "a": 1 }), json!(true), json!(""), json!(long)]
        {
            refused(&format!("{name} {value}"), &good().claim(name, value).sign(), TokenRefusal::Claim).await;
        }
    }
    refused("no sub", &good().without("sub").sign(), TokenRefusal::Claim).await;
    for claims in ["[]", "null", "\"ada\"", "1", "{", "{} {}", "\u{feff}{}", ""] {
        let token = good().raw_claims(claims).sign();
        refused(claims, &token, TokenRefusal::Malformed).await;
    }
    refused("header array", &good().raw_header("[]").sign(), TokenRefusal::Malformed).await;
}

#[tokio::test]
async fn scopes_of_every_form() {
    for value in [json!("a b"), json!(["a", "b"])] {
        for name in ["scope", "scp"] {
            let principal = verify(&good().claim(name, value.clone()).sign()).await.unwrap();
            assert!(principal.scopes().contains("a") && principal.scopes().contains("b"), "{name} {value}");
        }
    }
    for none in [good(), good().scope(""), good().claim("scope", json!([]))] {
        assert!(verify(&none.sign()).await.unwrap().scopes().is_empty());
    }
    let both = verify(&good().scope("a").claim("scp", json!("b")).sign()).await.unwrap();
    assert!(!both.scopes().contains("b"), "one claim counts, not the union");
    for value in [
        Value::Null,
        json!(1),
        json!(true),
        json!({ "a": true }),
        json!(["a", 1]),
        json!([["a"]]),
        json!("a\n\"b"),
    ] {
        refused(&value.to_string(), &good().claim("scope", value).sign(), TokenRefusal::Claim).await;
    }
}

#[tokio::test]
async fn tokens_of_another_purpose() {
    let id_token = good().header("typ", json!("JWT")).claim("nonce", json!("n"));
    let logout = good()
        .header("typ", json!("logout+jwt"))
        .claim("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    let proof =
        good().header("typ", json!("dpop+jwt")).claim("htm", json!("POST")).claim("htu", json!(RESOURCE));
    for token in
        [&id_token, &logout, &proof, &good().without_header("typ"), &good().header("typ", json!(["at+jwt"]))]
    {
        refused("typ", &token.sign(), TokenRefusal::Type).await;
    }
    for cnf in [json!({ "jkt": "x" }), json!({ "x5t#S256": "x" }), json!({}), Value::Null] {
        refused("bound", &good().claim("cnf", cnf).sign(), TokenRefusal::Binding).await;
    }
    let relaxed =
        JwtVerifier::builder(ISSUER).jwks(jwks()).require_typ(TypRule::AllowJwtOrAbsent).build().unwrap();
    for token in [id_token, logout, proof, good().header("typ", json!("JWT")).claim("at_hash", json!("h"))] {
        let verdict = verify_with(&relaxed, &token.sign(), Clock::system().now()).await;
        assert_eq!(verdict.map(drop), Err(TokenRefusal::Type));
    }
    for token in [good().header("typ", json!("JWT")), good().without_header("typ")] {
        assert!(verify_with(&relaxed, &token.sign(), Clock::system().now()).await.is_ok());
    }
}

#[tokio::test]
async fn names_that_come_twice() {
    for again in [r#""sub":"eve""#, r#""iss":"https://issuer.example""#, r#""\u0073ub":"eve""#, r#""exp":1"#]
    {
        let token = good().raw_claims(&format!("{{{{claims}},{again}}}")).sign();
        refused(again, &token, TokenRefusal::Malformed).await;
    }
    let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"ES256","alg":"none"}"#;
    refused("header", &good().raw_header(header).sign(), TokenRefusal::Malformed).await;
    let deep = good().raw_claims(r#"{{claims},"x":{"a":1,"a":2}}"#).sign();
    refused("deep", &deep, TokenRefusal::Malformed).await;
}

#[tokio::test]
async fn forms_that_are_no_token() {
    let nested = format!("{{{{claims}},\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    refused("nested", &good().raw_claims(&nested).sign(), TokenRefusal::Malformed).await;
    refused("nested open", &good().raw_claims(&"{\"a\":".repeat(2400)).sign(), TokenRefusal::Malformed).await;
    let token = good().sign();
    let parts: Vec<&str> = token.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    for bad in [
        format!("{token}."),
        format!("{token}.."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{token}="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}.{signature} "),
        format!("{header}.{claims}.{signature}\n"),
        format!("{header}.{claims}.+{}", &signature[1..]),
        format!("{header}.{claims}./{}", &signature[1..]),
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "\u{1F511}.\u{1F511}.\u{1F511}".to_owned(),
        "x".repeat(1 << 20),
        format!("{token}{}", "A".repeat(1 << 20)),
    ] {
        refused(&bad.chars().take(40).collect::<String>(), &bad, TokenRefusal::Malformed).await;
    }
    // 64 bytes leave four bits of the last character unused: other values of them decode alike if read leniently.
    let decoded = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(decoded.len(), 64);
    let (rest, last) = signature.split_at(signature.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(last).unwrap();
    for other in 1..16 {
        let twin = format!("{header}.{claims}.{rest}{}", &alphabet[at + other..=at + other]);
        refused("non-canonical", &twin, TokenRefusal::Malformed).await;
    }
}

#[tokio::test]
async fn what_the_token_builder_breaks_is_broken() {
    for (token, expected) in [
        (good().expired().sign(), TokenRefusal::Expired),
        (good().not_yet().sign(), TokenRefusal::NotYetValid),
        (good().without_signature(), TokenRefusal::Malformed),
        (good().alg_none(), TokenRefusal::Algorithm),
        (good().tampered(), TokenRefusal::Signature),
        (good().signed_with_hmac(jwks().as_bytes()), TokenRefusal::Algorithm),
        (good().bound_to_dpop("short").sign(), TokenRefusal::Binding),
    ] {
        refused(&token, &token, expected).await;
    }
    let at = Timestamp::from_secs(1000);
    let (verifier, then) = (strict(), good().at(at));
    assert!(verify_with(&verifier, &then.sign(), at).await.is_ok());
    let verdict = verify_with(&verifier, &then.clone().expired().sign(), at).await;
    assert_eq!(verdict.map(drop), Err(TokenRefusal::Expired), "by the clock of the token");

    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    for (token, by_key) in
        [(good().bound_to_dpop(thumbprint), true), (good().bound_to_certificate(thumbprint), false)]
    {
        let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
        let verdict = strict().verify(&Credential::bearer(token.sign()), context).await.unwrap();
        let binding = verdict.binding().unwrap();
        assert_eq!((binding.dpop.is_some(), binding.certificate.is_some()), (by_key, !by_key));
    }
    assert_eq!(verify(&good().actor("agent").sign()).await.unwrap().actor(), Some("agent"));
}

#[tokio::test]
async fn a_key_that_was_rotated_out_verifies_nothing_any_more() {
    let keys = JwtKeys::new(jwks()).unwrap();
    let verifier = JwtVerifier::builder(ISSUER).keys(keys.clone()).build().unwrap();
    let (old, at) = (good().sign(), Clock::system().now());
    assert!(verify_with(&verifier, &old, at).await.is_ok());
    let fresh = TestKey::generate(Algorithm::Es256, "fresh").unwrap();
    keys.replace(json!({ "keys": [fresh.jwk()] }).to_string()).unwrap();
    assert_eq!(verify_with(&verifier, &old, at).await.map(drop), Err(TokenRefusal::UnknownKey));
    assert!(verify_with(&verifier, &TokenBuilder::new(fresh, ISSUER, RESOURCE).sign(), at).await.is_ok());
    assert!(keys.replace(r#"{"keys":[]}"#).is_err(), "a set without keys replaces nothing");
    assert!(verifier.is_ready());
}
