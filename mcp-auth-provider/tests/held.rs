//! How much of the store a user takes who allows again and again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Browser, Fixture, REDIRECT, location, query};
use mcp_auth_core::store::{MemoryStore, Store};
use mcp_auth_core::testing::{ObservedStore, StoreCall};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_provider::{Client, ProviderBuilder};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::sync::Barrier;
use url::Url;

const OF_CLIENT: usize = 16;
const IN_A_ROW: usize = 100;
const SESSIONS: usize = 32;

/// Ada's browser, signed in.
async fn ada(fixture: &Fixture) -> Browser {
    let browser = Browser::new();
    browser.sign_in(&fixture.request(&[]), "ada").await;
    browser
}

async fn decide(fixture: &Fixture, browser: &Browser, client: &str, decision: &str) -> Response {
    let request = fixture.request(&[("client_id", client)]);
    let page = browser.get(request.as_str()).await.text().await.unwrap();
    browser.decide(&request, &page, decision).await
}

/// Where the client is sent when ada allows.
async fn allow(fixture: &Fixture, browser: &Browser, client: &str) -> Url {
    let answer = decide(fixture, browser, client, "allow").await;
    assert_eq!(answer.status(), 303);
    Url::parse(&location(&answer)).unwrap()
}

async fn connect(fixture: &Fixture, browser: &Browser) -> Value {
    let code = query(&allow(fixture, browser, "public").await, "code").unwrap();
    let (status, tokens) = fixture.redeem(&code).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

async fn refresh(fixture: &Fixture, tokens: &Value) -> StatusCode {
    fixture.refresh(tokens["refresh_token"].as_str().unwrap()).await.0
}

/// Every client may be asked for three grants of one user in all.
fn for_three(builder: ProviderBuilder) -> ProviderBuilder {
    let builder = builder.grants_per_user(NonZeroU32::new(3).unwrap());
    ["one", "two", "three", "four"]
        .into_iter()
        .fold(builder, |builder, id| builder.client(Client::public(id, [REDIRECT])))
}

async fn kept(store: &dyn Store) -> usize {
    store.scan("grants", "", None, 1000).await.unwrap().len()
}

#[tokio::test]
async fn the_oldest_grant_of_a_client_ends_for_one_too_many() {
    let fixture = Fixture::start().await;
    let browser = ada(&fixture).await;
    let mut all = Vec::new();
    for _ in 0..OF_CLIENT {
        all.push(connect(&fixture, &browser).await);
        fixture.advance(1);
    }
    for tokens in &all {
        fixture.verify(tokens).await.unwrap();
    }
    let other = Browser::new();
    other.sign_in(&fixture.request(&[]), "grace").await;
    connect(&fixture, &other).await;
    fixture.verify(&all[0]).await.expect("another user takes no room");

    let newest = connect(&fixture, &browser).await;
    fixture.verify(&newest).await.unwrap();
    assert_eq!(fixture.verify(&all[0]).await.unwrap_err(), "revoked");
    assert_eq!(refresh(&fixture, &all[0]).await, 400);
    fixture.verify(&all[1]).await.expect("only the oldest makes room");
    assert_eq!(fixture.provider.connections("ada").await.unwrap().len(), OF_CLIENT);

    // One that was ended makes room as well.
    let of_second = fixture.provider.connections("ada").await.unwrap().pop().unwrap();
    assert!(fixture.provider.disconnect("ada", &of_second.id).await.unwrap());
    fixture.advance(61);
    connect(&fixture, &browser).await;
    fixture.verify(&all[2]).await.expect("there was room");
}

#[tokio::test]
async fn who_has_no_room_is_told_and_the_client_too() {
    let fixture = Fixture::with(for_three).await;
    let browser = ada(&fixture).await;
    for client in ["one", "two", "three"] {
        assert!(query(&allow(&fixture, &browser, client).await, "code").is_some());
    }
    let refused = allow(&fixture, &browser, "four").await;
    assert_eq!(query(&refused, "error").as_deref(), Some("access_denied"));
    assert!(query(&refused, "error_description").unwrap().contains("disconnected"));
    assert_eq!(query(&refused, "state").as_deref(), Some("s t&a"));
    assert!(query(&refused, "code").is_none());
    assert_eq!(kept(&*fixture.store).await, 3);

    // A client that has a grant replaces its own.
    assert!(query(&allow(&fixture, &browser, "two").await, "code").is_some());
    assert_eq!(kept(&*fixture.store).await, 3);
    assert_eq!(query(&allow(&fixture, &browser, "four").await, "error").as_deref(), Some("access_denied"));

    // Nobody redeemed the codes: a minute later there is room.
    fixture.advance(61);
    assert!(query(&allow(&fixture, &browser, "four").await, "code").is_some());
}

#[tokio::test]
async fn a_grant_that_is_used_counts_as_long_as_it_lasts() {
    let fixture = Fixture::with(for_three).await;
    let browser = ada(&fixture).await;
    let mut tokens = connect(&fixture, &browser).await;
    // Far beyond what any note was written for, unless it is looked after.
    for _ in 0..10 {
        fixture.advance(20 * 24 * 3600);
        let (status, next) = fixture.refresh(tokens["refresh_token"].as_str().unwrap()).await;
        assert_eq!(status, 200, "{next}");
        tokens = next;
    }
    let browser = ada(&fixture).await;
    for client in ["one", "two"] {
        assert!(query(&allow(&fixture, &browser, client).await, "code").is_some());
    }
    assert_eq!(query(&allow(&fixture, &browser, "three").await, "error").as_deref(), Some("access_denied"));
    assert_eq!(refresh(&fixture, &tokens).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_one_takes_the_last_room() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_500));
    let (both, is_on) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
    let is_noted_together = Arc::clone(&is_on);
    // Who is about to note a grant waits for the other one: both have read the same.
    let store: Arc<dyn Store> = Arc::new(ObservedStore::new(MemoryStore::new(clock, 10_000), move |call| {
        let is_note = matches!(call, StoreCall::Commit([write]) if write.key.collection == "held_grants");
        let meets = (is_note && is_noted_together.load(Ordering::SeqCst)).then(|| Arc::clone(&both));
        async move {
            if let Some(both) = meets {
                // Nobody else comes if the other one is done.
                tokio::time::timeout(Duration::from_secs(2), both.wait()).await.ok();
            }
            Ok(())
        }
    }));
    let process = || Fixture::with(|builder| for_three(builder).store(Arc::clone(&store)));
    let (here, there) = (process().await, process().await);
    let (ada_here, ada_there) = (ada(&here).await, ada(&there).await);
    for (client, process, browser) in [("one", &here, &ada_here), ("two", &there, &ada_there)] {
        assert!(query(&allow(process, browser, client).await, "code").is_some());
    }
    is_on.store(true, Ordering::SeqCst);
    let (three, four) = tokio::join!(allow(&here, &ada_here, "three"), allow(&there, &ada_there, "four"));
    is_on.store(false, Ordering::SeqCst);
    let mut errors = [three, four].map(|back| query(&back, "error"));
    errors.sort();
    assert_eq!(errors, [None, Some("access_denied".to_owned())]);
    assert_eq!(kept(&*store).await, 3);
}

#[tokio::test]
async fn who_allows_on_and_on_is_stopped_by_every_process() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_500));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock, 10_000));
    let mut allowed = 0;
    for _ in 0..4 {
        let process = Fixture::with(|builder| builder.store(Arc::clone(&store))).await;
        let browser = ada(&process).await;
        for _ in 0..IN_A_ROW / 4 {
            assert!(query(&allow(&process, &browser, "public").await, "code").is_some(), "{allowed}");
            allowed += 1;
        }
    }
    assert_eq!(kept(&*store).await, OF_CLIENT);
    let process = Fixture::with(|builder| builder.store(Arc::clone(&store))).await;
    let browser = ada(&process).await;
    let refused = allow(&process, &browser, "public").await;
    assert_eq!(query(&refused, "error").as_deref(), Some("access_denied"));
    assert!(query(&refused, "error_description").unwrap().contains("later"));
    process.advance(300);
    let browser = ada(&process).await;
    assert!(query(&allow(&process, &browser, "public").await, "code").is_some());
}

#[tokio::test]
async fn who_allows_on_and_on_is_stopped_before_anything_is_kept() {
    let fixture = Fixture::start().await;
    let browser = ada(&fixture).await;
    let mut refused = 0;
    for _ in 0..40 {
        let answer = decide(&fixture, &browser, "public", "allow").await;
        match answer.status().as_u16() {
            303 => {}
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused >= 5, "{refused}");
    let kept = fixture.store.scan("answered_forms", "", None, 1000).await.unwrap().len();
    assert_eq!(kept, 40 - refused);
    // Others are not concerned.
    let other = Browser::new();
    let page = other.sign_in(&fixture.request(&[]), "grace").await;
    assert_eq!(other.decide(&fixture.request(&[]), &page, "deny").await.status(), 303);
}

#[tokio::test]
async fn the_oldest_session_ends_for_one_too_many() {
    let fixture = Fixture::start().await;
    let is_signed_in = async |browser: &Browser| {
        let page = browser.get(fixture.request(&[]).as_str()).await.text().await.unwrap();
        page.contains("name=\"decision\"")
    };
    let other = Browser::new();
    other.sign_in(&fixture.request(&[]), "grace").await;
    let (first, second) = (ada(&fixture).await, ada(&fixture).await);
    // Again and again in one browser: that is one session.
    let asked = fixture.request(&[("prompt", "login")]);
    for _ in 0..SESSIONS {
        second.sign_in(&asked, "ada").await;
    }
    assert!(is_signed_in(&first).await && is_signed_in(&second).await);
    for _ in 2..SESSIONS {
        ada(&fixture).await;
    }
    assert!(is_signed_in(&first).await);
    ada(&fixture).await;
    assert!(!is_signed_in(&first).await && is_signed_in(&second).await && is_signed_in(&other).await);
    let kept = fixture.store.scan("browsers", "", None, 1000).await.unwrap().len();
    assert_eq!(kept, SESSIONS + 1);
}
