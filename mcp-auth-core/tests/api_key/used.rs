//! Uses: noted beside the request, and told of.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_auth_core::TokenVerifier;
use mcp_auth_core::store::{Key, Store};
use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::api_key::{ApiKeys, ApiKeysBuilder, KeyEvent, LastUse, NewKey};

use super::fixture::{DAY, Fixture, START, check, follow};

type Told = Arc<Mutex<Vec<KeyEvent>>>;

const MINUTE: Duration = Duration::from_secs(60);

fn telling(told: &Told) -> impl FnOnce(ApiKeysBuilder) -> ApiKeysBuilder + use<> {
    let told = Arc::clone(told);
    move |builder| builder.on_event(move |event| told.lock().unwrap().push(event.clone()))
}

/// Waits until what was noted is written down: so is the use of a further key, which was noted after it.
async fn settle(keys: &ApiKeys, now: Timestamp) {
    let further = keys.create(NewKey::new("further", "nobody")).await.unwrap();
    for _ in 0..1000 {
        check(keys, further.expose_secret(), now, None).await.unwrap();
        if keys.get(&further.key().id).await.unwrap().last_used.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("uses are not written down");
}

async fn last(fixture: &Fixture, id: &str) -> Option<LastUse> {
    settle(&fixture.keys, fixture.clock.now()).await;
    fixture.keys.get(id).await.unwrap().last_used
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute() {
    let fixture = Fixture::new();
    fixture.follow().await;
    let created = fixture.create().await;
    let (key, id) = (created.expose_secret(), created.key().id.as_str());
    assert_eq!(last(&fixture, id).await, None);
    fixture.check_from(key, "192.0.2.7").await.unwrap();
    let first = last(&fixture, id).await.unwrap();
    assert_eq!((first.at, first.address), (START, Some(address("192.0.2.7"))));
    let usage = Key::new("api_key_usage", "", id);
    let version = fixture.store.get(&usage).await.unwrap().unwrap().version;

    let epoch = fixture.keys.epoch();
    fixture.clock.advance(MINUTE - Duration::from_millis(1));
    for _ in 0..10 {
        fixture.check_from(key, "192.0.2.7").await.unwrap();
    }
    settle(&fixture.keys, fixture.clock.now()).await;
    assert_eq!(fixture.store.get(&usage).await.unwrap().unwrap().version, version);
    fixture.clock.advance(Duration::from_millis(1));
    fixture.check_from(key, "192.0.2.7").await.unwrap();
    assert_eq!(last(&fixture, id).await.unwrap().at, START.plus(MINUTE));
    assert_eq!(fixture.keys.epoch(), epoch, "no verdict became doubtful");
}

#[tokio::test]
async fn a_new_address_is_told_once() {
    let told = Told::default();
    let fixture = Fixture::with(telling(&told));
    fixture.follow().await;
    let created = fixture.create().await;
    let key = created.expose_secret();
    let from = [
        "192.0.2.7",
        "192.0.2.7",
        "192.0.2.8",
        "2001:db8::1",
        "2001:db8::2",
        "192.0.2.7",
        "::ffff:192.0.2.8",
    ];
    for from in from {
        fixture.check_from(key, from).await.unwrap();
    }
    fixture.check(key).await.unwrap();
    settle(&fixture.keys, fixture.clock.now()).await;
    let seen: Vec<_> = told
        .lock()
        .unwrap()
        .iter()
        .map(|event| match event {
            KeyEvent::NewAddress { key, owner, address, is_first, .. } => {
                assert_eq!((key.name.as_str(), owner.as_str()), ("cursor-work-laptop", "ada"));
                (address.to_string(), *is_first)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [("192.0.2.7", true), ("192.0.2.8", false), ("2001:db8::1", false)];
    assert_eq!(seen, expected.map(|(address, is_first)| (address.to_owned(), is_first)));
}

#[tokio::test]
async fn another_process_does_not_tell_again() {
    let told = Told::default();
    let fixture = Fixture::with(telling(&told));
    let other = fixture.other(telling(&told));
    fixture.follow().await;
    follow(&other).await;
    let created = fixture.create().await;
    let from = Some(address("192.0.2.7"));
    for keys in [&fixture.keys, &other] {
        check(keys, created.expose_secret(), START, from).await.unwrap();
        settle(keys, START).await;
    }
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_addresses_kept_are_few_and_hashed() {
    let fixture = Fixture::new();
    fixture.follow().await;
    let created = fixture.create().await;
    for i in 0..100 {
        fixture.check_from(created.expose_secret(), &format!("198.51.100.{i}")).await.unwrap();
    }
    settle(&fixture.keys, fixture.clock.now()).await;
    let usage = Key::new("api_key_usage", "", created.key().id.as_str());
    let kept = fixture.store.get(&usage).await.unwrap().unwrap().value;
    assert!(kept.len() < 1200, "{}", kept.len());
    let kept = std::str::from_utf8(&kept).unwrap();
    assert!(kept.contains("198.51.100.99") && !kept.contains("198.51.100.98"), "{kept}");
}

#[tokio::test]
async fn a_due_rotation_is_told_once_for_each_secret() {
    let told = Told::default();
    let fixture = Fixture::with(telling(&told));
    fixture.follow().await;
    let created = fixture.create().await;
    let id = created.key().id.as_str();
    fixture.clock.advance(DAY * 90 - MINUTE);
    fixture.check(created.expose_secret()).await.unwrap();
    settle(&fixture.keys, fixture.clock.now()).await;
    assert!(told.lock().unwrap().is_empty());
    assert!(!fixture.keys.get(id).await.unwrap().is_due(fixture.clock.now()));

    fixture.clock.advance(MINUTE);
    for _ in 0..5 {
        fixture.check(created.expose_secret()).await.expect("it is taken all the same");
        fixture.clock.advance(MINUTE);
        settle(&fixture.keys, fixture.clock.now()).await;
    }
    assert!(fixture.keys.get(id).await.unwrap().is_due(fixture.clock.now()));
    let due_at = START.plus(DAY * 90);
    assert!(matches!(&told.lock().unwrap()[..], [KeyEvent::RotationDue { due_at: at, .. }] if *at == due_at));

    let rotated = fixture.keys.rotate(id, Duration::ZERO).await.unwrap();
    assert!(!rotated.key().is_due(fixture.clock.now()));
    fixture.check(rotated.expose_secret()).await.unwrap();
    settle(&fixture.keys, fixture.clock.now()).await;
    assert_eq!(told.lock().unwrap().len(), 1);
    fixture.clock.advance(DAY * 90);
    fixture.check(rotated.expose_secret()).await.unwrap();
    settle(&fixture.keys, fixture.clock.now()).await;
    assert_eq!(told.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn each_environment_has_its_age() {
    let fixture = Fixture::with(|builder| {
        builder.rotate_after("production", Some(DAY * 30)).rotate_after("development", None)
    });
    for (environment, days) in [("production", Some(30)), ("development", None), ("staging", Some(90))] {
        let new = super::fixture::laptop().environment(environment);
        let created = fixture.keys.create(new).await.unwrap();
        assert_eq!(created.key().rotation_due, days.map(|days| START.plus(DAY * days)), "{environment}");
    }
}

#[tokio::test]
async fn noting_never_holds_a_request_up_and_makes_up_for_what_was_lost() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let (key, id) = (created.expose_secret(), created.key().id.as_str());
    for i in 0..5_000 {
        let from = format!("10.0.{}.{}", i / 250, i % 250);
        fixture.check_from(key, &from).await.unwrap();
    }
    assert_eq!(fixture.keys.get(id).await.unwrap().last_used, None, "nobody writes");
    fixture.follow().await;
    settle(&fixture.keys, START).await;
    fixture.check_from(key, "192.0.2.7").await.unwrap();
    assert_eq!(last(&fixture, id).await.unwrap().address, Some(address("192.0.2.7")));

    fixture.clock.advance(Duration::from_secs(8));
    fixture.asked.is_down.store(true, Ordering::SeqCst);
    fixture.check_from(key, "192.0.2.8").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    fixture.asked.is_down.store(false, Ordering::SeqCst);
    fixture.check_from(key, "192.0.2.8").await.unwrap();
    assert_eq!(last(&fixture, id).await.unwrap().address, Some(address("192.0.2.8")));
}

/// A use that is written after the key was revoked is forgotten with the key.
#[tokio::test]
async fn a_late_use_is_kept_no_longer_than_its_key() {
    let end = async |fixture: &Fixture, id: &str| {
        let entry = fixture.store.get(&Key::new("api_key_usage", "", id)).await.unwrap();
        entry.unwrap().expires_at
    };
    for is_used_before in [false, true] {
        let fixture = Fixture::new();
        fixture.follow().await;
        let created = fixture.create().await;
        let (key, id) = (created.expose_secret(), created.key().id.as_str());
        if is_used_before {
            fixture.check_from(key, "192.0.2.7").await.unwrap();
            settle(&fixture.keys, START).await;
            assert_eq!(end(&fixture, id).await, None);
        }
        // Another process has a use in its queue while the key is revoked.
        let other = fixture.other(|builder| builder);
        check(&other, key, START, Some(address("192.0.2.8"))).await.unwrap();
        fixture.keys.revoke(id).await.unwrap();
        follow(&other).await;
        settle(&other, START).await;
        let key = fixture.keys.get(id).await.unwrap();
        assert_eq!(key.last_used.unwrap().address, Some(address("192.0.2.8")), "it was written");
        assert!(end(&fixture, id).await.is_some(), "used before: {is_used_before}");
    }
}
