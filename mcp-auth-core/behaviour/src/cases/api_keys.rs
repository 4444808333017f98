//! API keys, beside tokens at one endpoint.

use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::api_key::{ApiKeys, ApiKeysBuilder, CreatedKey, NewKey};
use serde_json::json;

use crate::{Answer, Fixture, Serve, Setup, TestStore};

const DUE: &str = "api-key-rotation-due";

/// Keys, the store that keeps them, the server that takes them, and the clock of all.
struct Keys {
    keys: ApiKeys,
    store: TestStore,
    clock: Clock,
    fixture: Fixture,
}

fn keys_over(store: &TestStore, clock: &Clock) -> ApiKeysBuilder {
    ApiKeys::builder(store.shared()).prefix("notes").issuer("https://app.example").clock(clock.clone())
}

impl Keys {
    async fn start<S: Serve>() -> Self {
        let clock = Clock::manual(Clock::system().now());
        let store = TestStore::new(clock.clone());
        let keys = keys_over(&store, &clock).build().unwrap();
        let taken = keys.clone();
        let fixture = Fixture::verified::<S, _>(&clock, |_, jwt| {
            VerifierRouter::new().jwt(jwt).shape(|token| token.starts_with("notes_"), taken)
        })
        .await;
        Self { keys, store, clock, fixture }
    }

    async fn create(&self) -> CreatedKey {
        self.keys.create(reading()).await.unwrap()
    }

    fn lookups(&self) -> usize {
        self.store.reads("api_keys")
    }

    async fn call(&self, key: &str) -> Answer {
        self.fixture.call("list_notes", json!({})).token(key).send().await
    }
}

fn reading() -> NewKey {
    NewKey::new("laptop", "ada").scopes(ScopeSet::parse("notes:read").unwrap())
}

/// `key` with other characters from `place` on and a checksum that fits: what somebody who guesses can write.
fn forged(key: &str, place: usize, with: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut forged = key[..key.len() - 6].to_owned();
    forged.replace_range(place..place + with.len(), with);
    let mut rest = crc32fast::hash(forged.as_bytes()) as usize;
    let mut check = [' '; 6];
    for digit in check.iter_mut().rev() {
        *digit = char::from(DIGITS[rest % 62]);
        rest /= 62;
    }
    forged.extend(check);
    forged
}

/// Each credential by the verifier for its shape; the service sees the owner and not the key.
pub async fn keys_are_taken_beside_tokens<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let created = keys.create().await;
    let who = |token: &str| keys.fixture.call("whoami", json!({})).token(token);
    let answer = who(created.expose_secret()).send().await;
    assert_eq!(answer.is(200, None).tool_text(), "ada via ");
    assert_eq!(answer.header(DUE), "", "the key is new");
    assert_eq!(keys.fixture.verdicts.take(), ["good"]);
    // Taken again without asking anybody.
    keys.lookups();
    who(created.expose_secret()).send().await.is(200, None);
    assert_eq!((keys.fixture.verdicts.take().len(), keys.lookups()), (0, 0));
    let answer = who(&keys.fixture.reader()).send().await;
    assert_eq!(answer.is(200, None).tool_text(), "ada via test-client");
    assert_eq!(keys.lookups(), 0, "a token was looked for among the keys");
}

/// The same answer to each, byte for byte; what cannot be a key costs no lookup.
pub async fn bad_keys_are_refused_alike<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let created = keys.create().await;
    let good = created.expose_secret();
    keys.call(good).await.is(200, None);
    let expiring = reading().expires_at(keys.clock.now().plus(Duration::from_secs(5)));
    let expired = keys.keys.create(expiring).await.unwrap();
    let staging = keys.keys.create(reading().environment("staging")).await.unwrap();
    let others = keys_over(&keys.store, &keys.clock).issuer("https://other.example").build().unwrap();
    let foreign = others.create(reading()).await.unwrap();
    let revoked = keys.create().await;
    keys.keys.revoke(&revoked.key().id).await.unwrap();
    keys.clock.advance(Duration::from_secs(5));
    let other_digit = if good.ends_with('0') { '1' } else { '0' };
    let mistyped = format!("{}{other_digit}", &good[..good.len() - 1]);
    let wrong = [
        ("wrong checksum", mistyped, "token_malformed", 0),
        ("too short", good[..good.len() - 1].to_owned(), "token_malformed", 0),
        ("nothing but the prefix", "notes_".to_owned(), "token_malformed", 0),
        ("another prefix", good.replacen("notes", "votes", 1), "token_malformed", 0),
        ("unknown id", forged(good, 6, "nobody"), "token_unknown", 1),
        ("unknown id again", forged(good, 6, "nobody"), "token_unknown", 0),
        ("right id, wrong secret", forged(good, 30, "guess"), "token_unknown", 1),
        ("expired", expired.expose_secret().to_owned(), "token_expired", 1),
        ("another environment", staging.expose_secret().to_owned(), "token_unknown", 1),
        ("another issuer", foreign.expose_secret().to_owned(), "token_unknown", 1),
        ("revoked", revoked.expose_secret().to_owned(), "token_revoked", 1),
    ];
    keys.fixture.verdicts.take();
    keys.fixture.ran.take();
    keys.lookups();
    let mut bodies = std::collections::BTreeSet::new();
    for (label, key, kind, lookups) in wrong {
        let answer = keys.call(&key).await;
        assert_eq!(keys.fixture.verdicts.take(), [kind], "{label}");
        assert_eq!(keys.lookups(), lookups, "{label}: lookups");
        answer.is(401, -32000).challenges("invalid_token", "notes:read");
        assert!(!answer.text().contains(&key) && answer.header(DUE).is_empty(), "{label}");
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 1, "answers tell what is wrong with a key: {bodies:?}");
    keys.fixture.nothing_ran();
    keys.call(good).await.is(200, None);
}

/// With the next request, although its verdict would be good for a minute more.
pub async fn a_revoked_key_is_refused_at_once<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let (created, other) = (keys.create().await, keys.create().await);
    for _ in 0..2 {
        keys.call(created.expose_secret()).await.is(200, None);
        keys.call(other.expose_secret()).await.is(200, None);
    }
    assert_eq!(keys.fixture.verdicts.take(), ["good", "good"], "the second time they are known");
    keys.keys.revoke(&created.key().id).await.unwrap();
    keys.fixture.ran.take();
    let answer = keys.call(created.expose_secret()).await;
    answer.is(401, -32000).challenges("invalid_token", "notes:read");
    keys.fixture.nothing_ran();
    keys.call(other.expose_secret()).await.is(200, None);
}

/// Another process revokes it: the store tells.
pub async fn a_key_that_is_revoked_elsewhere_is_refused<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let created = keys.create().await;
    keys.call(created.expose_secret()).await.is(200, None);
    let elsewhere = keys_over(&keys.store, &keys.clock).build().unwrap();
    elsewhere.revoke(&created.key().id).await.unwrap();
    keys.call(created.expose_secret()).await.is(401, -32000).challenges("invalid_token", "notes:read");
}

/// Both secrets until the overlap ends; who still comes with the old one is told.
pub async fn a_rotated_key_overlaps<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let old = keys.create().await;
    keys.call(old.expose_secret()).await.is(200, None);
    let new = keys.keys.rotate(&old.key().id, Duration::from_secs(60)).await.unwrap();
    assert_eq!(old.key().id, new.key().id);
    for _ in 0..2 {
        let answer = keys.call(old.expose_secret()).await;
        assert!(answer.is(200, None).header(DUE).ends_with(" GMT"), "{:?}", answer.headers);
        assert_eq!(keys.call(new.expose_secret()).await.is(200, None).header(DUE), "");
    }
    keys.clock.advance(Duration::from_secs(59));
    keys.call(old.expose_secret()).await.is(200, None);
    keys.clock.advance(Duration::from_secs(1));
    keys.fixture.ran.take();
    keys.call(old.expose_secret()).await.is(401, -32000).challenges("invalid_token", "notes:read");
    keys.fixture.nothing_ran();
    keys.call(new.expose_secret()).await.is(200, None);
    // Without an overlap it ends at once, known or not.
    let newest = keys.keys.rotate(&old.key().id, Duration::ZERO).await.unwrap();
    keys.call(new.expose_secret()).await.is(401, -32000);
    keys.call(newest.expose_secret()).await.is(200, None);
}

/// 90 days by default: still taken, and the answer says by when it should have been replaced.
pub async fn a_key_that_is_due_says_so<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let created = keys.create().await;
    keys.clock.advance(Duration::from_secs(89 * 24 * 3600));
    assert_eq!(keys.call(created.expose_secret()).await.is(200, None).header(DUE), "");
    keys.clock.advance(Duration::from_secs(24 * 3600));
    let first = keys.call(created.expose_secret()).await;
    assert!(first.is(200, None).header(DUE).ends_with(" GMT"), "{:?}", first.headers);
    let refused = keys.fixture.call("delete_note", json!({ "id": "1" })).token(created.expose_secret());
    assert_eq!(refused.send().await.is(403, -32000).header(DUE), first.header(DUE));
}

/// 403, and which scope is missing.
pub async fn a_key_with_too_little_is_told_what_is_missing<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let created = keys.create().await;
    let delete = || keys.fixture.call("delete_note", json!({ "id": "1" })).token(created.expose_secret());
    for _ in 0..2 {
        delete().send().await.is(403, -32000).challenges("insufficient_scope", "notes:delete");
    }
    keys.fixture.nothing_ran();
    // What it is given counts with the next request.
    let more = ScopeSet::parse("notes:read notes:delete").unwrap();
    keys.keys.set_scopes(&created.key().id, &more).await.unwrap();
    delete().send().await.is(200, None);
}

/// 503, and when to come again: nobody throws a good key away. What is known already passes while it may be believed.
pub async fn a_store_that_fails_is_no_refusal<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let (known, unknown) = (keys.create().await, keys.create().await);
    keys.call(known.expose_secret()).await.is(200, None);
    keys.store.set_down(true);
    keys.call(known.expose_secret()).await.is(200, None);
    keys.fixture.ran.take();
    let cannot_tell = |answer: &Answer| {
        answer.is(503, -32000).does_not_challenge();
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    };
    cannot_tell(&keys.call(unknown.expose_secret()).await);
    keys.call("notes_mistyped").await.is(401, -32000);
    // Nothing was heard for too long: what is known is not believed any more.
    keys.clock.advance(Duration::from_secs(11));
    cannot_tell(&keys.call(known.expose_secret()).await);
    keys.fixture.nothing_ran();
    keys.store.set_down(false);
    keys.call(known.expose_secret()).await.is(200, None);
    keys.call(unknown.expose_secret()).await.is(200, None);
}

/// URLs are written down everywhere.
pub async fn a_key_in_the_query_is_not_taken<S: Serve>() {
    let keys = Keys::start::<S>().await;
    let created = keys.create().await;
    let key = created.expose_secret();
    keys.lookups();
    let call = || keys.fixture.call("list_notes", json!({}));
    for name in ["access_token", "ACCESS_TOKEN", "access%5Ftoken"] {
        let answer = call().query(&format!("{name}={key}")).send().await;
        answer.is(400, -32000).challenges("invalid_request", "");
        call().token(key).query(&format!("{name}={key}")).send().await.is(400, -32000);
    }
    for name in ["api_key", "key", "token"] {
        let answer = call().query(&format!("{name}={key}")).send().await;
        answer.is(401, -32000).challenges("", "notes:read");
    }
    call().header("x-api-key", key).send().await.is(401, -32000).challenges("", "notes:read");
    call().header("authorization", key).send().await.is(400, -32000).challenges("invalid_request", "");
    assert_eq!((keys.fixture.verdicts.take().len(), keys.lookups()), (0, 0));
    keys.fixture.nothing_ran();
}

/// Without tokens of an authorization server, clients are not sent to look for one.
pub async fn keys_alone_point_to_no_authorization_server<S: Serve>() {
    let clock = Clock::system();
    let keys = keys_over(&TestStore::new(clock.clone()), &clock).build().unwrap();
    let taken = keys.clone();
    let fixture = Fixture::with::<S>(Setup {
        guard: Box::new(|guard| guard.without_authorization_server()),
        verifier: Box::new(|_, _| Arc::new(taken)),
        ..Setup::default()
    })
    .await;
    let created = keys.create(reading()).await.unwrap();
    let ask = |tool: &str| fixture.call(tool, json!({}));
    ask("list_notes").token(created.expose_secret()).send().await.is(200, None);
    for (ask, status, challenge) in [
        (ask("list_notes"), 401, "Bearer scope=\"notes:read\""),
        (ask("list_notes").token("notes_x"), 401, "Bearer error=\"invalid_token\", scope=\"notes:read\""),
        (
            ask("list_notes").token(&fixture.reader()),
            401,
            "Bearer error=\"invalid_token\", scope=\"notes:read\"",
        ),
    ] {
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, challenge));
    }
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        assert_eq!(fixture.ask("GET", path).send().await.status, 404, "{path}");
    }
}
