//! What is held in memory, and when it is not believed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::TokenVerifier;
use mcp_auth_core::verify::{TokenRefusal, VerifyError};

use super::fixture::{DAY, Fixture, check, eventually, follow, forged, refused};

#[tokio::test]
async fn a_warm_check_asks_nobody() {
    let fixture = Fixture::new();
    fixture.follow().await;
    let created = fixture.create().await;
    fixture.asked.gets();
    for _ in 0..10 {
        fixture.check(created.expose_secret()).await.unwrap();
    }
    assert_eq!(fixture.asked.gets(), 1);
    fixture.asked.is_down.store(true, Ordering::SeqCst);
    let verified = fixture.check(created.expose_secret()).await.unwrap();
    assert_eq!(verified.reuse_until(), Some(fixture.clock.now().plus(Duration::from_secs(60))));
}

#[tokio::test]
async fn a_verdict_is_reused_no_longer_than_it_holds() {
    let fixture = Fixture::with(|builder| builder.reuse_for(DAY));
    fixture.follow().await;
    let now = fixture.clock.now();
    let new = super::fixture::laptop().expires_at(now.plus(DAY / 2));
    let created = fixture.keys.create(new).await.unwrap();
    let verified = fixture.check(created.expose_secret()).await.unwrap();
    assert_eq!(verified.reuse_until(), Some(now.plus(DAY / 2)));
    fixture.keys.rotate(&created.key().id, DAY / 4).await.unwrap();
    let verified = fixture.check(created.expose_secret()).await.unwrap();
    assert_eq!(verified.reuse_until(), Some(now.plus(DAY / 4)));

    let each = fixture.other(|builder| builder.reuse_for(Duration::ZERO));
    follow(&each).await;
    let verified = check(&each, created.expose_secret(), now, None).await.unwrap();
    assert_eq!(verified.reuse_until(), None);
}

#[tokio::test]
async fn without_word_from_the_store_it_is_asked_each_time() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let job = tokio::spawn(fixture.keys.background().unwrap());
    eventually(|| fixture.keys.epoch() > 0).await;
    assert!(fixture.check(created.expose_secret()).await.unwrap().reuse_until().is_some());
    job.abort();
    assert!(job.await.is_err());
    fixture.clock.advance(Duration::from_secs(11));
    fixture.asked.gets();
    for _ in 0..3 {
        let verified = fixture.check(created.expose_secret()).await.unwrap();
        assert_eq!(verified.reuse_until(), None);
    }
    assert_eq!(fixture.asked.gets(), 3);
    fixture.asked.is_down.store(true, Ordering::SeqCst);
    let verdict = fixture.check(created.expose_secret()).await;
    assert!(matches!(verdict, Err(VerifyError::Unavailable { .. })), "{verdict:?}");
}

#[tokio::test]
async fn what_one_changes_the_other_sees() {
    let fixture = Fixture::new();
    let other = fixture.other(|builder| builder);
    fixture.follow().await;
    follow(&other).await;
    let created = fixture.create().await;
    let (key, id) = (created.expose_secret(), created.key().id.as_str());
    let now = fixture.clock.now();
    assert!(check(&other, key, now, None).await.is_ok(), "at once");

    let epoch = other.epoch();
    fixture.keys.set_scopes(id, &ScopeSet::parse("tasks:read").unwrap()).await.unwrap();
    eventually(|| other.epoch() > epoch).await;
    let verified = check(&other, key, now, None).await.unwrap();
    assert_eq!(verified.principal().scopes().to_string(), "tasks:read");

    let epoch = fixture.keys.epoch();
    fixture.check(key).await.unwrap();
    other.revoke(id).await.unwrap();
    assert_eq!(refused(check(&other, key, now, None).await), TokenRefusal::Revoked);
    eventually(|| fixture.keys.epoch() > epoch).await;
    assert_eq!(refused(fixture.check(key).await), TokenRefusal::Revoked);
}

#[tokio::test]
async fn a_secret_that_another_put_in_place_is_good_before_the_store_tells() {
    let fixture = Fixture::new();
    let other = fixture.other(|builder| builder);
    fixture.follow().await;
    let created = fixture.create().await;
    fixture.check(created.expose_secret()).await.unwrap();
    let epoch = fixture.keys.epoch();
    // Nothing here waits, so that nobody has told yet.
    let rotated = other.rotate(&created.key().id, Duration::ZERO).await.unwrap();
    assert_eq!(fixture.keys.epoch(), epoch);
    fixture.check(rotated.expose_secret()).await.unwrap();
    assert!(fixture.keys.epoch() > epoch, "what was said of the old one is not to be used again");
    assert_eq!(refused(fixture.check(created.expose_secret()).await), TokenRefusal::Unknown);
}

#[tokio::test]
async fn a_flood_of_guesses_at_one_key_asks_the_store_once_in_a_while() {
    let fixture = Fixture::new();
    fixture.follow().await;
    let created = fixture.create().await;
    let key = created.expose_secret();
    fixture.check(key).await.unwrap();
    let epoch = fixture.keys.epoch();
    fixture.asked.gets();
    for i in 0..10_000 {
        let guess = forged(key, 20, &format!("{i:012}"));
        assert_eq!(refused(fixture.check(&guess).await), TokenRefusal::Unknown);
    }
    assert_eq!(fixture.asked.gets(), 16, "sixteen at once, and no more while the clock stands");
    assert_eq!(fixture.keys.epoch(), epoch);
    fixture.check(key).await.unwrap();
    assert_eq!(fixture.asked.gets(), 0);
}

#[tokio::test]
async fn a_revocation_is_told_to_what_ends_streams() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let verified = fixture.check(created.expose_secret()).await.unwrap();
    let [here] = fixture.keys.revocations().try_into().unwrap();
    let [elsewhere] = fixture.other(|builder| builder).revocations().try_into().unwrap();
    assert!(!elsewhere.is_revoked(verified.principal()).await.unwrap());
    fixture.keys.revoke(&created.key().id).await.unwrap();
    assert!(here.is_known_revoked(verified.principal()));
    assert!(elsewhere.is_revoked(verified.principal()).await.unwrap());
}

#[tokio::test]
async fn a_key_that_nobody_came_with_changes_no_verdict() {
    let fixture = Fixture::new();
    fixture.follow().await;
    let epoch = fixture.keys.epoch();
    let created = fixture.create().await;
    fixture.keys.rename(&created.key().id, "renamed").await.unwrap();
    assert_eq!(fixture.keys.epoch(), epoch);
    fixture.check(created.expose_secret()).await.unwrap();
    fixture.keys.rename(&created.key().id, "again").await.unwrap();
    assert!(fixture.keys.epoch() > epoch);
}

#[tokio::test]
async fn a_key_that_had_to_make_room_is_heard_of_still() {
    let fixture = Fixture::with(|builder| builder.cached_keys(1));
    fixture.follow().await;
    let mut created = Vec::new();
    for _ in 0..40 {
        let key = fixture.create().await;
        assert!(fixture.check(key.expose_secret()).await.unwrap().reuse_until().is_some());
        created.push(key);
    }
    for key in created {
        let epoch = fixture.keys.epoch();
        fixture.keys.revoke(&key.key().id).await.unwrap();
        assert!(fixture.keys.epoch() > epoch);
    }
}

#[tokio::test]
async fn a_flood_of_unknown_ids_costs_a_lookup_each_and_pushes_nothing_out() {
    let fixture = Fixture::new();
    fixture.follow().await;
    let created = fixture.create().await;
    let key = created.expose_secret();
    fixture.check(key).await.unwrap();
    let guesses: Vec<String> = (0..10_000).map(|i| forged(key, 8, &format!("{i:012}"))).collect();
    fixture.asked.gets();
    for guess in &guesses {
        assert_eq!(refused(fixture.check(guess).await), TokenRefusal::Unknown);
    }
    assert_eq!(fixture.asked.gets(), 10_000);
    for _ in 0..100 {
        assert_eq!(refused(fixture.check(&guesses[9_999]).await), TokenRefusal::Unknown);
        fixture.check(key).await.unwrap();
    }
    assert_eq!(fixture.asked.gets(), 0, "what was just asked is remembered, and what is good stays");
}
