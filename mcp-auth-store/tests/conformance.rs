//! The whole kit, on files.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::{AtomicU32, Ordering};

use common::{Directory, clock};
use mcp_auth_core::store::{KeyRing, Sealed, conformance};
use mcp_auth_store::SqliteStore;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes() {
    let directory = Directory::new();
    let count = AtomicU32::new(0);
    conformance::check(|| async {
        let clock = clock();
        let path = directory.file(&count.fetch_add(1, Ordering::SeqCst).to_string());
        (SqliteStore::builder(path).clock(clock.clone()).open().await.unwrap(), clock)
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn sealed_sqlite_passes_on_one_thread() {
    let directory = Directory::new();
    let count = AtomicU32::new(0);
    conformance::check(|| async {
        let clock = clock();
        let path = directory.file(&count.fetch_add(1, Ordering::SeqCst).to_string());
        let store = SqliteStore::builder(path).clock(clock.clone()).open().await.unwrap();
        (Sealed::new(store, KeyRing::generate().unwrap()), clock)
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_reopened() {
    let (directory, clock, ring) = (Directory::new(), clock(), KeyRing::generate().unwrap());
    conformance::check_reopened(|| async {
        let builder = SqliteStore::builder(directory.file("plain")).clock(clock.clone());
        (builder.open().await.unwrap(), clock.clone())
    })
    .await
    .unwrap();
    conformance::check_reopened(|| async {
        let builder = SqliteStore::builder(directory.file("sealed")).clock(clock.clone());
        (Sealed::new(builder.open().await.unwrap(), ring.clone()), clock.clone())
    })
    .await
    .unwrap();
}
