//! What was under way when everything of a user was revoked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use common::{Browser, Fixture, form_code, location, query};
use http::request::Parts;
use mcp_auth_core::store::{Committed, Entry, KeyRing, MemoryStore, Store, StoreError, Watch, Write};
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

/// Holds the next commit to a collection, or never tells what changed.
struct Held {
    store: Arc<dyn Store>,
    next: Mutex<Option<&'static str>>,
    gate: Gate,
    /// Heard in its place.
    instead: Option<MemoryStore>,
}

impl Held {
    fn over(store: &Arc<dyn Store>, instead: Option<MemoryStore>) -> Arc<Self> {
        Arc::new(Self { store: Arc::clone(store), next: Mutex::default(), gate: Gate::default(), instead })
    }
}

#[async_trait]
impl Store for Held {
    async fn get(&self, key: &mcp_auth_core::store::Key) -> Result<Option<Entry>, StoreError> {
        self.store.get(key).await
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.store.scan(collection, partition, after, limit).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        let is_held = {
            let mut next = self.next.lock().unwrap();
            let is_held = next.is_some_and(|held| writes[0].key.collection == held);
            is_held.then(|| next.take()).is_some()
        };
        if is_held {
            self.gate.pass().await;
        }
        self.store.commit(writes).await
    }

    fn watch(&self) -> Watch {
        self.instead.as_ref().map_or_else(|| self.store.watch(), Store::watch)
    }
}

async fn held() -> (Fixture, Arc<Held>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let held = Held::over(&store, None);
    let shared = Arc::clone(&held);
    (Fixture::with(|builder| builder.store(shared)).await, held)
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
async fn what_a_process_gives_that_has_not_heard_is_refused_by_who_has() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let key = SigningKey::load(Arc::clone(&store), KeyRing::generate().unwrap()).await.unwrap();
    let (deaf, theirs) = (Held::over(&store, Some(MemoryStore::default())), key.clone());
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
