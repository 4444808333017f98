//! Opaque tokens, asked about at a loopback authorization server (RFC 7662), beside tokens that say all themselves.

use std::time::{Duration, Instant};

use mcp_auth_core::testing::Fault;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::introspection::{ClientAuthentication, IntrospectionVerifier};
use serde_json::{Value, json};

use crate::{Answer, Fixture, Serve};

async fn start<S: Serve>() -> (Fixture, Clock) {
    let clock = Clock::manual(Clock::system().now());
    let verifiers = clock.clone();
    let fixture = Fixture::verified::<S, _>(&clock, |authority, jwt| {
        authority.introspection_client("notes", "s3cr3t");
        let opaque = IntrospectionVerifier::builder(authority.issuer(), authority.introspection_endpoint())
            .client("notes", ClientAuthentication::basic("s3cr3t"))
            .clock(verifiers)
            .build()
            .unwrap();
        VerifierRouter::new().jwt(jwt).opaque(opaque)
    })
    .await;
    (fixture, clock)
}

fn reader(fixture: &Fixture) -> String {
    fixture.authority.opaque_for(&fixture.url(), "notes:read")
}

async fn call(fixture: &Fixture, token: &str) -> Answer {
    fixture.call("list_notes", json!({})).token(token).send().await
}

#[track_caller]
fn cannot_tell(answer: &Answer) -> u64 {
    answer.is(503, -32000).does_not_challenge();
    answer.header("retry-after").parse().unwrap()
}

/// Asked about once, and shown to nobody else; a JWT is not asked about.
pub async fn active_tokens_are_taken<S: Serve>() {
    let (fixture, clock) = start::<S>().await;
    let token = reader(&fixture);
    for _ in 0..3 {
        let who = fixture.call("whoami", json!({})).token(&token).send().await;
        assert_eq!(who.is(200, None).tool_text(), "ada via test-client");
    }
    assert_eq!((fixture.verdicts.take(), fixture.authority.introspections()), (vec!["good"], 1));
    call(&fixture, &fixture.reader()).await.is(200, None);
    call(&fixture, &fixture.ada("notes:read").claim("exp", json!(1)).sign()).await.is(401, -32000);
    assert_eq!(fixture.authority.introspections(), 1, "a JWT was asked about");
    // What the server revokes is refused as soon as the verdict is a minute old.
    fixture.authority.revoke_opaque(&token);
    call(&fixture, &token).await.is(200, None);
    clock.advance(Duration::from_secs(60));
    call(&fixture, &token).await.is(401, -32000).challenges("invalid_token", "notes:read");
}

/// The same answer to each, byte for byte.
pub async fn bad_answers_refuse_alike<S: Serve>() {
    let (fixture, clock) = start::<S>().await;
    let now = clock.now().as_secs();
    let wrong = [
        ("active", json!(false), "token_unknown"),
        ("aud", json!("https://other.example/mcp"), "token_audience"),
        ("aud", json!(format!("{}/", fixture.url())), "token_audience"),
        ("aud", json!([]), "token_audience"),
        ("aud", Value::Null, "token_claim"),
        ("iss", json!("https://other.example"), "token_issuer"),
        ("exp", json!(now - 1), "token_expired"),
        ("exp", json!("soon"), "token_claim"),
        ("nbf", json!(now + 60), "token_not_yet_valid"),
        ("iat", json!(now + 60), "token_not_yet_valid"),
        ("scope", json!(["notes:read"]), "token_claim"),
        ("sub", json!(7), "token_claim"),
        ("cnf", json!({ "unknown": "x" }), "token_binding"),
    ];
    let good = fixture.authority.good_answer(&fixture.url(), "notes:read");
    let mut tokens: Vec<(String, String, &str)> = vec![
        ("never issued".to_owned(), "opaque-nobody".to_owned(), "token_unknown"),
        ("no aud".to_owned(), without(&fixture, &good, "aud"), "token_audience"),
    ];
    for (name, value, kind) in wrong {
        let mut answer = good.clone();
        answer[name] = value.clone();
        tokens.push((format!("{name} {value}"), fixture.authority.opaque(answer), kind));
    }
    let mut bodies = std::collections::BTreeSet::new();
    for (label, token, kind) in tokens {
        let answer = call(&fixture, &token).await;
        assert_eq!(fixture.verdicts.take(), [kind], "{label}");
        answer.is(401, -32000).challenges("invalid_token", "notes:read");
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 1, "answers tell what is wrong with a token: {bodies:?}");
    fixture.nothing_ran();
    // What may be left out.
    for name in ["iss", "exp", "iat", "client_id", "token_type"] {
        call(&fixture, &without(&fixture, &good, name)).await.is(200, None);
    }
}

fn without(fixture: &Fixture, answer: &Value, name: &str) -> String {
    let mut answer = answer.clone();
    answer.as_object_mut().unwrap().remove(name);
    fixture.authority.opaque(answer)
}

/// Good, and too little: 403 with what is missing.
pub async fn too_little_is_no_bad_token<S: Serve>() {
    let (fixture, _) = start::<S>().await;
    let good = fixture.authority.good_answer(&fixture.url(), "notes:read");
    let none = without(&fixture, &good, "scope");
    call(&fixture, &none).await.is(403, -32000).challenges("insufficient_scope", "notes:read");
    let delete = fixture.call("delete_note", json!({ "id": "1" })).token(&reader(&fixture));
    delete.send().await.is(403, -32000).challenges("insufficient_scope", "notes:delete");
    fixture.nothing_ran();
}

/// 503, and when to come again; nothing is followed, and nothing is remembered.
pub async fn a_server_that_fails_is_no_refusal<S: Serve>() {
    let (fixture, _) = start::<S>().await;
    let token = reader(&fixture);
    for fault in
        [Fault::Failing, Fault::Garbage, Fault::Oversized, Fault::WrongContentType, Fault::Redirecting]
    {
        fixture.authority.set_introspection_fault(Some(fault));
        let answer = call(&fixture, &token).await;
        assert!((1..=5).contains(&cannot_tell(&answer)), "{fault:?}");
        assert_eq!(fixture.verdicts.take(), ["unavailable"], "{fault:?}");
    }
    assert_eq!(fixture.authority.redirects_followed(), 0);
    fixture.nothing_ran();
    fixture.authority.set_introspection_fault(None);
    call(&fixture, &token).await.is(200, None);
}

/// Nobody waits longer than five seconds.
pub async fn a_slow_server_is_not_waited_for<S: Serve>() {
    let (fixture, _) = start::<S>().await;
    let token = reader(&fixture);
    fixture.authority.set_introspection_fault(Some(Fault::Slow(Duration::from_secs(15))));
    let start = Instant::now();
    cannot_tell(&call(&fixture, &token).await);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    fixture.nothing_ran();
}

/// After five failures nobody is asked for ten seconds; tokens of another kind pass.
pub async fn a_server_that_fails_is_left_alone<S: Serve>() {
    let (fixture, clock) = start::<S>().await;
    let (token, known) = (reader(&fixture), reader(&fixture));
    call(&fixture, &known).await.is(200, None);
    fixture.authority.set_introspection_failing(true);
    for _ in 0..5 {
        cannot_tell(&call(&fixture, &token).await);
    }
    let asked = fixture.authority.introspections();
    fixture.authority.set_introspection_failing(false);
    for _ in 0..3 {
        assert_eq!(cannot_tell(&call(&fixture, &token).await), 10);
    }
    assert_eq!(fixture.authority.introspections(), asked, "asked while it is left alone");
    call(&fixture, &known).await.is(200, None);
    call(&fixture, &fixture.reader()).await.is(200, None);
    clock.advance(Duration::from_secs(10));
    call(&fixture, &token).await.is(200, None);
    assert_eq!(fixture.authority.introspections(), asked + 1);
}

/// For ten seconds: whoever repeats a bad token costs the server nothing.
pub async fn a_refusal_is_remembered<S: Serve>() {
    let (fixture, clock) = start::<S>().await;
    for _ in 0..5 {
        call(&fixture, "opaque-later").await.is(401, -32000).challenges("invalid_token", "notes:read");
    }
    assert_eq!(fixture.authority.introspections(), 1);
    fixture.authority.set_opaque("opaque-later", fixture.authority.good_answer(&fixture.url(), "notes:read"));
    call(&fixture, "opaque-later").await.is(401, -32000);
    clock.advance(Duration::from_secs(10));
    call(&fixture, "opaque-later").await.is(200, None);
    assert_eq!(fixture.authority.introspections(), 2);
}

/// Whoever comes with the same token meanwhile waits for the same answer.
pub async fn one_question_for_many_requests<S: Serve>() {
    let (fixture, _) = start::<S>().await;
    let good = reader(&fixture);
    for (token, status) in [(good.as_str(), 200), ("opaque-nobody", 401)] {
        let asked = fixture.authority.introspections();
        fixture.authority.set_introspection_fault(Some(Fault::Slow(Duration::from_millis(500))));
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..50 {
            requests.spawn(fixture.call("list_notes", json!({})).token(token).send());
        }
        let answers = requests.join_all().await;
        assert!(answers.iter().all(|answer| answer.status == status), "{answers:?}");
        assert_eq!(fixture.authority.introspections(), asked + 1);
    }
    assert_eq!(fixture.ran.take().len(), 50);
}
