//! Tokens of every kind. Whatever is wrong with one, the answer is the same.

use std::num::NonZeroU32;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth_core::testing::TokenBuilder;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::Revocation;
use mcp_auth_core::verify::jwt::Algorithm;
use serde_json::{Value, json};

use crate::{Answer, Fixture, Serve};

const MANY: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

fn now() -> u64 {
    Clock::system().now().as_secs()
}

async fn list_notes(fixture: &Fixture, token: &str) -> Answer {
    fixture.call("list_notes", json!({})).token(token).send().await
}

/// A token that is signed with a secret everybody knows: the public key.
fn hmac_signed(token: &TokenBuilder, secret: &[u8]) -> String {
    let token = token.clone().header("alg", json!("HS256"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signature = hmac::sign(&key, token.unsigned().as_bytes());
    token.with_signature(signature.as_ref())
}

fn bad_tokens(fixture: &Fixture) -> Vec<(String, String)> {
    let url = fixture.url();
    let good = || fixture.ada("notes:read");
    let rsa = || fixture.authority.token_with(Algorithm::Rs256, &url).scope("notes:read");
    let jwk = fixture.authority.key(Algorithm::Es256).jwk();
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |label: &str, token: String| all.push((label.to_owned(), token));

    for text in ["x", "a.b.c", "..", "a.b.c.d.e", "eyJhbGciOiJub25lIn0.e30."] {
        add(&format!("no token at all: {text}"), text.to_owned());
    }
    let signed = good().sign();
    add("signature cut", signed[..signed.len() - 4].to_owned());
    add(
        "signature of another",
        format!("{}.{}", good().unsigned(), rsa().sign().rsplit('.').next().unwrap()),
    );
    add("padding", format!("{signed}="));
    for name in ["none", "None", "nOnE", "", "HS512", "ES384", "PS256"] {
        add(&format!("alg {name}"), good().header("alg", json!(name)).sign());
        add(&format!("alg {name}, unsigned"), good().header("alg", json!(name)).with_signature(b""));
    }
    add("no alg", good().without_header("alg").sign());
    add("HS256 with the JWK", hmac_signed(&rsa(), jwk.to_string().as_bytes()));
    let modulus = fixture.authority.key(Algorithm::Rs256).jwk()["n"].as_str().unwrap().to_owned();
    add("HS256 with the modulus", hmac_signed(&rsa(), &URL_SAFE_NO_PAD.decode(modulus).unwrap()));
    add("HS256 with the JWK set", hmac_signed(&good(), fixture.authority.jwks().as_bytes()));
    add("RS256 said, ES256 signed", good().header("alg", json!("RS256")).sign());
    for kid in ["other", "../../../../dev/null", "' UNION SELECT 'x", "RS256-0", ""] {
        add(&format!("kid {kid}"), good().header("kid", json!(kid)).sign());
    }
    add("kid is a number", good().header("kid", json!(7)).sign());
    let evil = mcp_auth_core::testing::TestKey::generate(Algorithm::Es256, "ES256-0").unwrap();
    for (name, value) in [
        ("jku", json!("http://127.0.0.1:1/jwks")),
        ("x5u", json!("http://127.0.0.1:1/x5u")),
        ("jwk", evil.jwk()),
    ] {
        add(
            &format!("{name} injection"),
            good().header(name, value.clone()).signed_with(evil.clone()).sign(),
        );
        add(&format!("{name} beside a good signature"), good().header(name, value).sign());
    }
    add("another's key under our kid", good().signed_with(evil).sign());
    for crit in [json!(["exp"]), json!([]), json!(["unknown"]), json!("b64"), Value::Null] {
        add(&format!("crit {crit}"), good().header("crit", crit.clone()).header("unknown", json!(1)).sign());
    }
    for typ in ["JWT", "dpop+jwt", "logout+jwt", "at+jwt ", "id_token"] {
        add(&format!("typ {typ}"), good().header("typ", json!(typ)).sign());
    }
    add("no typ", good().without_header("typ").sign());
    add("ID token", good().header("typ", json!("JWT")).claim("nonce", json!("n")).sign());
    add("logout token", good().header("typ", json!("logout+jwt")).claim("events", json!({})).sign());
    add(
        "DPoP proof",
        good().header("typ", json!("dpop+jwt")).header("jwk", jwk).claim("htm", json!("POST")).sign(),
    );
    for issuer in [
        json!("https://evil.example"),
        json!(format!("{}/", fixture.authority.issuer())),
        json!([fixture.authority.issuer()]),
        json!(fixture.authority.issuer().to_uppercase()),
        Value::Null,
        json!(7),
    ] {
        add(&format!("iss {issuer}"), good().claim("iss", issuer.clone()).sign());
    }
    add("no iss", good().without("iss").sign());
    let look_alikes = [
        "https://evil.example/mcp".to_owned(),
        format!("{url}/"),
        format!("{url}?x=1"),
        format!("{url}#x"),
        fixture.origin.clone(),
        format!("{}/MCP", fixture.origin),
        format!("{}/%6dcp", fixture.origin),
        url.replace("127.0.0.1", "localhost"),
        url.replace("http:", "HTTP:"),
        format!("{url} "),
        "*".to_owned(),
        String::new(),
    ];
    for audience in &look_alikes {
        add(&format!("aud {audience}"), good().claim("aud", json!(audience)).sign());
        add(&format!("aud [{audience}]"), good().claim("aud", json!([audience])).sign());
    }
    for audience in [json!([]), json!([[url]]), json!({ "x": url }), json!(7), Value::Null, json!([url, 7])] {
        add(&format!("aud {audience}"), good().claim("aud", audience.clone()).sign());
    }
    add("no aud", good().without("aud").sign());
    for exp in [
        Value::Null,
        json!((now() + 300).to_string()),
        json!(-1),
        json!(0),
        json!(now() - 60),
        json!(u64::MAX),
        json!(1e300),
        json!(true),
        json!([now() + 300]),
    ] {
        add(&format!("exp {exp}"), good().claim("exp", exp.clone()).sign());
    }
    add("no exp", good().without("exp").sign());
    add("exp beyond f64", good().without("exp").raw_claims(r#"{{claims},"exp":1e999}"#).sign());
    add("nbf to come", good().claim("nbf", json!(now() + 120)).sign());
    add("iat to come", good().claim("iat", json!(now() + 120)).sign());
    for (name, value) in [
        ("nbf", json!("soon")),
        ("iat", json!("now")),
        ("sub", json!(7)),
        ("sub", Value::Null),
        ("client_id", json!(["a"])),
        ("jti", json!({})),
        ("scope", json!(7)),
        ("scope", json!({ "notes:read": true })),
        ("scope", json!(["notes:read", 7])),
    ] {
        add(&format!("{name} {value}"), good().claim(name, value.clone()).sign());
    }
    add("no sub", good().without("sub").sign());
    add("bound by DPoP", good().claim("cnf", json!({ "jkt": "x" })).sign());
    add("bound by mTLS", good().claim("cnf", json!({ "x5t#S256": "x" })).sign());
    add("bound to null", good().claim("cnf", Value::Null).sign());
    add("sub twice", good().raw_claims(r#"{{claims},"sub":"eve"}"#).sign());
    add("aud twice, escaped", good().raw_claims(r#"{{claims},"\u0061ud":"x"}"#).sign());
    add(
        "alg twice",
        good().raw_header(r#"{"alg":"ES256","typ":"at+jwt","kid":"ES256-0","alg":"none"}"#).sign(),
    );
    let deep = format!(r#"{{{{claims}},"deep":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    add("claims nested 5,000 deep", good().raw_claims(&deep).sign());
    add("claims that are no object", good().raw_claims("[]").sign());
    add("claims with a byte order mark", good().raw_claims("\u{feff}{{claims}}").sign());
    all
}

/// Every bad token: 401, `invalid_token`, the same body whatever is wrong, and nothing runs.
pub async fn bad_tokens_are_refused_alike<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.failures_per_minute(MANY)).await;
    let mut bodies = std::collections::BTreeSet::new();
    let mut wrong = Vec::new();
    for (label, token) in bad_tokens(&fixture) {
        let answer = list_notes(&fixture, &token).await;
        let ran = fixture.ran.take();
        if (answer.status, answer.json()["error"]["code"].as_i64()) != (401, Some(-32000)) || !ran.is_empty()
        {
            wrong.push(format!("{label}: {} {} {ran:?}", answer.status, answer.text()));
            continue;
        }
        answer.challenges("invalid_token", "notes:read");
        assert_eq!(answer.json()["error"]["data"]["error"], "invalid_token");
        bodies.insert(answer.body);
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(bodies.len(), 1, "answers tell what is wrong with a token: {bodies:?}");
}

/// A token that was revoked, by itself or with its grant, and one whose key is gone.
pub async fn a_revoked_token_and_a_key_that_was_rotated_out_are_refused<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.ada("notes:read").claim("jti", json!("one")).claim("gid", json!("grant")).sign();
    list_notes(&fixture, &token).await.is(200, None);
    fixture.revoke(&Revocation::token(fixture.authority.issuer(), "one")).await;
    list_notes(&fixture, &token).await.is(401, -32000).challenges("invalid_token", "notes:read");
    let sibling = fixture.ada("notes:read").claim("jti", json!("two")).claim("gid", json!("grant")).sign();
    list_notes(&fixture, &sibling).await.is(200, None);
    fixture.revoke(&Revocation::grant(fixture.authority.issuer(), "grant")).await;
    list_notes(&fixture, &sibling).await.is(401, -32000).challenges("invalid_token", "notes:read");

    let old = fixture.reader();
    list_notes(&fixture, &old).await.is(200, None);
    fixture.authority.rotate().unwrap();
    fixture.keys.replace(fixture.authority.jwks()).unwrap();
    list_notes(&fixture, &old).await.is(401, -32000).challenges("invalid_token", "notes:read");
    list_notes(&fixture, &fixture.reader()).await.is(200, None);
}

/// What RFC 9068 and its relatives allow.
pub async fn every_good_token_is_taken<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let url = fixture.url();
    for algorithm in Algorithm::ALL {
        let token = fixture.authority.token_with(algorithm, &url).scope("notes:read").sign();
        list_notes(&fixture, &token).await.is(200, None);
    }
    for scope in
        [json!("notes:read"), json!(["notes:read"]), json!("other notes:read"), json!(["a", "notes:read"])]
    {
        let token = fixture.ada("").claim("scope", scope).sign();
        list_notes(&fixture, &token).await.is(200, None);
    }
    let several = fixture.ada("notes:read").claim("aud", json!(["https://other.example", url])).sign();
    list_notes(&fixture, &several).await.is(200, None);
    let long_typ = fixture.ada("notes:read").header("typ", json!("application/at+jwt")).sign();
    list_notes(&fixture, &long_typ).await.is(200, None);
    fixture.ran.take();
    // Without a scope somebody is known, and may do nothing.
    for token in [fixture.ada("").without("scope").sign(), fixture.ada("").sign()] {
        list_notes(&fixture, &token).await.is(403, -32000).challenges("insufficient_scope", "notes:read");
    }
    fixture.nothing_ran();
}
