//! What was under way when something was revoked, and a revocation that is broken off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::future::ready;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use common::{Browser, Fixture, form_code, location, query};
use http::request::Parts;
use mcp_auth_core::store::{KeyRing, MemoryStore, Store, StoreError};
use mcp_auth_core::testing::{ObservedStore, StoreCall};
use mcp_auth_core::verify::Revocations;
use mcp_auth_provider::{LocalUsers, Login, Provider, SignIn, SignInError, SigningKey, User};
use secrecy::SecretString;
use tokio::sync::Notify;
use url::Url;

/// Where something waits until the test lets it go.
#[derive(Default)]
struct Gate {
    reached: Notify,
    open: Notify,
}

impl Gate {
    async fn pass(&self) {
        self.reached.notify_one();
        self.open.notified().await;
    }

    /// Does `meanwhile` while somebody waits here.
    async fn hold<T>(&self, waiting: impl Future<Output = T>, meanwhile: impl AsyncFnOnce()) -> T {
        let both = async {
            tokio::join!(waiting, async {
                self.reached.notified().await;
                meanwhile().await;
                self.open.notify_one();
            })
        };
        tokio::time::timeout(Duration::from_secs(30), both).await.expect("nobody came").0
    }
}

/// Holds the next commit to a collection, or fails it.
#[derive(Default)]
struct Held {
    next: Mutex<Option<&'static str>>,
    gate: Gate,
    fails: bool,
}

impl Held {
    /// A store before which this stands.
    fn store(self: &Arc<Self>) -> Arc<dyn Store> {
        let held = Arc::clone(self);
        Arc::new(ObservedStore::new(MemoryStore::default(), move |call| {
            let is_held = match call {
                StoreCall::Commit([write, ..]) => {
                    held.next.lock().unwrap().take_if(|next| write.key.collection == *next).is_some()
                }
                _ => false,
            };
            let held = Arc::clone(&held);
            async move {
                match is_held {
                    true if held.fails => return Err(StoreError::Unavailable("as the test wants it".into())),
                    true => held.gate.pass().await,
                    false => {}
                }
                Ok(())
            }
        }))
    }
}

async fn held() -> (Fixture, Arc<Held>) {
    let held = Arc::<Held>::default();
    let store = held.store();
    (Fixture::with(|builder| builder.store(store)).await, held)
}

async fn revoke_ada(fixture: &Fixture, later: Duration) {
    fixture.provider.revoke_user("ada").await.unwrap();
    fixture.clock.advance(later);
}

#[tokio::test]
async fn a_consent_that_is_being_answered_gives_nothing() {
    let (fixture, held) = held().await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    let page = browser.sign_in(&request, "ada").await;
    *held.next.lock().unwrap() = Some("answered_forms");
    let answer = held.gate.hold(browser.decide(&request, &page, "allow"), async || {
        revoke_ada(&fixture, Duration::from_secs(2)).await;
    });
    let back = Url::parse(&location(&answer.await)).unwrap();
    assert_eq!(fixture.redeem(&query(&back, "code").unwrap()).await.0, 400);
}

#[tokio::test]
async fn a_refresh_that_is_being_answered_gives_nothing() {
    let (fixture, held) = held().await;
    let tokens = fixture.tokens().await;
    *held.next.lock().unwrap() = Some("grants");
    let refreshed = fixture.refresh(tokens["refresh_token"].as_str().unwrap());
    let meanwhile = async || revoke_ada(&fixture, Duration::from_secs(2)).await;
    let (status, refreshed) = held.gate.hold(refreshed, meanwhile).await;
    assert_eq!(status, 200, "it was under way");
    assert_eq!(fixture.verify(&refreshed).await.unwrap_err(), "revoked");
    assert_eq!(fixture.refresh(refreshed["refresh_token"].as_str().unwrap()).await.0, 400);
}

/// Takes any password, when it is let.
struct Slow(Arc<Gate>);

#[async_trait]
impl SignIn for Slow {
    fn login(&self) -> Login {
        Login::Form
    }

    async fn user(&self, _: &Parts) -> Option<User> {
        None
    }

    async fn check(&self, name: &str, _: &SecretString, _: Option<IpAddr>) -> Result<User, SignInError> {
        self.0.pass().await;
        Ok(User::new(name))
    }
}

#[tokio::test]
async fn a_password_that_is_being_checked_opens_no_session() {
    let gate = Arc::new(Gate::default());
    let sign_in = Slow(Arc::clone(&gate));
    let fixture = Fixture::with(|builder| builder.sign_in(sign_in)).await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    let page = browser.get(request.as_str()).await.text().await.unwrap();
    let form = [("form", form_code(&page)), ("username", "ada".into()), ("password", "x".into())];
    let form = form.each_ref().map(|(name, value): &(&str, String)| (*name, value.as_str()));
    let meanwhile = async || revoke_ada(&fixture, Duration::from_secs(2)).await;
    assert_eq!(gate.hold(browser.post(request.as_str(), &form), meanwhile).await.status(), 303);
    let page = browser.get(request.as_str()).await.text().await.unwrap();
    assert!(page.contains("name=\"password\""), "{page}");
}

#[tokio::test]
async fn a_revocation_that_was_broken_off_is_not_forgotten() {
    let failing = Arc::new(Held { fails: true, ..Held::default() });
    let store = failing.store();
    let shared = Arc::clone(&store);
    let fixture = Fixture::with(|builder| builder.store(shared)).await;
    for is_seen_first in [true, false] {
        let tokens = fixture.tokens().await;
        let refresh = tokens["refresh_token"].as_str().unwrap();
        *failing.next.lock().unwrap() = Some("grants");
        let form = [("token", refresh), ("client_id", "public")];
        assert_eq!(fixture.post("/revoke", &form).await.status(), 503);
        if is_seen_first {
            assert!(fixture.provider.connections("ada").await.unwrap().is_empty());
        }
        assert_eq!(fixture.refresh(refresh).await.0, 400);
        // It is gone for good.
        fixture.advance(25 * 3600);
        assert_eq!(fixture.refresh(refresh).await.0, 400);
    }

    // Where not even the mark was kept, who tries again has it kept.
    let tokens = fixture.tokens().await;
    let principal = fixture.verify(&tokens).await.unwrap();
    let form = [("token", tokens["refresh_token"].as_str().unwrap()), ("client_id", "public")];
    *failing.next.lock().unwrap() = Some("revoked");
    assert_eq!(fixture.post("/revoke", &form).await.status(), 503);
    assert_eq!(fixture.post("/revoke", &form).await.status(), 200);
    let elsewhere = Revocations::over(store, fixture.clock.clone());
    assert!(elsewhere.is_revoked(&principal).await.unwrap());
}

#[tokio::test]
async fn what_a_process_gives_that_has_not_heard_is_refused_by_who_has() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let key = SigningKey::load(Arc::clone(&store), KeyRing::generate().unwrap()).await.unwrap();
    let deaf = Arc::new(ObservedStore::new(Arc::clone(&store), |_| ready(Ok(()))).deaf());
    let theirs = key.clone();
    let mut fixture = Fixture::with(|builder| builder.store(deaf).signing_key(theirs)).await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    browser.sign_in(&request, "ada").await;
    let tokens = fixture.tokens().await;

    let builder = Provider::builder(&fixture.origin).resource(fixture.at("/mcp"));
    let builder = builder.scopes([("notes:read", "Read")]).clock(fixture.clock.clone()).store(store);
    let builder = builder.sign_in(LocalUsers::new().user("ada", common::PASSWORD)).signing_key(key);
    fixture.provider = builder.build().unwrap().0;
    revoke_ada(&fixture, Duration::from_secs(2)).await;

    let (status, refreshed) = fixture.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(status, 200, "it has not heard");
    assert_eq!(fixture.verify(&refreshed).await.unwrap_err(), "revoked");
    let page = browser.get(request.as_str()).await.text().await.unwrap();
    let back = Url::parse(&location(&browser.decide(&request, &page, "allow").await)).unwrap();
    let (status, consented) = fixture.redeem(&query(&back, "code").unwrap()).await;
    assert_eq!(status, 200, "it has not heard");
    assert_eq!(fixture.verify(&consented).await.unwrap_err(), "revoked");

    // Who signs in again goes on.
    fixture.verify(&fixture.tokens().await).await.unwrap();
}
