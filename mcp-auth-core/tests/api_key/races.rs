//! Several at once.

use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::verify::TokenRefusal;
use mcp_auth_core::verify::api_key::{CreatedKey, KeyError};
use tokio::sync::Barrier;

use super::fixture::{DAY, Fixture, refused};

const AT_ONCE: usize = 8;

/// Rotates `id` from several tasks at once; what was acknowledged, in order.
async fn rotate_at_once(fixture: &Fixture, id: &str) -> Vec<CreatedKey> {
    let barrier = Arc::new(Barrier::new(AT_ONCE));
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (keys, barrier, id) = (fixture.keys.clone(), Arc::clone(&barrier), id.to_owned());
            tokio::spawn(async move {
                barrier.wait().await;
                keys.rotate(&id, DAY).await
            })
        })
        .collect();
    let mut rotated = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(created) => rotated.push(created),
            Err(error) => assert!(matches!(error, KeyError::Changed | KeyError::Ended), "{error}"),
        }
    }
    rotated.sort_by_key(|created| created.key().rotations);
    rotated
}

#[tokio::test]
async fn of_two_rotations_that_read_the_same_one_fails() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let id = created.key().id.as_str();
    fixture.asked.write_at_once();
    let (one, other) = tokio::join!(fixture.keys.rotate(id, DAY), fixture.keys.rotate(id, DAY));
    let (good, failed) = match (one, other) {
        (Ok(good), Err(failed)) | (Err(failed), Ok(good)) => (good, failed),
        both => panic!("{both:?}"),
    };
    assert!(matches!(failed, KeyError::Changed), "{failed}");
    assert_eq!(fixture.keys.get(id).await.unwrap().rotations, 1);
    for key in [&created, &good] {
        assert!(fixture.check(key.expose_secret()).await.is_ok());
    }
}

#[tokio::test]
async fn a_revocation_that_read_before_a_rotation_ends_its_secret() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let id = created.key().id.as_str();
    fixture.asked.write_at_once();
    let (revoked, rotated) = tokio::join!(fixture.keys.revoke(id), fixture.keys.rotate(id, DAY));
    revoked.unwrap();
    for key in [created, rotated.unwrap()] {
        assert_eq!(refused(fixture.check(key.expose_secret()).await), TokenRefusal::Revoked);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_rotations_at_once_the_last_two_secrets_count() {
    let fixture = Fixture::new();
    fixture.follow().await;
    for _ in 0..50 {
        let created = fixture.create().await;
        let id = created.key().id.as_str();
        let mut secrets = vec![created.expose_secret().to_owned()];
        let rotated = rotate_at_once(&fixture, id).await;
        assert!(!rotated.is_empty());
        secrets.extend(rotated.iter().map(|created| created.expose_secret().to_owned()));
        assert_eq!(fixture.keys.get(id).await.unwrap().rotations as usize, rotated.len());
        let (gone, good) = secrets.split_at(secrets.len() - 2);
        for key in good {
            assert!(fixture.check(key).await.is_ok());
        }
        for key in gone {
            assert_eq!(refused(fixture.check(key).await), TokenRefusal::Unknown);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_under_way_a_revoked_key_stays_revoked() {
    let fixture = Fixture::new();
    fixture.follow().await;
    for _ in 0..50 {
        let created = fixture.create().await;
        let id = created.key().id.clone();
        let revoking = {
            let (keys, id) = (fixture.keys.clone(), id.clone());
            tokio::spawn(async move { keys.revoke(&id).await })
        };
        let changing = {
            let (keys, id) = (fixture.keys.clone(), id.clone());
            tokio::spawn(async move {
                let scopes = ScopeSet::parse("tasks:delete").unwrap();
                for _ in 0..20 {
                    if !matches!(keys.set_scopes(&id, &scopes).await, Ok(_) | Err(KeyError::Changed)) {
                        break;
                    }
                }
            })
        };
        let checking = {
            let (keys, key) = (fixture.keys.clone(), created.expose_secret().to_owned());
            let now = fixture.clock.now();
            tokio::spawn(async move {
                for _ in 0..50 {
                    drop(super::fixture::check(&keys, &key, now, None).await);
                }
            })
        };
        let rotated = rotate_at_once(&fixture, &id).await;
        changing.await.unwrap();
        checking.await.unwrap();
        let revoked = revoking.await.unwrap();
        if matches!(revoked, Err(KeyError::Changed)) {
            fixture.keys.revoke(&id).await.unwrap();
        } else {
            revoked.unwrap();
        }
        for key in rotated.iter().chain([&created]) {
            let refusal = refused(fixture.check(key.expose_secret()).await);
            assert!(matches!(refusal, TokenRefusal::Revoked | TokenRefusal::Unknown), "{refusal}");
        }
        let latest = rotated.last().unwrap_or(&created).expose_secret();
        assert_eq!(refused(fixture.check(latest).await), TokenRefusal::Revoked);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_name_and_a_new_secret_do_not_undo_each_other() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let id = created.key().id.as_str();
    for i in 0..50 {
        let name = format!("name {i}");
        let (renamed, rotated) =
            tokio::join!(fixture.keys.rename(id, &name), fixture.keys.rotate(id, Duration::ZERO));
        renamed.unwrap();
        let rotated = rotated.unwrap();
        let verified = fixture.check(rotated.expose_secret()).await.unwrap();
        assert_eq!(verified.principal().api_key().unwrap().name, name);
    }
}
