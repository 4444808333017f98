//! Nothing secret is written anywhere, and a store that fails is no refusal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::future::ready;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use common::{Browser, Fixture, PASSWORD, SECRET, query};
use mcp_auth_core::store::{MemoryStore, StoreError};
use mcp_auth_core::testing::ObservedStore;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_or_shown() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("mcp_auth_core=trace,mcp_auth_provider=trace")
        .with_writer(move || writer.clone())
        .init();
    let fixture = Fixture::start().await;
    let browser = Browser::new();
    let code = query(&browser.walk(&fixture.request(&[])).await, "code").unwrap();
    let (_, tokens) = fixture.redeem(&code).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let (_, again) = fixture.refresh(refresh).await;
    fixture.redeem(&code).await;
    fixture
        .post("/token", &[("client_id", "confidential"), ("client_secret", SECRET), ("grant_type", "x")])
        .await;
    let written = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(written.contains("a user signed in") && written.contains("its code was used twice"), "{written}");
    let shown = format!("{:?}{:?}", fixture.provider, fixture.verify(&tokens).await);
    let cookie = browser.cookie();
    let (_, cookie) = cookie.split_once('=').unwrap();
    for text in [&written, &shown] {
        for secret in [&code, refresh, again["access_token"].as_str().unwrap(), PASSWORD, SECRET, cookie] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_is_answered_503() {
    let is_down = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_down);
    let store = ObservedStore::new(MemoryStore::default(), move |_| {
        ready(match switch.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("switched off".into())),
            false => Ok(()),
        })
    });
    let fixture = Fixture::with(|builder| builder.store(Arc::new(store))).await;
    let tokens = fixture.tokens().await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    browser.sign_in(&request, "ada").await;
    is_down.store(true, Ordering::SeqCst);
    let (status, answer) = fixture.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!((status.as_u16(), answer["error"].as_str()), (503, Some("temporarily_unavailable")));
    assert_eq!(fixture.redeem("any").await.0, 503);
    assert_eq!(browser.get(request.as_str()).await.status(), 503);
    let metadata = serde_json::json!({ "redirect_uris": [common::REDIRECT] });
    assert_eq!(fixture.register(&metadata).await.0, 503);
    is_down.store(false, Ordering::SeqCst);
    fixture.advance(31);
    let (status, _) = fixture.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(status, 200, "nothing was lost");
}
