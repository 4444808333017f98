//! What is revoked before its time: refused with the next request, known or not, here and in every other process.

use std::time::Duration;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::testing::TokenBuilder;
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_core::verify::{Revocation, Revocations, VerifierRouter};
use serde_json::json;

use crate::{Answer, Fixture, Serve, Setup, TestStore};

async fn call(fixture: &Fixture, token: &str) -> Answer {
    fixture.call("list_notes", json!({})).token(token).send().await
}

/// A token that every kind of revocation has a name for.
fn named(fixture: &Fixture, name: &str) -> TokenBuilder {
    let token = fixture.ada("notes:read").subject(&format!("sub-{name}"));
    let claims = [("jti", "jti"), ("gid", "gid"), ("client_id", "client")];
    claims.into_iter().fold(token, |token, (claim, kind)| token.claim(claim, json!(format!("{kind}-{name}"))))
}

/// By each name it has, and nobody else's token with it: not that of another name, kind or issuer.
pub async fn each_name_ends_what_it_names<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let issuer = fixture.authority.issuer();
    let now = Clock::system().now();
    let all = ["token", "grant", "client", "principal", "bystander"];
    let tokens = all.map(|name| named(&fixture, name).sign());
    for token in tokens.iter().chain(&tokens) {
        call(&fixture, token).await.is(200, None);
    }
    assert_eq!(fixture.verdicts.take().len(), all.len(), "the second time they are known");
    for revocation in [
        Revocation::token("https://other.example", "jti-bystander"),
        Revocation::token(issuer, "gid-bystander"),
        Revocation::grant(issuer, "jti-bystander"),
        Revocation::client(issuer, "sub-bystander"),
        Revocation::key(issuer, "jti-bystander"),
        Revocation::principal(issuer, "sub-bystander", now.minus(Duration::from_secs(3600))),
    ] {
        fixture.revoke(&revocation).await;
    }
    let revocations = [
        Revocation::token(issuer, "jti-token"),
        Revocation::grant(issuer, "gid-grant"),
        Revocation::client(issuer, "client-client"),
        Revocation::principal(issuer, "sub-principal", now),
    ];
    for (at, revocation) in revocations.iter().enumerate() {
        call(&fixture, &tokens[at]).await.is(200, None);
        fixture.revoke(revocation).await;
        fixture.ran.take();
        for _ in 0..2 {
            call(&fixture, &tokens[at]).await.is(401, -32000).challenges("invalid_token", "notes:read");
        }
        fixture.nothing_ran();
        for still_good in &tokens[at + 1..] {
            call(&fixture, still_good).await.is(200, None);
        }
    }
    assert!(
        fixture.verdicts.take().iter().all(|verdict| *verdict == "good"),
        "the guard asks, not the verifier"
    );
}

/// Everything a user got until then; what they get later is good.
pub async fn a_principal_is_revoked_until_a_time<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let now = Clock::system().now().as_secs();
    let issued =
        |at: u64| fixture.ada("notes:read").claim("iat", json!(at)).claim("jti", json!(at.to_string()));
    let (before, at, after) = (issued(now - 60).sign(), issued(now - 30).sign(), issued(now - 29).sign());
    let undated = fixture.ada("notes:read").claim("jti", json!("undated")).without("iat").sign();
    for token in [&before, &at, &after, &undated] {
        call(&fixture, token).await.is(200, None);
    }
    let until = Timestamp::from_secs(now - 30);
    fixture.revoke(&Revocation::principal(fixture.authority.issuer(), "ada", until)).await;
    call(&fixture, &before).await.is(401, -32000).challenges("invalid_token", "notes:read");
    call(&fixture, &at).await.is(401, -32000);
    call(&fixture, &after).await.is(200, None);
    // Nobody knows when it was issued.
    call(&fixture, &undated).await.is(401, -32000);
    call(&fixture, &fixture.reader()).await.is(200, None);
}

/// By its id: the record still says that it is good, and the guard knows it.
pub async fn a_key_is_revoked_by_its_id<S: Serve>() {
    let clock = Clock::system();
    let revocations = Revocations::in_memory(clock.clone());
    let builder = ApiKeys::builder(TestStore::new(clock.clone()).shared()).prefix("notes");
    let keys = builder.issuer("https://app.example").revocations(revocations.clone()).build().unwrap();
    let taken = keys.clone();
    let fixture = Fixture::verified::<S, _>(&clock, |_, jwt| {
        VerifierRouter::new().jwt(jwt).shape(|token| token.starts_with("notes_"), taken)
    })
    .await;
    let new = || NewKey::new("laptop", "ada").scopes(ScopeSet::parse("notes:read").unwrap());
    let (key, other) = (keys.create(new()).await.unwrap(), keys.create(new()).await.unwrap());
    call(&fixture, key.expose_secret()).await.is(200, None);
    call(&fixture, other.expose_secret()).await.is(200, None);
    let until = clock.now().plus(Duration::from_secs(600));
    revocations.revoke(&Revocation::key(keys.issuer(), &key.key().id), until).await.unwrap();
    fixture.ran.take();
    call(&fixture, key.expose_secret()).await.is(401, -32000).challenges("invalid_token", "notes:read");
    fixture.nothing_ran();
    call(&fixture, other.expose_secret()).await.is(200, None);
}

/// A server whose revocations are kept in a store that another process writes to.
struct Shared {
    fixture: Fixture,
    store: TestStore,
    elsewhere: Revocations,
    clock: Clock,
}

impl Shared {
    async fn start<S: Serve>() -> Self {
        let clock = Clock::manual(Clock::system().now());
        let store = TestStore::new(clock.clone());
        let (elsewhere, here) = (store.shared(), store.shared());
        let guards = clock.clone();
        let revocations = Revocations::over(here, clock.clone()).with_max_staleness(Duration::from_secs(5));
        let fixture = Fixture::with::<S>(Setup {
            guard: Box::new(|guard| guard.clock(guards)),
            revocations,
            ..Setup::default()
        })
        .await;
        Self { fixture, store, elsewhere: Revocations::over(elsewhere, clock.clone()), clock }
    }

    async fn revoke_elsewhere(&self, token: &str) {
        let revocation = Revocation::token(self.fixture.authority.issuer(), token);
        let until = self.clock.now().plus(Duration::from_secs(600));
        self.elsewhere.revoke(&revocation, until).await.unwrap();
    }

    fn token(&self, name: &str) -> String {
        self.fixture.ada("notes:read").claim("jti", json!(name)).sign()
    }
}

/// As soon as the store tells of it.
pub async fn what_is_revoked_elsewhere_is_refused<S: Serve>() {
    let shared = Shared::start::<S>().await;
    let (one, two) = (shared.token("one"), shared.token("two"));
    call(&shared.fixture, &one).await.is(200, None);
    call(&shared.fixture, &two).await.is(200, None);
    assert_eq!(shared.store.reads("revoked"), 0, "decided without asking the store");
    shared.revoke_elsewhere("one").await;
    call(&shared.fixture, &one).await.is(401, -32000).challenges("invalid_token", "notes:read");
    call(&shared.fixture, &two).await.is(200, None);
}

/// A store that tells nothing for longer than `max_staleness` is asked itself; one that does not answer lets nobody in.
pub async fn a_silent_store_is_asked<S: Serve>() {
    let shared = Shared::start::<S>().await;
    let (fixture, store) = (&shared.fixture, &shared.store);
    let (one, two) = (shared.token("one"), shared.token("two"));
    call(fixture, &one).await.is(200, None);
    call(fixture, &two).await.is(200, None);
    store.fall_silent();
    shared.revoke_elsewhere("one").await;
    store.set_down(true);
    // What the view was told is believed for so long, and no longer.
    shared.clock.advance(Duration::from_secs(5));
    call(fixture, &one).await.is(200, None);
    assert_eq!(store.reads("revoked"), 0);
    shared.clock.advance(Duration::from_millis(1));
    fixture.ran.take();
    for token in [&one, &two, &shared.token("three")] {
        let answer = call(fixture, token).await;
        answer.is(503, -32000).does_not_challenge();
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert!(!answer.text().contains("secret"));
    }
    fixture.nothing_ran();
    store.set_down(false);
    store.reads("");
    for _ in 0..2 {
        call(fixture, &one).await.is(401, -32000).challenges("invalid_token", "notes:read");
        call(fixture, &two).await.is(200, None);
    }
    assert!(store.reads("revoked") >= 4, "each decision asks");
    assert_eq!(fixture.ran.take(), ["list_notes", "list_notes"]);
}
