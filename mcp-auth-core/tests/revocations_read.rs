//! What is told of and cannot be read is revoked, until it can be.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_auth_core::Principal;
use mcp_auth_core::store::{Key, MemoryStore, Store, StoreError, StoreExt};
use mcp_auth_core::testing::{ObservedStore, StoreCall};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::{Revocation, Revocations};

/// A store, a switch that makes it unreadable, and what follows it.
async fn followed(clock: &Clock) -> (Arc<dyn Store>, Arc<AtomicBool>, Revocations) {
    let switch = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&switch);
    let store = ObservedStore::new(MemoryStore::default(), move |call| {
        let is_read = !matches!(call, StoreCall::Commit(_));
        ready(match is_read && is_down.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("unplugged".into())),
            false => Ok(()),
        })
    });
    let store: Arc<dyn Store> = Arc::new(store);
    let revocations = Revocations::over(Arc::clone(&store), clock.clone());
    tokio::spawn(revocations.background().unwrap());
    eventually(|| revocations.is_fresh(clock.now())).await;
    (store, switch, revocations)
}

/// At most ten seconds.
async fn eventually(is_so: impl Fn() -> bool) {
    let waits = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waits).await.expect("it did not come about");
}

#[tokio::test]
async fn what_could_not_be_read_is_read_later() {
    let clock = Clock::system();
    let (store, is_down, revocations) = followed(&clock).await;

    let ada = |issued| Principal::builder("i", "ada").issued_at(Timestamp::from_secs(issued)).build();
    let until = clock.now().plus(Duration::from_secs(3600));
    let before = Revocation::principal("i", "ada", Timestamp::from_secs(1000));
    is_down.store(true, Ordering::SeqCst);
    let other = Revocations::over(store, clock.clone());
    other.revoke(&before, until).await.unwrap();
    eventually(|| revocations.is_known_revoked(&ada(1001))).await;

    is_down.store(false, Ordering::SeqCst);
    eventually(|| !revocations.is_known_revoked(&ada(1001))).await;
    assert!(revocations.is_known_revoked(&ada(1000)), "what it says counts");
}

#[tokio::test]
async fn what_is_gone_when_it_can_be_read_does_not_count() {
    let clock = Clock::system();
    let (store, is_down, revocations) = followed(&clock).await;

    is_down.store(true, Ordering::SeqCst);
    let id = format!("t1:i{}", "token");
    store.put(&Key::new("revoked", "", id.as_str()), "", None).await.unwrap();
    let ada = Principal::builder("i", "ada").token_id("token").build();
    eventually(|| revocations.is_known_revoked(&ada)).await;
    store.remove(&Key::new("revoked", "", id)).await.unwrap();
    is_down.store(false, Ordering::SeqCst);
    eventually(|| !revocations.is_known_revoked(&ada)).await;
}

#[tokio::test]
async fn a_later_revocation_takes_nothing_from_an_earlier_one() {
    let clock = Clock::manual(Timestamp::from_secs(100_000));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock.clone(), 100));
    let revocations = Revocations::over(Arc::clone(&store), clock.clone());
    let hours = |hours: u64| clock.now().plus(Duration::from_secs(hours * 3600));
    for (before, until) in [(100_000, hours(24)), (100_600, hours(1)), (50_000, hours(1))] {
        let before = Revocation::principal("i", "ada", Timestamp::from_secs(before));
        revocations.revoke(&before, until).await.unwrap();
    }
    for (advance, is_revoked) in [(0, true), (2, true), (23, false)] {
        clock.advance(Duration::from_secs(advance * 3600));
        // As a process that begins now finds it.
        let other = Revocations::over(Arc::clone(&store), clock.clone());
        for (issued, by_time) in [(99_999, true), (100_600, true), (100_601, false)] {
            let ada = Principal::builder("i", "ada").issued_at(Timestamp::from_secs(issued)).build();
            assert_eq!(
                other.is_revoked(&ada).await.unwrap(),
                is_revoked && by_time,
                "{issued}, {advance} h later"
            );
        }
    }
}
