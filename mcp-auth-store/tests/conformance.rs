//! The public checks of every store, on SQLite: bare and sealed, new and opened again.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_auth_core::store::{KeyRing, Sealed, conformance};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_store::SqliteStore;

fn clock() -> Clock {
    Clock::manual(Timestamp::from_secs(1_000_000))
}

/// A file that was not there before, in a directory that lives as long as the test.
fn next(dir: &tempfile::TempDir, count: &AtomicUsize) -> PathBuf {
    dir.path().join(count.fetch_add(1, Ordering::SeqCst).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_store() {
    let (dir, count) = (tempfile::tempdir().unwrap(), AtomicUsize::new(0));
    conformance::check(|| async {
        let clock = clock();
        (SqliteStore::builder(next(&dir, &count)).clock(clock.clone()).open().await.unwrap(), clock)
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_store_that_is_sealed() {
    let (dir, count) = (tempfile::tempdir().unwrap(), AtomicUsize::new(0));
    let ring = KeyRing::generate().unwrap();
    conformance::check(|| async {
        let clock = clock();
        let store = SqliteStore::builder(next(&dir, &count)).clock(clock.clone()).open().await.unwrap();
        (Sealed::new(store, ring.clone()), clock)
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_opened_again() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let path = dir.path().join("store.db");
    conformance::check_reopened(|| async {
        (SqliteStore::builder(&path).clock(clock.clone()).open().await.unwrap(), clock.clone())
    })
    .await
    .unwrap();
}
