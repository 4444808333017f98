//! From the making of a key to its end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mcp_auth_core::store::{Key, Store, StoreExt};
use mcp_auth_core::verify::api_key::{KeyError, NewKey};
use mcp_auth_core::verify::{TokenRefusal, VerifyError};
use mcp_auth_core::{ScopeSet, TokenVerifier as _};

use super::fixture::{DAY, Fixture, START, check, forged, laptop, refused, with_checksum};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_key_says_who_comes_and_what_they_may() {
    let fixture = Fixture::new();
    let end = START.plus(DAY * 365);
    let created = fixture.keys.create(laptop().expires_at(end)).await.unwrap();
    let verified = fixture.check(created.expose_secret()).await.unwrap();
    let principal = verified.principal();
    assert_eq!((principal.issuer(), principal.subject()), ("https://app.example", "ada"));
    assert_eq!(principal.scopes().to_string(), "tasks:read tasks:write");
    assert_eq!((principal.issued_at(), principal.expires_at()), (Some(START), Some(end)));
    let name = principal.api_key().unwrap();
    assert_eq!((name.id.as_str(), name.name.as_str()), (created.key().id.as_str(), "cursor-work-laptop"));
    assert_eq!(name.environment, "production");
    assert_eq!(verified.due_for_rotation(), Some(START.plus(DAY * 90)));
    assert!(verified.binding().is_none() && verified.upstream().is_none());
}

#[tokio::test]
async fn guesses_are_not_known_whatever_became_of_the_key() {
    let fixture = Fixture::new();
    let created = fixture.keys.create(laptop().expires_at(START.plus(HOUR))).await.unwrap();
    let key = created.expose_secret();
    let (secret, id) = (forged(key, 25, "guess"), forged(key, 9, "guess"));
    for guess in [&secret, &id] {
        assert_eq!(refused(fixture.check(guess).await), TokenRefusal::Unknown);
    }
    fixture.clock.advance(HOUR);
    assert_eq!(refused(fixture.check(key).await), TokenRefusal::Expired);
    assert_eq!(refused(fixture.check(&secret).await), TokenRefusal::Unknown);
    fixture.keys.revoke(&created.key().id).await.unwrap();
    assert_eq!(refused(fixture.check(key).await), TokenRefusal::Revoked);
    assert_eq!(refused(fixture.check(&secret).await), TokenRefusal::Unknown);
}

#[tokio::test]
async fn a_key_ends_on_time() {
    let fixture = Fixture::new();
    let created = fixture.keys.create(laptop().expires_at(START.plus(HOUR))).await.unwrap();
    let key = created.expose_secret();
    assert!(check(&fixture.keys, key, START.plus(HOUR - Duration::from_millis(1)), None).await.is_ok());
    assert_eq!(refused(check(&fixture.keys, key, START.plus(HOUR), None).await), TokenRefusal::Expired);
    let late = laptop().expires_at(START);
    assert!(matches!(fixture.keys.create(late).await, Err(KeyError::Invalid { field: "expires_at", .. })));
    fixture.clock.advance(DAY * 31);
    assert_eq!(refused(fixture.check(key).await), TokenRefusal::Unknown, "forgotten");
}

#[tokio::test]
async fn elsewhere_a_key_is_not_known() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let (key, id) = (created.expose_secret(), created.key().id.as_str());
    let staging = fixture.other(|builder| builder.environment("staging"));
    let stranger = fixture.other(|builder| builder.issuer("https://other.example"));
    let renamed = fixture.other(|builder| builder.prefix("corcava_x"));
    let now = fixture.clock.now();
    assert_eq!(refused(check(&staging, key, now, None).await), TokenRefusal::Unknown);
    assert_eq!(refused(check(&stranger, key, now, None).await), TokenRefusal::Unknown);
    assert_eq!(refused(check(&renamed, key, now, None).await), TokenRefusal::Malformed);
    let dressed_up = with_checksum(key[..key.len() - 6].replace("corcava_", "corcava_x_"));
    assert_eq!(refused(check(&renamed, &dressed_up, now, None).await), TokenRefusal::Unknown);

    assert_eq!(staging.get(id).await.unwrap().environment, "production", "managed from anywhere");
    assert!(matches!(stranger.get(id).await, Err(KeyError::NotFound)));
    assert!(matches!(stranger.revoke(id).await, Err(KeyError::NotFound)));
    assert!(stranger.list(None, 10).await.unwrap().keys.is_empty());
    assert!(stranger.list_of("ada", None, 10).await.unwrap().keys.is_empty());
    assert!(fixture.check(key).await.is_ok());
}

#[tokio::test]
async fn a_rotation_overlaps_as_long_as_it_says() {
    let fixture = Fixture::new();
    let first = fixture.create().await;
    fixture.clock.advance(DAY);
    let second = fixture.keys.rotate(&first.key().id, HOUR).await.unwrap();
    assert_eq!(second.key().id, first.key().id);
    assert_eq!((second.key().rotations, second.key().rotated_at), (1, START.plus(DAY)));
    assert_eq!(second.key().overlap_until, Some(START.plus(DAY + HOUR)));

    let old = fixture.check(first.expose_secret()).await.unwrap();
    assert_eq!(old.due_for_rotation(), Some(START.plus(DAY)), "who comes with the old one is told");
    let new = fixture.check(second.expose_secret()).await.unwrap();
    assert_eq!(new.due_for_rotation(), Some(START.plus(DAY * 91)));

    fixture.clock.advance(HOUR);
    assert_eq!(refused(fixture.check(first.expose_secret()).await), TokenRefusal::Unknown);
    assert!(fixture.check(second.expose_secret()).await.is_ok());
}

#[tokio::test]
async fn a_second_rotation_ends_the_first_secret_and_none_needs_an_overlap() {
    let fixture = Fixture::new();
    let first = fixture.create().await;
    let id = first.key().id.as_str();
    let second = fixture.keys.rotate(id, DAY).await.unwrap();
    let third = fixture.keys.rotate(id, DAY).await.unwrap();
    assert_eq!(refused(fixture.check(first.expose_secret()).await), TokenRefusal::Unknown);
    assert!(fixture.check(second.expose_secret()).await.is_ok());
    let fourth = fixture.keys.rotate(id, Duration::ZERO).await.unwrap();
    assert_eq!(fourth.key().overlap_until, None);
    for ended in [&second, &third] {
        assert_eq!(refused(fixture.check(ended.expose_secret()).await), TokenRefusal::Unknown);
    }
    assert!(fixture.check(fourth.expose_secret()).await.is_ok());
    assert!(matches!(
        fixture.keys.rotate(id, DAY * 31).await,
        Err(KeyError::Invalid { field: "overlap", .. })
    ));
}

/// Broken off after the first of its writes: what was written stays written, and says it all.
#[tokio::test]
async fn a_revocation_that_was_broken_off_does_not_wear_off() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    fixture.asked.failing_commit.store(2, Ordering::SeqCst);
    assert!(matches!(fixture.keys.revoke(&created.key().id).await, Err(KeyError::Store(_))));
    assert_eq!(refused(fixture.check(created.expose_secret()).await), TokenRefusal::Revoked);
    let after_a_restart = fixture.other(|builder| builder);
    for (days, refusal) in [(0, TokenRefusal::Revoked), (31, TokenRefusal::Unknown)] {
        fixture.clock.advance(DAY * days);
        let checked = check(&after_a_restart, created.expose_secret(), fixture.clock.now(), None).await;
        assert_eq!(refused(checked), refusal, "{days} days later");
    }
}

/// Where the record cannot be written, the key ends all the same: the owner is told to try again.
#[tokio::test]
async fn a_revocation_without_its_record_is_told_to_others() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let principal = fixture.check(created.expose_secret()).await.unwrap().principal().clone();
    fixture.asked.failing_commit.store(1, Ordering::SeqCst);
    assert!(matches!(fixture.keys.revoke(&created.key().id).await, Err(KeyError::Store(_))));
    for keys in [fixture.keys.clone(), fixture.other(|builder| builder)] {
        let [revocations] = keys.revocations().try_into().unwrap();
        assert!(revocations.is_revoked(&principal).await.unwrap());
    }
}

#[tokio::test]
async fn revoking_ends_both_secrets_and_stays() {
    let fixture = Fixture::new();
    let first = fixture.create().await;
    let id = first.key().id.as_str();
    let second = fixture.keys.rotate(id, DAY).await.unwrap();
    let revoked = fixture.keys.revoke(id).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(START));
    for key in [&first, &second] {
        assert_eq!(refused(fixture.check(key.expose_secret()).await), TokenRefusal::Revoked);
    }
    fixture.clock.advance(HOUR);
    assert_eq!(fixture.keys.revoke(id).await.unwrap().revoked_at, Some(START), "again changes nothing");
    assert!(matches!(fixture.keys.rotate(id, HOUR).await, Err(KeyError::Ended)));
    assert!(matches!(fixture.keys.set_scopes(id, &ScopeSet::default()).await, Err(KeyError::Ended)));
    assert_eq!(fixture.keys.list_of("ada", None, 10).await.unwrap().keys.len(), 1);
    fixture.clock.advance(DAY * 30);
    assert!(matches!(fixture.keys.get(id).await, Err(KeyError::NotFound)));
    assert!(fixture.keys.list_of("ada", None, 10).await.unwrap().keys.is_empty());
}

#[tokio::test]
async fn names_and_scopes_change_at_once() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let id = created.key().id.as_str();
    fixture.keys.rename(id, "ada's phone").await.unwrap();
    fixture.keys.set_scopes(id, &ScopeSet::parse("tasks:read").unwrap()).await.unwrap();
    let verified = fixture.check(created.expose_secret()).await.unwrap();
    assert_eq!(verified.principal().scopes().to_string(), "tasks:read");
    assert_eq!(verified.principal().api_key().unwrap().name, "ada's phone");
    for nobody in ["", "0", "nobodysnobod", "../../../etc", "nobodysnobod0"] {
        assert!(matches!(fixture.keys.rename(nobody, "x").await, Err(KeyError::NotFound)), "{nobody}");
    }
}

#[tokio::test]
async fn names_may_hold_markup_but_no_control_characters() {
    let fixture = Fixture::new();
    for name in
        ["'; DROP TABLE entries; --", "<script>alert(1)</script>", "{{7*7}} %00 \\", "Ädas Läppchen 🦀"]
    {
        let created = fixture.keys.create(NewKey::new(name, name)).await.unwrap();
        let listed = fixture.keys.list_of(name, None, 10).await.unwrap().keys;
        assert_eq!(listed, [created.key().clone()]);
        let verified = fixture.check(created.expose_secret()).await.unwrap();
        assert_eq!(verified.principal().subject(), name);
        assert_eq!(verified.principal().api_key().unwrap().name, name);
    }
    let long = "x".repeat(257);
    for name in ["", "  ", "a\nb", "a\0", "\u{1b}[31m", "a\u{202e}b", "\u{2028}", &long] {
        assert!(
            matches!(
                fixture.keys.create(NewKey::new(name, "ada")).await,
                Err(KeyError::Invalid { field: "name", .. })
            ),
            "{name:?}"
        );
        assert!(
            matches!(
                fixture.keys.create(NewKey::new("k", name)).await,
                Err(KeyError::Invalid { field: "owner", .. })
            ),
            "{name:?}"
        );
    }
    let id = fixture.create().await.key().id.clone();
    assert!(matches!(fixture.keys.rename(&id, "a\tb").await, Err(KeyError::Invalid { field: "name", .. })));
    for environment in ["", "Production", "prod uction", "p/../q", &"p".repeat(33)] {
        let new = laptop().environment(environment);
        assert!(matches!(
            fixture.keys.create(new).await,
            Err(KeyError::Invalid { field: "environment", .. })
        ));
    }
}

#[tokio::test]
async fn lists_come_in_pages_and_apart_by_owner() {
    let fixture = Fixture::new();
    for owner in ["ada", "bob", "ada", "ada'", "ada"] {
        fixture.keys.create(NewKey::new("k", owner)).await.unwrap();
    }
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = fixture.keys.list_of("ada", after.as_deref(), 2).await.unwrap();
        ids.extend(page.keys.into_iter().map(|key| (key.id, key.owner)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted() && ids.iter().all(|(_, owner)| owner == "ada"));
    assert_eq!(fixture.keys.list(None, 0).await.unwrap().keys.len(), 1);
    assert_eq!(fixture.keys.list(None, 10_000).await.unwrap().keys.len(), 5);
}

#[tokio::test]
async fn only_hashes_are_kept() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let rotated = fixture.keys.rotate(&created.key().id, HOUR).await.unwrap();
    let mut kept = String::new();
    for collection in ["api_keys", "api_keys_by_owner", "api_key_usage"] {
        for entry in fixture.store.scan(collection, "", None, 100).await.unwrap() {
            kept += std::str::from_utf8(&entry.value).unwrap();
        }
    }
    assert!(kept.contains("cursor-work-laptop"));
    for key in [created.expose_secret(), rotated.expose_secret()] {
        let secret = &key["corcava_".len() + 12..];
        assert!((0..secret.len() - 8).all(|at| !kept.contains(&secret[at..at + 8])), "{kept}");
    }
}

#[tokio::test]
async fn what_is_half_there_is_no_key() {
    let fixture = Fixture::new();
    let partition = format!("{}:{}ada", "https://app.example".len(), "https://app.example");
    let index = Key::new("api_keys_by_owner", partition, "cutoffcutoff");
    fixture.store.put(&index, START.as_millis().to_string(), None).await.unwrap();
    assert!(fixture.keys.list_of("ada", None, 10).await.unwrap().keys.is_empty());
    assert!(fixture.store.get(&index).await.unwrap().is_some(), "it may be on its way");
    fixture.clock.advance(HOUR * 2);
    assert!(fixture.keys.list_of("ada", None, 10).await.unwrap().keys.is_empty());
    assert!(fixture.store.get(&index).await.unwrap().is_none());
}

#[tokio::test]
async fn a_damaged_record_lets_nobody_in_and_is_not_called_a_bad_key() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let key = Key::new("api_keys", "", created.key().id.as_str());
    let good = fixture.store.get(&key).await.unwrap().unwrap().value;
    let good = std::str::from_utf8(&good).unwrap();
    for damaged in [
        "",
        "{}",
        "null",
        &good.replace(r#""v":1"#, r#""v":2"#),
        &good.replace(r#""v":1"#, r#""v":1,"more":true"#),
        &good.replace("tasks:read", "tasks\\\"read"),
        &good.replace(r#""secret":""#, r#""secret":"AA"#),
    ] {
        fixture.store.put(&key, damaged.to_owned(), None).await.unwrap();
        let verdict = fixture.check(created.expose_secret()).await;
        assert!(matches!(verdict, Err(VerifyError::Unavailable { .. })), "{damaged}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_no_verdict() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    fixture.asked.is_down.store(true, Ordering::SeqCst);
    assert!(matches!(fixture.check(created.expose_secret()).await, Err(VerifyError::Unavailable { .. })));
    assert!(matches!(fixture.keys.create(laptop()).await, Err(KeyError::Store(_))));
    assert!(matches!(fixture.keys.revoke(&created.key().id).await, Err(KeyError::Store(_))));
}
