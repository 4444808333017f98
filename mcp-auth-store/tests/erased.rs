//! What was deleted or replaced is gone from the disk: from the file, and from SQLite's log beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::Directory;
use mcp_auth_core::store::{Change, Committed, Condition, Key, Store, StoreError, StoreExt, Write};
use mcp_auth_store::SqliteStore;

const MARK: &[u8] = b"secret-";

/// How often what begins with the mark stands in the file and in the log.
fn traces(path: &Path, mark: &[u8]) -> usize {
    let bytes = |end: &str| fs::read(format!("{}{end}", path.display())).unwrap_or_default();
    let count = |bytes: Vec<u8>| bytes.windows(mark.len()).filter(|part| *part == mark).count();
    ["", "-wal"].map(|end| count(bytes(end))).iter().sum()
}

/// So many values of all sizes, some of them on pages of their own, in an order that splits pages.
fn values(count: usize) -> impl Iterator<Item = (Key, Vec<u8>)> {
    (0..count).map(move |n| {
        let id = n * 7919 % count;
        let mut value = [MARK, format!("{id:06}").as_bytes()].concat();
        value.resize(64 + id * 37 % 9000, b'.');
        (Key::new("c", format!("p{}", id % 7), format!("{id}")), value)
    })
}

#[tokio::test]
async fn what_was_deleted_is_gone_after_a_while_and_at_once_when_it_is_closed() {
    let directory = Directory::new();
    let path = directory.file("s");
    // Another process has the file open all the time: the last one to close it would take the log away.
    let other = SqliteStore::open(&path).await.unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    for (key, value) in values(150) {
        store.put(&key, value, None).await.unwrap();
    }
    let stays = Key::new("c", "p0", "0");
    assert!(traces(&path, MARK) >= 150);
    for (key, value) in values(150).filter(|(key, _)| *key != stays) {
        if value.len() % 2 == 0 {
            store.take(&key).await.unwrap().unwrap();
        } else {
            store.put(&key, "other", None).await.unwrap();
        }
    }
    let gone = async {
        while traces(&path, MARK) > 1 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), gone).await;
    waited.unwrap_or_else(|_| panic!("{} traces are left", traces(&path, MARK)));

    store.put(&Key::new("c", "p0", "last"), "hidden-1", None).await.unwrap();
    store.take(&Key::new("c", "p0", "last")).await.unwrap().unwrap();
    store.close().await;
    assert_eq!(traces(&path, b"hidden-"), 0, "closed: nothing is waited for");
    assert!(other.get(&stays).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_written_anew_has_no_trace_of_what_moved_from_page_to_page() {
    let directory = Directory::new();
    let path = directory.file("s");
    let other = SqliteStore::open(&path).await.unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    // Small ones that grow, here and there, so that many are moved; then half of them are deleted, one here and one there.
    let ids = || (0..4000).map(|n| n * 7919 % 4000);
    let write = |id: usize, content: Option<Vec<u8>>| Write {
        key: Key::new("c", "p", id.to_string()),
        condition: Condition::Any,
        content: content.map(|value| (value.into(), None)),
    };
    let value = |id: usize, length: usize| {
        let mut value = [MARK, format!("{id:06}").as_bytes()].concat();
        value.resize(length, b'.');
        Some(value)
    };
    let small = ids().map(|id| write(id, value(id, 20)));
    let grown = ids().map(|id| write(id, value(id, 60 + id * 31 % 400)));
    let gone = ids().filter(|id| id % 2 == 0).map(|id| write(id, None));
    let writes: Vec<_> = small.chain(grown).chain(gone).collect();
    for writes in writes.chunks(1000) {
        assert_eq!(store.commit(writes.to_vec()).await.unwrap(), Committed::Yes);
    }
    store.compact().await.unwrap();
    assert_eq!(traces(&path, MARK), 2000);
    let key = &Key::new("c", "p", "7");
    for store in [&store, &other] {
        assert_eq!(store.get(key).await.unwrap().unwrap().value, value(7, 277).unwrap());
    }
    // Who watches goes on as before.
    let mut watch = other.watch();
    store.put(key, "anew", None).await.unwrap();
    let told = async {
        loop {
            match watch.next().await.unwrap() {
                // So much was written that who watches may have to read all again.
                Change::Resync => break,
                Change::Changed { key: told, .. } if told == *key => break,
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("the change is told");
    store.close().await;
    assert!(matches!(store.compact().await, Err(StoreError::Unavailable(_))));
}
