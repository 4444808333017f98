//! What outlives the process.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Browser, Fixture, query};
use mcp_auth_core::store::{KeyRing, MemoryStore, Store, StoreError, StoreExt as _};
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_core::verify::{TokenVerifier as _, VerifyContext};
use mcp_auth_core::{Credential, Routes as _};
use mcp_auth_provider::{Client, HostSession, LocalUsers, Provider, SigningKey, SigningKeyError, User};

#[tokio::test]
async fn a_token_outlives_the_process_that_signed_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let ring = KeyRing::generate().unwrap();
    let load = || SigningKey::load(Arc::clone(&store), ring.clone());
    let key = load().await.unwrap();
    let before = Fixture::with(|builder| builder.signing_key(key)).await;
    let tokens = before.tokens().await;
    before.verify(&tokens).await.unwrap();
    let jwks = |fixture: &Fixture| reqwest::get(fixture.at("/.well-known/jwks.json"));
    let published = jwks(&before).await.unwrap().text().await.unwrap();
    let key = load().await.unwrap();
    let after = Fixture::with(|builder| builder.signing_key(key)).await;
    assert_eq!(jwks(&after).await.unwrap().text().await.unwrap(), published);
    // Another key is another provider.
    let other = Fixture::start().await;
    assert_ne!(jwks(&other).await.unwrap().text().await.unwrap(), published);
}

#[tokio::test]
async fn a_key_that_somebody_else_has_is_replaced() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let ring = KeyRing::generate().unwrap();
    assert!(!SigningKey::forget(&store).await.unwrap());
    let key = SigningKey::load(Arc::clone(&store), ring.clone()).await.unwrap();
    let kept = Arc::clone(&store);
    let mut fixture = Fixture::with(|builder| builder.store(kept).signing_key(key)).await;
    let tokens = fixture.tokens().await;
    fixture.verify(&tokens).await.unwrap();
    assert!(SigningKey::forget(&store).await.unwrap());

    // The sealing key was open, too.
    let key = SigningKey::load(Arc::clone(&store), KeyRing::generate().unwrap()).await.unwrap();
    let other = format!("{key:?}");
    let after = Fixture::with(|builder| builder.store(store).signing_key(key.clone())).await;
    let jwks = reqwest::get(after.at("/.well-known/jwks.json")).await.unwrap();
    let jwks: serde_json::Value = jwks.json().await.unwrap();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1, "the old one is not believed any more");
    assert!(other.contains(jwks["keys"][0]["kid"].as_str().unwrap()));
    // Nobody signs in again for it.
    let (status, refreshed) = after.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(status, 200, "{refreshed}");

    let builder =
        Provider::builder(&fixture.origin).resource(fixture.at("/mcp")).scopes([("notes:read", "Read")]);
    let builder =
        builder.sign_in(LocalUsers::new().user("ada", common::PASSWORD)).clock(fixture.clock.clone());
    fixture.provider = builder.signing_key(key).build().unwrap().0;
    assert!(fixture.verify(&tokens).await.is_err());
}

#[tokio::test]
async fn of_two_that_begin_together_both_use_one_key() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let ring = KeyRing::generate().unwrap();
    let load = || SigningKey::load(Arc::clone(&store), ring.clone());
    let (one, two, three) = tokio::join!(load(), load(), load());
    let names = [one, two, three].map(|key| format!("{:?}", key.unwrap()));
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
}

#[tokio::test]
async fn a_key_is_sealed_and_opens_with_its_ring_only() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    SigningKey::load(Arc::clone(&store), KeyRing::generate().unwrap()).await.unwrap();
    let other = SigningKey::load(Arc::clone(&store), KeyRing::generate().unwrap()).await;
    assert!(matches!(other, Err(SigningKeyError::Store(StoreError::Damaged(_)))));
    let entry = store.scan("signing_keys", "", None, 10).await.unwrap().remove(0);
    // PKCS#8 begins with a sequence and the version 0; the curve's identifier is in it.
    let curve = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    assert!(!entry.value.windows(curve.len()).any(|window| window == curve), "the key lies open");
    store.remove(&mcp_auth_core::store::Key::new("signing_keys", "", "current")).await.unwrap();
}

#[tokio::test]
async fn what_a_user_had_ends_as_a_whole() {
    let fixture = Fixture::start().await;
    let browser = Browser::new();
    let redirected = browser.walk(&fixture.request(&[])).await;
    let (_, tokens) = fixture.redeem(&query(&redirected, "code").unwrap()).await;
    let (_, waiting) = (fixture.tokens().await, fixture.code().await);
    fixture.verify(&tokens).await.unwrap();
    let signed_in = browser.get(fixture.request(&[]).as_str()).await.text().await.unwrap();
    assert!(!signed_in.contains("name=\"password\""));

    fixture.provider.revoke_user("grace").await.unwrap();
    fixture.verify(&tokens).await.unwrap();
    fixture.provider.revoke_user("ada").await.unwrap();
    assert_eq!(fixture.verify(&tokens).await.unwrap_err(), "revoked");
    let (status, refused) = fixture.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!((status.as_u16(), &refused["error"]), (400, &"invalid_grant".into()));
    let (status, _) = fixture.redeem(&waiting).await;
    assert_eq!(status, 400, "a code of before");
    let signed_out = browser.get(fixture.request(&[]).as_str()).await.text().await.unwrap();
    assert!(signed_out.contains("name=\"password\""));

    // Whoever still knows the password is let in again.
    fixture.advance(1);
    fixture.verify(&fixture.tokens().await).await.unwrap();
}

#[tokio::test]
async fn what_ended_stays_so_when_tokens_live_shorter_now() {
    let kept = Arc::new(MemoryStore::default());
    let key = SigningKey::load(kept, KeyRing::generate().unwrap()).await.unwrap();
    let theirs = key.clone();
    let mut fixture = Fixture::with(|builder| builder.signing_key(theirs)).await;
    let (first, second) = (fixture.tokens().await, fixture.tokens().await);
    let id = fixture.verify(&first).await.unwrap().grant_id().unwrap().to_owned();
    let again = |access, refresh| {
        Provider::builder(&fixture.origin)
            .resource(fixture.at("/mcp"))
            .scopes([("notes:read", "Read")])
            .sign_in(HostSession::new(|_| async { None }))
            .client(Client::public("public", [common::REDIRECT]))
            .clock(fixture.clock.clone())
            .store(Arc::clone(&fixture.store))
            .signing_key(key.clone())
            .access_token_ttl(Duration::from_secs(access))
            .refresh_token_ttl(Duration::from_secs(refresh))
            .build()
            .unwrap()
            .0
    };
    let (shorter, after, long_after) = (again(300, 600), again(300, 600), again(300, 600));

    assert!(shorter.disconnect("ada", &id).await.unwrap());
    fixture.advance(400);
    fixture.provider = after;
    assert_eq!(fixture.verify(&first).await.unwrap_err(), "revoked");
    fixture.verify(&second).await.unwrap();

    shorter.revoke_user("ada").await.unwrap();
    fixture.advance(29 * 24 * 3600);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "public"),
        ("refresh_token", second["refresh_token"].as_str().unwrap()),
    ];
    let refresh = http::Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let refresh = refresh.body(bytes::Bytes::from(common::encode(&form))).unwrap();
    assert_eq!(long_after.respond(refresh, None).await.status(), 400);
}

#[tokio::test]
async fn what_a_users_revocation_leaves_is_the_hosts_to_end() {
    let fixture =
        Fixture::with(|builder| builder.sign_in(HostSession::new(|_| async { Some(User::new("ada")) })))
            .await;
    let keys = ApiKeys::builder(Arc::clone(&fixture.store)).prefix("notes").issuer(&fixture.origin);
    let keys = keys.clock(fixture.clock.clone()).revocations(fixture.provider.revocations()).build().unwrap();
    let key = keys.create(NewKey::new("laptop", "ada")).await.unwrap();
    let is_refused = async || {
        let (credential, resource) = (Credential::bearer(key.expose_secret()), fixture.at("/mcp"));
        let context = VerifyContext { resource: &resource, now: fixture.clock.now(), address: None };
        let verified = keys.verify(&credential, context).await.unwrap();
        fixture.provider.revocations().is_revoked(verified.principal()).await.unwrap()
    };
    assert!(!is_refused().await);
    fixture.provider.revoke_user("ada").await.unwrap();
    let page = Browser::new().get(fixture.request(&[]).as_str()).await.text().await.unwrap();
    assert!(page.contains("value=\"allow\""), "the host's session is asked for consent as before");
    assert!(is_refused().await, "while the mark is kept");
}

#[tokio::test]
async fn a_user_sees_and_ends_what_they_let_in() {
    let fixture = Fixture::start().await;
    let (first, second) = (fixture.tokens().await, fixture.tokens().await);
    let (provider, of) = (&fixture.provider, async |user| fixture.provider.connections(user).await.unwrap());
    let connected = of("ada").await;
    assert_eq!(connected.len(), 2);
    assert!(connected.iter().all(|each| each.client_id == "public" && each.scope.contains("notes:read")));
    assert!(of("grace").await.is_empty());

    let id = fixture.verify(&first).await.unwrap().grant_id().unwrap().to_owned();
    assert!(!provider.disconnect("grace", &id).await.unwrap(), "not theirs");
    assert!(!provider.disconnect("ada", "nothing").await.unwrap());
    fixture.verify(&first).await.unwrap();
    assert!(provider.disconnect("ada", &id).await.unwrap());
    assert_eq!(fixture.verify(&first).await.unwrap_err(), "revoked");
    let (status, _) = fixture.refresh(first["refresh_token"].as_str().unwrap()).await;
    assert_eq!(status, 400);
    fixture.verify(&second).await.unwrap();
    assert_eq!(of("ada").await.len(), 1);
    assert!(!provider.disconnect("ada", &id).await.unwrap(), "once");

    fixture.provider.revoke_user("ada").await.unwrap();
    assert!(of("ada").await.is_empty());
}
