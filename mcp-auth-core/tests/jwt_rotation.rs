//! Keys are fetched, renewed and kept as the issuer changes, fails or floods.
#![cfg(all(feature = "fetch", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/fetched.rs"]
mod fetched;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use fetched::{COOL_DOWN, RESOURCE, running, until, verify};
use mcp_auth_core::testing::{Authority, TestKey, TokenBuilder};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::jwt::{Algorithm, JwtVerifier};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, Verified, VerifyError};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn clock() -> Clock {
    Clock::manual(Timestamp::from_secs(1_000_000))
}

fn unavailable(verdict: Result<Verified, VerifyError>) -> String {
    match verdict {
        Err(VerifyError::Unavailable { reason, retry_after }) => {
            assert!(!retry_after.is_zero());
            reason
        }
        other => panic!("expected no verdict, got {other:?}"),
    }
}

/// Answers each connection with what `answer` makes of the path, after `delay`; counts connections.
async fn serve(
    delay: Duration,
    answer: impl Fn(&str, &str) -> String + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (answer, count) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    let (of, counted) = (base.clone(), Arc::clone(&count));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, of, counted) = (Arc::clone(&answer), of.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(delay).await;
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let text = answer(&of, request.split(' ').nth(1).unwrap_or_default());
                drop(stream.write_all(text.as_bytes()).await);
                drop(stream.shutdown().await);
            });
        }
    });
    (base, count)
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The verdict of a verifier whose job runs against an issuer that serves no usable keys.
async fn verdict_for(issuer: &str, jwks_uri: Option<String>, key: &TestKey) -> String {
    let builder = JwtVerifier::builder(issuer);
    let verifier = match jwks_uri {
        Some(uri) => builder.jwks_uri(uri),
        None => builder,
    };
    let verifier = verifier.build().unwrap();
    tokio::spawn(verifier.background().unwrap());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!verifier.is_ready());
    unavailable(verify(&verifier, &TokenBuilder::new(key.clone(), issuer, RESOURCE).sign()).await)
}

fn es256() -> TestKey {
    TestKey::generate(Algorithm::Es256, "k").unwrap()
}

fn keys_of(key: &TestKey) -> String {
    json!({ "keys": [key.jwk()] }).to_string()
}

#[tokio::test]
async fn keys_are_discovered_and_rotate_without_a_failed_request() {
    let (authority, clock) = (Authority::start().await.unwrap(), clock());
    let verifier = running(JwtVerifier::builder(authority.issuer()).clock(clock.clone())).await;
    for algorithm in Algorithm::ALL {
        verify(&verifier, &authority.token_with(algorithm, RESOURCE).sign()).await.unwrap();
    }
    let old = authority.token(RESOURCE).sign();
    for round in 2..4 {
        clock.advance(COOL_DOWN);
        authority.rotate().unwrap();
        let fresh = authority.token(RESOURCE).sign();
        let (one, two) = tokio::join!(verify(&verifier, &fresh), verify(&verifier, &fresh));
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
        assert_eq!(authority.fetches(), round);
        assert_eq!(verify(&verifier, &old).await.map(drop), Err(TokenRefusal::UnknownKey.into()));
    }
}

#[tokio::test]
async fn whoever_comes_while_keys_are_fetched_waits_for_them() {
    let (first, second) = (es256(), TestKey::generate(Algorithm::Es256, "second").unwrap());
    let (served, clock) = (Arc::new(AtomicUsize::new(0)), clock());
    let sets = [keys_of(&first), keys_of(&second)];
    let (base, _) = serve(Duration::from_millis(400), move |_, _| {
        ok(sets.get(served.fetch_add(1, Ordering::SeqCst)).map_or("{}", String::as_str))
    })
    .await;
    let builder = JwtVerifier::builder(&base).jwks_uri(format!("{base}/jwks")).clock(clock.clone());
    let verifier = running(builder).await;
    clock.advance(COOL_DOWN);

    let token = TokenBuilder::new(second, &base, RESOURCE).sign();
    let early = tokio::spawn({
        let (verifier, token) = (Arc::clone(&verifier), token.clone());
        async move { verify(&verifier, &token).await }
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let late = verify(&verifier, &token).await;
    assert!(late.is_ok(), "the fetch that was under way brought the key: {late:?}");
    assert!(early.await.unwrap().is_ok());
}

#[tokio::test]
async fn unknown_key_ids_cause_one_fetch_per_cool_down() {
    let (authority, clock) = (Authority::start().await.unwrap(), clock());
    let verifier = running(JwtVerifier::builder(authority.issuer()).clock(clock.clone())).await;
    assert_eq!(authority.fetches(), 1);
    // The first one was nobody's request, so that keys which rotate right after the start are found.
    for fetches in [2, 3, 4] {
        let flood = (0..200).map(|number| {
            let token = authority.token(RESOURCE).header("kid", json!(format!("unknown-{number}"))).sign();
            let verifier = Arc::clone(&verifier);
            tokio::spawn(async move { verify(&verifier, &token).await })
        });
        for verdict in flood.collect::<Vec<_>>() {
            assert_eq!(verdict.await.unwrap().map(drop), Err(TokenRefusal::UnknownKey.into()));
        }
        assert_eq!(authority.fetches(), fetches);
        clock.advance(COOL_DOWN);
    }
    verify(&verifier, &authority.token(RESOURCE).sign()).await.unwrap();
}

#[tokio::test]
async fn a_failing_issuer_keeps_its_keys_for_a_day() {
    let (authority, clock) = (Authority::start().await.unwrap(), clock());
    let verifier = running(JwtVerifier::builder(authority.issuer()).clock(clock.clone())).await;
    authority.set_failing(true);
    clock.advance(COOL_DOWN);
    let unknown = authority.token(RESOURCE).header("kid", json!("unknown")).sign();
    assert_eq!(verify(&verifier, &unknown).await.map(drop), Err(TokenRefusal::UnknownKey.into()));
    assert!(authority.fetches() > 1, "it was tried");
    let good = authority.token(RESOURCE).sign();
    verify(&verifier, &good).await.unwrap();

    clock.advance(Duration::from_secs(24 * 3600));
    assert!(unavailable(verify(&verifier, &good).await).contains("could not be fetched"));
    assert!(!verifier.is_ready());
    authority.set_failing(false);
    clock.advance(COOL_DOWN);
    verify(&verifier, &good).await.unwrap();
}

#[tokio::test]
async fn without_keys_there_is_no_verdict() {
    let (authority, clock) = (Authority::start().await.unwrap(), clock());
    let token = authority.token(RESOURCE).sign();
    let verifier = JwtVerifier::builder(authority.issuer()).clock(clock.clone()).build().unwrap();
    assert!(unavailable(verify(&verifier, &token).await).contains("Background"));
    assert_eq!(authority.fetches(), 0, "requests never fetch");

    authority.set_failing(true);
    let job = tokio::spawn(verifier.background().unwrap());
    until("an attempt", || authority.fetches() > 0).await;
    assert!(unavailable(verify(&verifier, &token).await).contains("could not be fetched"));
    authority.set_failing(false);
    clock.advance(COOL_DOWN);
    verify(&verifier, &token).await.unwrap();

    // Keys stay good without the job; what needs it is named again.
    job.abort();
    assert!(job.await.unwrap_err().is_cancelled());
    verify(&verifier, &token).await.unwrap();
    clock.advance(Duration::from_secs(25 * 3600));
    let begun = std::time::Instant::now();
    assert!(unavailable(verify(&verifier, &token).await).contains("Background"));
    assert!(begun.elapsed() < Duration::from_secs(2), "nobody waits for a job that ended");
}

#[tokio::test]
async fn a_requester_that_leaves_neither_cancels_nor_poisons_the_fetch() {
    let (key, clock) = (es256(), clock());
    let jwks = keys_of(&key);
    let (base, count) = serve(Duration::from_millis(300), move |_, _| ok(&jwks)).await;
    let verifier = JwtVerifier::builder(&base).jwks_uri(format!("{base}/jwks")).clock(clock).build().unwrap();
    let token = TokenBuilder::new(key, &base, RESOURCE).sign();
    tokio::spawn(verifier.background().unwrap());
    until("the fetch begins", || count.load(Ordering::SeqCst) == 1).await;

    let mut leaving = Box::pin(verify(&verifier, &token));
    let first = poll_fn(|cx| Poll::Ready(leaving.as_mut().poll(cx).is_pending())).await;
    assert!(first, "it waits for the keys");
    drop(leaving);
    verify(&verifier, &token).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let (key, jwks_asked) = (es256(), Arc::new(AtomicUsize::new(0)));
    for suffix in ["/", "/other"] {
        let asked = Arc::clone(&jwks_asked);
        let jwks = keys_of(&key);
        let (base, _) = serve(Duration::ZERO, move |base, path| {
            if path.ends_with("/jwks") {
                asked.fetch_add(1, Ordering::SeqCst);
                return ok(&jwks);
            }
            ok(&json!({ "issuer": format!("{base}{suffix}"), "jwks_uri": format!("{base}/jwks") })
                .to_string())
        })
        .await;
        assert!(verdict_for(&base, None, &key).await.contains("could not be fetched"));
    }
    assert_eq!(jwks_asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_by_either_form() {
    let key = es256();
    for well_known in
        ["/.well-known/oauth-authorization-server/tenant", "/tenant/.well-known/openid-configuration"]
    {
        let jwks = keys_of(&key);
        let (base, _) = serve(Duration::ZERO, move |base, path| match path {
            "/jwks" => ok(&jwks),
            path if path == well_known => {
                ok(&json!({ "issuer": format!("{base}/tenant"), "jwks_uri": format!("{base}/jwks") })
                    .to_string())
            }
            _ => NOT_FOUND.to_owned(),
        })
        .await;
        let issuer = format!("{base}/tenant");
        let verifier = running(JwtVerifier::builder(&issuer)).await;
        verify(&verifier, &TokenBuilder::new(key.clone(), &issuer, RESOURCE).sign()).await.unwrap();
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (key, followed) = (es256(), Arc::new(AtomicUsize::new(0)));
    let (jwks, asked) = (keys_of(&key), Arc::clone(&followed));
    let (base, _) = serve(Duration::ZERO, move |base, path| {
        if path == "/elsewhere" {
            asked.fetch_add(1, Ordering::SeqCst);
            return ok(&jwks);
        }
        format!("HTTP/1.1 302 Found\r\nlocation: {base}/elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    })
    .await;
    assert!(verdict_for(&base, Some(format!("{base}/jwks")), &key).await.contains("could not be fetched"));
    assert!(verdict_for(&base, None, &key).await.contains("could not be fetched"));
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn documents_that_are_too_large_or_no_json_are_refused() {
    let key = es256();
    let set = keys_of(&key);
    let large = set.replacen('{', &format!("{{{}", " ".repeat(256 * 1024)), 1);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    let html = ok(&set).replace("application/json", "text/html");
    let many: Vec<_> =
        (0..65).map(|n| TestKey::generate(Algorithm::Es256, n.to_string()).unwrap().jwk()).collect();
    let many = ok(&json!({ "keys": many }).to_string());
    for answer in
        [ok(&large), chunked, html, many, ok("{}"), ok("[]"), ok(r#"{"keys":[]}"#), NOT_FOUND.to_owned()]
    {
        let (base, count) = serve(Duration::ZERO, move |_, _| answer.clone()).await;
        let reason = verdict_for(&base, Some(format!("{base}/jwks")), &key).await;
        assert!(reason.contains("could not be fetched"), "{reason}");
        assert!(count.load(Ordering::SeqCst) > 0);
    }
}
