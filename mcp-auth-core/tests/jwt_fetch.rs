//! Fetched keys: rotation under load, every way to fail, and verdicts that end with their keys.
#![cfg(all(feature = "fetch", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/fetched.rs"]
mod fetched;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fetched::{COOL_DOWN, RESOURCE, running, until, verify};
use mcp_auth_core::testing::{Authority, Discovery, Fault};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::jwt::{Algorithm, JwtVerifier};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, VerifyError};
use serde_json::json;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn now_by_system() -> Clock {
    Clock::manual(Clock::system().now())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_rotate_under_load_without_a_failed_request() {
    let (authority, clock) = (Authority::start().await.unwrap(), now_by_system());
    let verifier = running(JwtVerifier::builder(authority.issuer()).clock(clock.clone())).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<Arc<AtomicUsize>> = (0..8).map(|_| Arc::default()).collect();
    let requests: Vec<_> = clients
        .iter()
        .enumerate()
        .map(|(number, signed)| {
            let (authority, verifier) = (authority.clone(), Arc::clone(&verifier));
            let (stop, signed) = (Arc::clone(&stop), Arc::clone(signed));
            tokio::spawn(async move {
                let algorithm = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Es384][number % 3];
                // Each client keeps its token for a while, as clients do.
                while !stop.load(Ordering::SeqCst) {
                    let token = authority.token_with(algorithm, RESOURCE).sign();
                    signed.fetch_add(1, Ordering::SeqCst);
                    for _ in 0..20 {
                        verify(&verifier, &token).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for round in 0..4 {
        clock.advance(COOL_DOWN);
        authority.rotate_with_overlap().unwrap();
        // The keys before the last ones are withdrawn with each rotation; the first finds none before.
        until("the fresh keys", || authority.fetches() > round + 1 && verifier.epoch() == round as u64).await;
        // Until every client has a token by the fresh keys.
        let before: Vec<usize> = clients.iter().map(|signed| signed.load(Ordering::SeqCst)).collect();
        let have_two =
            || clients.iter().zip(&before).all(|(signed, before)| signed.load(Ordering::SeqCst) > before + 1);
        until("fresh tokens", || have_two() || requests.iter().any(tokio::task::JoinHandle::is_finished))
            .await;
    }
    stop.store(true, Ordering::SeqCst);
    for request in requests {
        request.await.unwrap();
    }
    assert_eq!(authority.fetches(), 5, "one fetch at the start, and one for each rotation");
}

#[tokio::test]
async fn no_fault_takes_the_keys_away_before_they_are_too_old() {
    let faults = [
        Fault::Failing,
        Fault::Garbage,
        Fault::Oversized,
        Fault::WrongContentType,
        Fault::Redirecting,
        Fault::Slow(Duration::from_secs(60)),
    ];
    for fault in faults {
        let (authority, clock) = (Authority::start().await.unwrap(), now_by_system());
        let verifier = running(JwtVerifier::builder(authority.issuer()).clock(clock.clone())).await;
        authority.set_fault(Some(fault));
        clock.advance(COOL_DOWN);
        let unknown = authority.token(RESOURCE).header("kid", json!("unknown")).sign();
        if matches!(fault, Fault::Slow(_)) {
            // Nobody waits for it longer than five seconds; whoever has a known key does not wait at all.
            let (asking, of) = (Arc::clone(&verifier), unknown.clone());
            let asking = tokio::spawn(async move { verify(&asking, &of).await });
            until("the attempt", || authority.fetches() > 1).await;
            let begun = Instant::now();
            verify(&verifier, &authority.token(RESOURCE).sign()).await.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(1));
            let verdict = asking.await.unwrap();
            assert!(matches!(verdict, Err(VerifyError::Unavailable { .. })), "nobody knows: {verdict:?}");
        } else {
            assert_eq!(verify(&verifier, &unknown).await.map(drop), Err(TokenRefusal::UnknownKey.into()));
        }
        assert!(authority.fetches() > 1, "{fault:?}: it was tried");
        assert_eq!(authority.redirects_followed(), 0, "{fault:?}");
        verify(&verifier, &authority.token(RESOURCE).sign()).await.unwrap();
        assert!(verifier.is_ready(), "{fault:?}");
        assert_eq!(verifier.epoch(), 0, "{fault:?}: nothing was withdrawn");
        clock.advance(DAY);
        assert!(!verifier.is_ready(), "{fault:?}: the keys are too old");
    }
}

#[tokio::test]
async fn a_verdict_ends_with_the_token_or_with_the_keys() {
    let (authority, clock) = (Authority::start().await.unwrap(), now_by_system());
    let verifier = running(JwtVerifier::builder(authority.issuer()).clock(clock.clone())).await;
    let fetched_at = clock.now();
    let exp = |secs| Timestamp::from_secs(fetched_at.as_secs() + secs);
    for (expires, until) in
        [(exp(300), exp(300)), (exp(90_000), fetched_at.plus(DAY)), (exp(900_000), fetched_at.plus(DAY))]
    {
        let token = authority.token(RESOURCE).claim("exp", json!(expires.as_secs())).sign();
        let verdict = verify(&verifier, &token).await.unwrap();
        assert_eq!(verdict.reuse_until(), Some(until));
    }
    // Keys that are fetched again last longer.
    clock.advance(COOL_DOWN);
    authority.rotate_with_overlap().unwrap();
    let token = authority.token(RESOURCE).claim("exp", json!(exp(900_000).as_secs())).sign();
    let verdict = verify(&verifier, &token).await.unwrap();
    assert_eq!(verdict.reuse_until(), Some(clock.now().plus(DAY)));
}

#[tokio::test]
async fn fetched_keys_that_are_withdrawn_end_what_was_said_by_them() {
    let (authority, clock) = (Authority::start().await.unwrap(), now_by_system());
    let verifier = running(JwtVerifier::builder(authority.issuer()).clock(clock.clone())).await;
    let old = authority.token(RESOURCE).sign();
    clock.advance(COOL_DOWN);
    authority.rotate_with_overlap().unwrap();
    verify(&verifier, &authority.token(RESOURCE).sign()).await.unwrap();
    verify(&verifier, &old).await.unwrap();
    assert_eq!(verifier.epoch(), 0, "keys were added");
    clock.advance(COOL_DOWN);
    authority.withdraw();
    let unknown = authority.token(RESOURCE).header("kid", json!("unknown")).sign();
    assert!(verify(&verifier, &unknown).await.is_err());
    assert_eq!(verifier.epoch(), 1, "keys were withdrawn");
    assert_eq!(verify(&verifier, &old).await.map(drop), Err(TokenRefusal::UnknownKey.into()));
}

#[tokio::test]
async fn an_issuer_is_found_under_either_form_with_or_without_a_path() {
    for path in ["", "/", "/tenant", "/tenant/", "/a/b"] {
        for discovery in [Discovery::Both, Discovery::OAuth, Discovery::OpenId] {
            let authority = Authority::builder().path(path).discovery(discovery).start().await.unwrap();
            let verifier = running(JwtVerifier::builder(authority.issuer())).await;
            verify(&verifier, &authority.token(RESOURCE).sign()).await.unwrap();
            assert_eq!(verifier.authorization_servers(), [authority.issuer()]);
        }
    }
}

#[tokio::test]
async fn metadata_that_names_another_issuer_or_no_usable_keys_are_no_metadata() {
    for (name, value) in [
        ("issuer", json!("https://evil.example")),
        ("issuer", json!(null)),
        ("jwks_uri", json!("ftp://127.0.0.1/jwks")),
        ("jwks_uri", json!("http://192.0.2.1/jwks")),
        ("jwks_uri", json!(null)),
        ("jwks_uri", json!(["https://keys.example"])),
    ] {
        let authority = Authority::start().await.unwrap();
        authority.set_metadata(name, value.clone());
        let verifier = JwtVerifier::builder(authority.issuer()).build().unwrap();
        tokio::spawn(verifier.background().unwrap());
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!verifier.is_ready(), "{name} {value}");
        assert_eq!(authority.fetches(), 0, "{name} {value}: no keys were asked for");
    }
}

#[tokio::test]
async fn an_issuer_that_fails_does_not_stop_another() {
    let (good, bad) = (Authority::start().await.unwrap(), Authority::start().await.unwrap());
    bad.set_failing(true);
    let clock = now_by_system();
    let both = JwtVerifier::builder(bad.issuer())
        .clock(clock.clone())
        .and(JwtVerifier::builder(good.issuer()).clock(clock.clone()));
    let verifier = running(both).await;
    verify(&verifier, &good.token(RESOURCE).sign()).await.unwrap();
    let verdict = verify(&verifier, &bad.token(RESOURCE).sign()).await;
    assert!(matches!(verdict, Err(VerifyError::Unavailable { .. })), "{verdict:?}");
    assert_eq!((good.fetches(), bad.redirects_followed()), (1, 0));
    bad.set_failing(false);
    clock.advance(COOL_DOWN);
    verify(&verifier, &bad.token(RESOURCE).sign()).await.unwrap();
    assert_eq!(good.fetches(), 1, "each issuer is asked for its own keys");
}
