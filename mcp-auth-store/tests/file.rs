//! The file: who may read it, what it refuses to be, how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use common::{Directory, clock};
use mcp_auth_core::store::{Change, Committed, Condition, Key, Store, StoreError, StoreExt, Write};
use mcp_auth_store::{OpenError, SqliteStore};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

fn key(id: impl Into<String>) -> Key {
    Key::new("c", "p", id)
}

#[cfg(unix)]
#[tokio::test]
async fn its_owner_alone_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let store = SqliteStore::open(directory.file("s")).await.unwrap();
    store.put(&key("a"), "1", None).await.unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name());
    }
    assert_eq!(names.len(), 3, "file, log and index: {names:?}");
}

#[tokio::test]
async fn a_closed_store_has_all_in_one_file_and_answers_no_more() {
    let directory = Directory::new();
    let store = SqliteStore::open(directory.file("s")).await.unwrap();
    let (clone, mut watch) = (store.clone(), store.watch());
    store.put(&key("a"), "1", None).await.unwrap();
    store.close().await;
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "SQLite's log was written back");
    assert!(matches!(clone.get(&key("a")).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(clone.put(&key("a"), "2", None).await, Err(StoreError::Unavailable(_))));
    clone.close().await;
    while let Some(change) = watch.next().await {
        assert_ne!(change, Change::Resync);
    }
    assert_eq!(clone.watch().next().await, None);
    let again = SqliteStore::open(directory.file("s")).await.unwrap();
    assert_eq!(again.get(&key("a")).await.unwrap().unwrap().value, "1");
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_tasks() {
    let directory = Directory::new();
    let store = SqliteStore::open(directory.file("s")).await.unwrap();
    let mut watch = store.watch();
    let clone = store.clone();
    drop(store);
    clone.put(&key("a"), "1", None).await.unwrap();
    drop(clone);
    let ended = async { while watch.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the watch ends with the store");
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_left_as_it_is() {
    let directory = Directory::new();
    let text = directory.file("text");
    fs::write(&text, "not a database, but long enough to be taken for one".repeat(100)).unwrap();
    let before = fs::read(&text).unwrap();
    assert!(matches!(SqliteStore::open(&text).await, Err(OpenError::Damaged(_))));
    assert_eq!(fs::read(&text).unwrap(), before);
    let nowhere = directory.file("no/such/directory");
    assert!(matches!(SqliteStore::open(&nowhere).await, Err(OpenError::File(_))));
}

#[tokio::test]
async fn a_newer_or_foreign_file_is_refused() {
    let directory = Directory::new();
    let path = directory.file("s");
    SqliteStore::open(&path).await.unwrap().close().await;
    // SQLite keeps `user_version` in bytes 60 to 63 of the header, `application_id` in 68 to 71.
    let good = fs::read(&path).unwrap();
    let mut newer = good.clone();
    newer[63] = 9;
    fs::write(&path, newer).unwrap();
    let refused = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 9, known: 1 }), "{refused:?}");
    assert!(refused.to_string().contains("schema 9, newer than 1"));
    let mut foreign = good.clone();
    foreign[71] ^= 1;
    fs::write(&path, &foreign).unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(OpenError::Foreign)));
    assert_eq!(fs::read(&path).unwrap(), foreign, "left as it is");
    fs::write(&path, good).unwrap();
    SqliteStore::open(&path).await.unwrap();
}

#[tokio::test]
async fn a_damaged_page_is_said_to_be_damaged() {
    let directory = Directory::new();
    let path = directory.file("s");
    let store = SqliteStore::open(&path).await.unwrap();
    for number in 0..200 {
        store.put(&key(number.to_string()), vec![7; 400], None).await.unwrap();
    }
    store.close().await;
    let mut bytes = fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xff);
    }
    fs::write(&path, bytes).unwrap();
    match SqliteStore::open(&path).await {
        Err(OpenError::Damaged(_)) => {}
        Err(other) => panic!("{other:?}"),
        Ok(store) => {
            assert!(matches!(store.get(&key("1")).await, Err(StoreError::Damaged(_))));
            assert!(matches!(store.put(&key("1"), "", None).await, Err(StoreError::Damaged(_))));
        }
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_what_just_fits_is_not() {
    let directory = Directory::new();
    let store = SqliteStore::open(directory.file("s")).await.unwrap();
    let value = Bytes::from(vec![1; 1024 * 1024]);
    store.put(&key("a"), value.clone(), None).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().value, value);
    store.put(&key("i".repeat(1024)), "1", None).await.unwrap();
    let refused = |answer| matches!(answer, Err(StoreError::TooLarge));
    assert!(refused(store.put(&key("a"), vec![1; 1024 * 1024 + 1], None).await));
    assert!(refused(store.put(&key("i".repeat(1025)), "1", None).await));
    assert!(refused(store.put(&Key::new("c", "p".repeat(1025), "i"), "1", None).await));
    let many = |count: usize| {
        let content = Some((Bytes::new(), None));
        (0..count)
            .map(|n| Write { key: key(n.to_string()), condition: Condition::Any, content: content.clone() })
            .collect::<Vec<_>>()
    };
    assert_eq!(store.commit(many(1024)).await.unwrap(), Committed::Yes);
    assert!(matches!(store.commit(many(1025)).await, Err(StoreError::TooLarge)));
}

#[tokio::test]
async fn what_expired_is_swept_and_nothing_else() {
    let (directory, clock) = (Directory::new(), clock());
    let path = directory.file("s");
    let soon = Some(clock.now().plus(Duration::from_secs(1)));
    let store = SqliteStore::builder(&path).clock(clock.clone()).open().await.unwrap();
    for part in 0..2 {
        let write = |n: usize| Write {
            key: key(format!("{part} {n}")),
            condition: Condition::Any,
            content: Some((Bytes::new(), if n == 0 { None } else { soon })),
        };
        assert_eq!(store.commit((0..1000).map(write).collect()).await.unwrap(), Committed::Yes);
    }
    store.close().await;
    clock.advance(Duration::from_secs(1));
    let store = SqliteStore::builder(&path).clock(clock).open().await.unwrap();
    let mut beside = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let swept = async {
        loop {
            let rows: i64 =
                sqlx::query_scalar("SELECT count(*) FROM entries").fetch_one(&mut beside).await.unwrap();
            assert!(rows >= 2, "what does not expire stays");
            if rows == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), swept).await.expect("rows are swept");
    assert_eq!(store.scan("c", "p", None, 10).await.unwrap().len(), 2);
}
