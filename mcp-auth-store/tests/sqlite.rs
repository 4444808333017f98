//! The SQLite store: what it is beyond a store.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mcp_auth_core::store::{Change, Committed, Condition, Key, Store, StoreError, StoreExt, Watch, Write};
use mcp_auth_store::{OpenError, SqliteStore};
use tokio::io::{AsyncBufReadExt as _, BufReader};

fn key(id: impl Into<String>) -> Key {
    Key::new("things", "", id)
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    (dir, path)
}

async fn changed(watch: &mut Watch) -> Key {
    let next = async {
        loop {
            match watch.next().await.unwrap() {
                Change::Changed { key, .. } => return key,
                Change::Alive => {}
                Change::Resync => panic!("nothing was missed"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(2), next).await.unwrap()
}

#[tokio::test]
async fn everything_is_there_after_reopening_and_versions_go_on() {
    let (_dir, path) = file();
    let store = SqliteStore::open(&path).await.unwrap();
    store.put(&key("a"), "1", None).await.unwrap();
    store.put(&key("b"), "2", None).await.unwrap();
    let before = store.get(&key("b")).await.unwrap().unwrap();
    store.remove(&key("b")).await.unwrap();
    store.close().await;
    assert!(matches!(store.put(&key("c"), "3", None).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.get(&key("a")).await, Err(StoreError::Unavailable(_))));

    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().value, "1");
    store.put(&key("b"), "2", None).await.unwrap();
    assert!(store.get(&key("b")).await.unwrap().unwrap().version > before.version + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_see_each_other() {
    let (_dir, path) = file();
    let (one, two) = (SqliteStore::open(&path).await.unwrap(), SqliteStore::open(&path).await.unwrap());
    let (mut at_one, mut at_two) = (one.watch(), two.watch());
    one.put(&key("a"), "1", None).await.unwrap();
    assert_eq!(changed(&mut at_one).await, key("a"));
    assert_eq!(changed(&mut at_two).await, key("a"));
    two.remove(&key("a")).await.unwrap();
    one.put(&key("b"), "1", None).await.unwrap();
    assert_eq!((changed(&mut at_one).await, changed(&mut at_one).await), (key("a"), key("b")));

    for n in 0..50 {
        let name = key(format!("race {n}"));
        let (first, second) =
            tokio::join!(one.insert_new(&name, "1", None), two.insert_new(&name, "2", None));
        assert!(first.unwrap() != second.unwrap(), "one of two wins");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sleeps_through_the_log_is_told_to_scan() {
    let (_dir, path) = file();
    let store = SqliteStore::open(&path).await.unwrap();
    let mut watch = store.watch();
    for chunk in 0..50 {
        let write = |n: usize| Write {
            key: key(format!("{chunk} {n}")),
            condition: Condition::Any,
            content: Some(("x".into(), None)),
        };
        assert_eq!(store.commit((0..100).map(write).collect()).await.unwrap(), Committed::Yes);
    }
    assert_eq!(watch.next().await, Some(Change::Resync));
}

#[tokio::test]
async fn a_watch_ends_with_its_store_and_lives_as_long() {
    let (_dir, path) = file();
    let store = SqliteStore::open(&path).await.unwrap();
    let mut watch = store.watch();
    for _ in 0..2 {
        let next = tokio::time::timeout(Duration::from_secs(2), watch.next());
        assert_eq!(next.await.unwrap(), Some(Change::Alive));
    }
    drop(store);
    let end = async { while watch.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), end).await.unwrap();
}

#[tokio::test]
async fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, path) = file();
    let store = SqliteStore::open(&path).await.unwrap();
    store.put(&key("a"), "1", None).await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let (dir, path) = file();
    std::fs::File::create(&path).unwrap().write_all(&[7; 8192]).unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(OpenError::Sqlite(_))));
    let nowhere = dir.path().join("no/such/dir.db");
    assert!(matches!(SqliteStore::open(&nowhere).await, Err(OpenError::File { .. })));

    let other = dir.path().join("other.db");
    sql(&other, "CREATE TABLE t (x)").await;
    assert!(matches!(SqliteStore::open(&other).await, Err(OpenError::Foreign)));

    let newer = dir.path().join("newer.db");
    SqliteStore::open(&newer).await.unwrap().close().await;
    sql(&newer, "PRAGMA user_version = 99").await;
    assert!(matches!(SqliteStore::open(&newer).await, Err(OpenError::Newer { found: 99, known: 1 })));
}

async fn sql(path: &Path, statement: &'static str) {
    use sqlx::{ConnectOptions as _, Connection as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_value_has_its_bound() {
    let (_dir, path) = file();
    let store = SqliteStore::open(&path).await.unwrap();
    store.put(&key("a"), vec![0; 1 << 20], None).await.unwrap();
    assert!(matches!(store.put(&key("a"), vec![0; (1 << 20) + 1], None).await, Err(StoreError::TooLarge)));
}

const CHILD: &str = "MCP_AUTH_STORE_TEST_CHILD";

/// Writes pairs until it is killed, and says so after each. A process of its own, started by the test below.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_is_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let store = SqliteStore::open(&path).await.unwrap();
    for n in 0.. {
        let write = |half: &str| Write {
            key: key(format!("{n:06} {half}")),
            condition: Condition::Absent,
            content: Some((half.to_owned().into(), None)),
        };
        assert_eq!(store.commit(vec![write("one"), write("two")]).await.unwrap(), Committed::Yes);
        println!("kept {n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    let (_dir, path) = file();
    for round in 0..3 {
        let path = path.with_extension(round.to_string());
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut kept = 0;
        while kept < 100 + 37 * round {
            let line =
                tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await.unwrap().unwrap();
            kept += usize::from(line.unwrap().contains("kept"));
        }
        // SIGKILL, in the middle of whatever it does.
        child.kill().await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            kept += usize::from(line.contains("kept"));
        }
        let store = SqliteStore::open(&path).await.unwrap();
        let found = store.scan("things", "", None, 1_000_000).await.unwrap();
        assert!(found.len() >= 2 * kept, "{} of {kept} pairs", found.len());
        for pair in found.chunks(2) {
            assert_eq!((&pair[0].value[..], &pair[1].value[..]), (&b"one"[..], &b"two"[..]), "half made");
        }
    }
}
