//! How much of the store a user takes by signing in and answering.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use common::{Browser, Fixture, query};
use http::request::Parts;
use mcp_auth_core::store::{MemoryStore, Store};
use mcp_auth_core::time::Clock;
use mcp_auth_provider::{Login, SignIn, SignInError, User};
use secrecy::SecretString;
use url::Url;

/// Takes any password at once.
struct Trusting;

#[async_trait]
impl SignIn for Trusting {
    fn login(&self) -> Login {
        Login::Form
    }

    async fn user(&self, _: &Parts) -> Option<User> {
        None
    }

    async fn check(&self, name: &str, _: &SecretString, _: Option<IpAddr>) -> Result<User, SignInError> {
        Ok(User::new(name))
    }
}

async fn with_room_for(entries: usize) -> Fixture {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Clock::system(), entries));
    Fixture::with(|builder| builder.store(store).sign_in(Trusting)).await
}

async fn is_signed_in(browser: &Browser, request: &Url) -> bool {
    !browser.get(request.as_str()).await.text().await.unwrap().contains("name=\"password\"")
}

#[tokio::test]
async fn who_denies_without_end_takes_no_room() {
    let fixture = with_room_for(20).await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    browser.sign_in(&request, "ada").await;
    for _ in 0..30 {
        let page = browser.get(request.as_str()).await.text().await.unwrap();
        assert_eq!(browser.decide(&request, &page, "deny").await.status(), 303);
    }
    let back = Browser::new().walk(&request).await;
    assert_eq!(fixture.redeem(&query(&back, "code").unwrap()).await.0, 200);
}

#[tokio::test]
async fn who_signs_in_without_end_pushes_out_their_own() {
    let fixture = with_room_for(60).await;
    let request = fixture.request(&[]);
    let grace = Browser::new();
    grace.sign_in(&request, "grace").await;
    let mut browsers = Vec::new();
    for _ in 0..60 {
        let browser = Browser::new();
        browser.sign_in(&request, "ada").await;
        browsers.push(browser);
    }
    for (n, browser) in browsers.iter().enumerate() {
        assert_eq!(is_signed_in(browser, &request).await, n >= 28, "{n}");
    }
    assert!(is_signed_in(&grace, &request).await);
    let page = grace.get(request.as_str()).await.text().await.unwrap();
    assert_eq!(grace.decide(&request, &page, "allow").await.status(), 303);

    // One browser has one session however often somebody signs in with it.
    let relogin = fixture.request(&[("prompt", "login")]);
    for _ in 0..30 {
        browsers[59].sign_in(&relogin, "ada").await;
    }
    assert!(is_signed_in(&browsers[40], &request).await);
}
