//! RFC 7662, as its client.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mcp_auth_core::Credential;
use mcp_auth_core::testing::{Authority, Fault};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::introspection::{
    ClientAuthentication, IntrospectionVerifier, IntrospectionVerifierBuilder,
};
use mcp_auth_core::verify::{Binding, Thumbprint, TokenRefusal, TokenVerifier as _, VerifyContext};
use serde_json::{Value, json};

use super::server::{Server, response};
use super::{RESOURCE, refused, unavailable, verify};

/// What form-encoding has to carry: RFC 6749, section 2.3.1.
const SECRET: &str = "s:e c+r%e/t&ö";

async fn authority() -> Authority {
    let authority = Authority::start().await.unwrap();
    authority.introspection_client("mcp server", SECRET);
    authority
}

fn builder(authority: &Authority) -> IntrospectionVerifierBuilder {
    IntrospectionVerifier::builder(authority.issuer(), authority.introspection_endpoint())
        .client("mcp server", ClientAuthentication::basic(SECRET))
}

#[tokio::test]
async fn everything_an_answer_says_is_honoured() {
    let authority = authority().await;
    let post = builder(&authority).client("mcp server", ClientAuthentication::post(SECRET)).build().unwrap();
    let token = authority.opaque_for(RESOURCE, "notes:read notes:write");
    assert!(verify(&post, &token).await.is_ok());

    let verifier = builder(&authority).build().unwrap();
    let mut answer = authority.good_answer(RESOURCE, "notes:read");
    let thumbprint = URL_SAFE_NO_PAD.encode([7; 32]);
    for (name, value) in [
        ("jti", json!("t1")),
        ("gid", json!("g1")),
        ("act", json!({ "sub": "agent", "act": { "sub": "before" } })),
        ("cnf", json!({ "jkt": thumbprint })),
        ("aud", json!(["https://other.example", RESOURCE])),
    ] {
        answer[name] = value;
    }
    let verified = verify(&verifier, &authority.opaque(answer.clone())).await.unwrap();
    let ada = verified.principal();
    assert_eq!(
        (ada.issuer(), ada.subject(), ada.client_id()),
        (authority.issuer(), "ada", Some("test-client"))
    );
    assert_eq!((ada.token_id(), ada.grant_id(), ada.actor()), (Some("t1"), Some("g1"), Some("agent")));
    assert!(ada.scopes().contains("notes:read"));
    assert_eq!(ada.expires_at().unwrap().as_secs(), answer["exp"].as_u64().unwrap());
    assert_eq!(ada.claim::<String>("token_type").as_deref(), Some("Bearer"));
    let bound = Binding { dpop: Some(Thumbprint::new([7; 32])), certificate: None };
    assert_eq!(verified.binding(), Some(&bound));
    let now = Clock::system().now();
    let reuse = verified.reuse_until().unwrap();
    assert!(now < reuse && reuse <= now.plus(Duration::from_secs(60)));

    // Never past `exp`.
    let soon = Timestamp::from_secs(now.as_secs() + 5);
    answer["exp"] = json!(soon.as_secs());
    let verified = verify(&verifier, &authority.opaque(answer.clone())).await.unwrap();
    assert_eq!(verified.reuse_until(), Some(soon));
    // A client's own token has no user.
    let members = answer.as_object_mut().unwrap();
    members.remove("sub");
    members.remove("exp");
    let verified = verify(&verifier, &authority.opaque(answer)).await.unwrap();
    assert_eq!((verified.principal().subject(), verified.principal().expires_at()), ("test-client", None));
}

#[tokio::test]
async fn what_is_not_good_here_is_refused() {
    let authority = authority().await;
    let verifier = builder(&authority).build().unwrap();
    let now = Clock::system().now().as_secs();
    let cases: [(&str, Value, TokenRefusal); 24] = [
        ("active", json!(false), TokenRefusal::Unknown),
        ("token_use", json!("refresh_token"), TokenRefusal::Type),
        ("token_use", json!("id"), TokenRefusal::Type),
        ("typ", json!("Refresh"), TokenRefusal::Type),
        ("token_type", json!("refresh_token"), TokenRefusal::Type),
        ("aud", json!("https://other.example/mcp"), TokenRefusal::Audience),
        ("aud", json!([]), TokenRefusal::Audience),
        ("aud", Value::Null, TokenRefusal::Claim),
        ("aud", json!(7), TokenRefusal::Claim),
        ("iss", json!("https://evil.example"), TokenRefusal::Issuer),
        ("iss", json!(7), TokenRefusal::Claim),
        ("exp", json!(now - 1), TokenRefusal::Expired),
        ("exp", json!("soon"), TokenRefusal::Claim),
        ("exp", json!(-1), TokenRefusal::Claim),
        ("nbf", json!(now + 100), TokenRefusal::NotYetValid),
        ("iat", json!("now"), TokenRefusal::Claim),
        ("iat", json!(now + 100), TokenRefusal::NotYetValid),
        ("scope", json!(["notes:read"]), TokenRefusal::Claim),
        ("scope", json!("a\"b"), TokenRefusal::Claim),
        ("sub", json!(7), TokenRefusal::Claim),
        ("sub", json!(""), TokenRefusal::Claim),
        ("cnf", json!({ "x": "y" }), TokenRefusal::Binding),
        ("cnf", json!({ "jkt": "short" }), TokenRefusal::Binding),
        ("act", json!("agent"), TokenRefusal::Claim),
    ];
    for (name, value, expected) in cases {
        let mut answer = authority.good_answer(RESOURCE, "notes:read");
        answer[name] = value.clone();
        assert_eq!(refused(&verifier, &authority.opaque(answer)).await, expected, "{name} {value}");
    }
    for (name, value) in [("token_use", "access_token"), ("typ", "Bearer"), ("token_type", "DPoP")] {
        let mut answer = authority.good_answer(RESOURCE, "notes:read");
        answer[name] = json!(value);
        assert!(verify(&verifier, &authority.opaque(answer)).await.is_ok(), "{name}");
    }
    let mut answer = authority.good_answer(RESOURCE, "notes:read");
    answer.as_object_mut().unwrap().remove("aud");
    let token = authority.opaque(answer);
    assert_eq!(refused(&verifier, &token).await, TokenRefusal::Audience);
    let lenient = builder(&authority).allow_missing_audience().build().unwrap();
    assert!(verify(&lenient, &token).await.is_ok());
    // Configured audiences stand in for the resource.
    let other = builder(&authority).audience("api").build().unwrap();
    assert!(verify(&other, &authority.opaque_for("api", "")).await.is_ok());
    assert_eq!(refused(&other, &authority.opaque_for(RESOURCE, "")).await, TokenRefusal::Audience);
}

#[tokio::test]
async fn a_refusal_is_remembered_for_a_while_and_a_good_verdict_is_the_guards() {
    let authority = authority().await;
    let clock = Clock::manual(Clock::system().now());
    let verifier = builder(&authority).clock(clock.clone()).build().unwrap();
    for _ in 0..5 {
        assert_eq!(refused(&verifier, "unknown").await, TokenRefusal::Unknown);
    }
    assert_eq!(authority.introspections(), 1);
    clock.advance(Duration::from_secs(11));
    authority.set_opaque("unknown", authority.good_answer(RESOURCE, ""));
    assert!(verify(&verifier, "unknown").await.is_ok());
    assert!(verify(&verifier, "unknown").await.is_ok());
    assert_eq!(authority.introspections(), 3);
}

#[tokio::test]
async fn a_server_that_fails_is_no_refusal_and_is_left_alone() {
    let authority = authority().await;
    let clock = Clock::manual(Clock::system().now());
    let verifier = builder(&authority).clock(clock.clone()).build().unwrap();
    let token = authority.opaque_for(RESOURCE, "");
    for fault in [Fault::Garbage, Fault::Oversized, Fault::WrongContentType, Fault::Redirecting] {
        authority.set_introspection_fault(Some(fault));
        let (reason, wait) = unavailable(&verifier, &token).await;
        assert!(wait >= 1 && !reason.contains(&token), "{fault:?} {reason}");
    }
    assert_eq!(authority.redirects_followed(), 0);
    for _ in 0..6 {
        authority.set_introspection_fault(Some(Fault::Garbage));
        assert_eq!(unavailable(&verifier, &token).await.1, 1, "what may be this token's doing opens nothing");
    }
    authority.set_introspection_failing(true);
    for _ in 0..5 {
        unavailable(&verifier, &token).await;
    }
    let asked = authority.introspections();
    for _ in 0..5 {
        assert_eq!(unavailable(&verifier, &token).await.1, 10, "five failures open the breaker");
    }
    assert_eq!(authority.introspections(), asked);
    authority.set_introspection_failing(false);
    clock.advance(Duration::from_secs(10));
    assert!(verify(&verifier, &token).await.is_ok());
    // Our own client being refused is no word about the token.
    let stranger =
        builder(&authority).client("mcp server", ClientAuthentication::basic("wrong")).build().unwrap();
    assert!(unavailable(&stranger, &token).await.0.contains("our own client"));
}

#[tokio::test]
async fn answers_that_readers_could_take_differently_are_no_answers() {
    let server = Server::start().await;
    let url = format!("{}/introspect", server.origin);
    let clock = Clock::manual(Clock::system().now());
    let builder = IntrospectionVerifier::builder(&server.origin, &url).clock(clock.clone());
    let verifier = builder.client("c", ClientAuthentication::basic("s")).build().unwrap();
    for json in [
        r#"{"active":false,"active":true,"sub":"a"}"#,
        r#"{"active":true,"\u0061ctive":false,"sub":"a"}"#,
        r#"{"active":"true","sub":"a"}"#,
        r#"{"active":1,"sub":"a"}"#,
        r#"{"sub":"a"}"#,
        r#"[{"active":true}]"#,
        "",
        "{\"active\":true",
    ] {
        server.answers("/introspect", "200 OK", json);
        unavailable(&verifier, "t").await;
        clock.advance(Duration::from_secs(10));
    }
    let deep = format!(r#"{{"active":true,"x":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    server.answers("/introspect", "200 OK", &deep);
    unavailable(&verifier, "t").await;
}

#[tokio::test]
async fn one_question_for_one_token_and_nobody_cancels_it() {
    let server = Server::start().await;
    let now = Clock::system().now().as_secs();
    let answer = json!({ "active": true, "sub": "ada", "aud": RESOURCE, "exp": now + 60 }).to_string();
    server.answers("/introspect", "200 OK", &answer);
    let url = format!("{}/introspect", server.origin);
    let builder = IntrospectionVerifier::builder(&server.origin, &url);
    let verifier = builder.client("c", ClientAuthentication::basic("s")).build().unwrap();
    server.hold(true);
    // Whoever asks first leaves.
    let first = tokio::spawn({
        let verifier = verifier.clone();
        async move { verify(&verifier, "t").await }
    });
    server.asked(1).await;
    first.abort();
    let others: Vec<_> = (0..100)
        .map(|_| {
            let verifier = verifier.clone();
            tokio::spawn(async move { verify(&verifier, "t").await })
        })
        .collect();
    tokio::task::yield_now().await;
    server.hold(false);
    for other in others {
        assert_eq!(other.await.unwrap().unwrap().principal().subject(), "ada");
    }
    assert!(server.requests().len() <= 2, "{}", server.requests().len());
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /introspect HTTP/1.1"), "no token in the URL: {request}");
    assert!(request.contains("token=t&token_type_hint=access_token"));
}

#[tokio::test]
async fn a_verdict_for_one_resource_is_none_for_another() {
    let server = Server::start().await;
    let answer = json!({ "active": true, "sub": "ada", "aud": RESOURCE }).to_string();
    server.answers("/introspect", "200 OK", &answer);
    let url = format!("{}/introspect", server.origin);
    let builder = IntrospectionVerifier::builder(&server.origin, &url);
    let verifier = builder.client("c", ClientAuthentication::basic("s")).build().unwrap();
    let at = |resource: &'static str| {
        let (verifier, now) = (verifier.clone(), Clock::system().now());
        tokio::spawn(async move {
            let context = VerifyContext { resource, now, address: None };
            verifier.verify(&Credential::bearer("t"), context).await.map(drop)
        })
    };
    server.hold(true);
    let (here, there) = (at(RESOURCE), at("https://other.example/mcp"));
    server.asked(2).await;
    server.hold(false);
    assert_eq!(here.await.unwrap(), Ok(()));
    assert_eq!(there.await.unwrap(), Err(TokenRefusal::Audience.into()));
    assert_eq!(at(RESOURCE).await.unwrap(), Ok(()), "nor is a refusal");
}

#[tokio::test]
async fn a_private_key_signs_a_short_assertion() {
    let server = Server::start().await;
    server.answers_raw("/introspect", &response("200 OK", r#"{"active":false}"#));
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD
            .encode(der.as_ref())
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    );
    let key = ClientAuthentication::private_key_pem(&pem.into()).unwrap().key_id("k1");
    assert!(!format!("{key:?}").contains("PRIVATE"));
    let url = format!("{}/introspect", server.origin);
    let verifier = IntrospectionVerifier::builder(&server.origin, &url).client("c1", key).build().unwrap();
    assert_eq!(refused(&verifier, "t").await, TokenRefusal::Unknown);
    let request = server.requests().remove(0);
    let body = request.split("\r\n\r\n").nth(1).unwrap();
    let form: std::collections::HashMap<String, String> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let (signed, signature) = form["client_assertion"].rsplit_once('.').unwrap();
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
        pair.public_key().as_ref(),
    );
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let part = |index| -> Value {
        let part = signed.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!((part(0)["alg"].clone(), part(0)["kid"].clone()), (json!("ES256"), json!("k1")));
    let claims = part(1);
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&json!("c1"), &json!("c1"), &json!(server.origin))
    );
    assert!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap() <= 60);
    assert!(claims["jti"].as_str().unwrap().len() >= 16);
    assert!(ClientAuthentication::private_key_pem(&"no key".to_owned().into()).is_err());
}

#[test]
fn every_problem_of_a_configuration_at_once() {
    let builder = IntrospectionVerifier::builder("http://issuer.example", "ftp://issuer.example/introspect");
    let errors = builder.cache_for(Duration::from_secs(3600)).build().unwrap_err();
    assert_eq!(errors.as_slice().len(), 4, "{errors}");
}
