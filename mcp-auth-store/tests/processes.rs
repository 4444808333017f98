//! Several handles on one file, as several processes have them, and one that is killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::Directory;
use mcp_auth_core::store::{Change, Committed, Condition, Key, Store, StoreExt, Watch, Write};
use mcp_auth_store::SqliteStore;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::task::JoinSet;
use tokio::time::timeout;

fn key(id: impl Into<String>) -> Key {
    Key::new("c", "p", id)
}

async fn next_changed(watch: &mut Watch) -> (String, u64) {
    loop {
        match watch.next().await.expect("the watch goes on") {
            Change::Changed { key, version } => return (key.id, version),
            Change::Alive => {}
            Change::Resync => panic!("nothing was missed"),
        }
    }
}

#[tokio::test]
async fn each_sees_and_is_told_of_the_others_changes() {
    let directory = Directory::new();
    let path = directory.file("s");
    let (one, two) = tokio::join!(SqliteStore::open(&path), SqliteStore::open(&path));
    let (one, two) = (one.unwrap(), two.unwrap());
    let (mut watch_one, mut watch_two) = (one.watch(), two.watch());
    for id in ["a", "b", "c"] {
        one.put(&key(id), id, None).await.unwrap();
        let version = two.get(&key(id)).await.unwrap().expect("seen at once").version;
        let since = Instant::now();
        assert_eq!(next_changed(&mut watch_one).await, (id.to_owned(), version));
        let here = since.elapsed();
        assert_eq!(next_changed(&mut watch_two).await, (id.to_owned(), version));
        assert!(here < Duration::from_millis(200), "woken at once: {here:?}");
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    }
    two.remove(&key("a")).await.unwrap();
    assert_eq!(next_changed(&mut watch_one).await.0, "a");
    assert!(one.get(&key("a")).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_may_be_opened_by_many_at_once() {
    for _ in 0..20 {
        let directory = Directory::new();
        let path = directory.file("s");
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let path = path.clone();
            opening.spawn(async move { SqliteStore::open(&path).await });
        }
        for opened in opening.join_all().await {
            opened.unwrap();
        }
    }
}

#[tokio::test]
async fn who_is_too_far_behind_is_told_to_read_all_again() {
    let directory = Directory::new();
    let path = directory.file("s");
    let (one, two) = (SqliteStore::open(&path).await.unwrap(), SqliteStore::open(&path).await.unwrap());
    let mut watch = two.watch();
    let content = Some((Bytes::new(), None));
    for _ in 0..2 {
        let writes = (0..1024)
            .map(|n| Write { key: key(n.to_string()), condition: Condition::Any, content: content.clone() })
            .collect();
        assert_eq!(one.commit(writes).await.unwrap(), Committed::Yes);
    }
    let mut next =
        async || timeout(Duration::from_secs(10), watch.next()).await.expect("told in time").unwrap();
    while next().await != Change::Resync {}
    // The second commit may be told only now, together with what comes after it, as another `Resync`.
    for attempt in 0..2 {
        let after = format!("after-{attempt}");
        one.put(&key(&after), "", None).await.unwrap();
        loop {
            match next().await {
                Change::Changed { key, .. } if key.id == after => return,
                Change::Resync => break,
                _ => {}
            }
        }
    }
    panic!("told to read all again without a reason");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_silent() {
    let directory = Directory::new();
    let path = directory.file("s");
    let store = SqliteStore::open(&path).await.unwrap();
    let mut watch = store.watch();
    assert_eq!(watch.next().await, Some(Change::Alive));
    let mut beside = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("ALTER TABLE sequence RENAME TO away").execute(&mut beside).await.unwrap();
    // One may have been told just before.
    while let Ok(told) = timeout(Duration::from_secs(3), watch.next()).await {
        assert_eq!(told, Some(Change::Alive));
    }
    assert!(store.put(&key("a"), "", None).await.is_err());
    sqlx::raw_sql("ALTER TABLE away RENAME TO sequence").execute(&mut beside).await.unwrap();
    assert_eq!(timeout(Duration::from_secs(3), watch.next()).await.unwrap(), Some(Change::Alive));
    store.put(&key("a"), "", None).await.unwrap();
    assert_eq!(next_changed(&mut watch).await.0, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_all_handles_wins() {
    let directory = Directory::new();
    let path = directory.file("s");
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(SqliteStore::open(&path).await.unwrap());
    }
    for round in 0..10 {
        let mut tasks = JoinSet::new();
        for number in 0..12 {
            let store = stores.iter().cycle().nth(number).unwrap().clone();
            tasks.spawn(async move { store.insert_new(&key(round.to_string()), "", None).await.unwrap() });
        }
        let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "round {round}");
    }
}

const CHILD: &str = "MCP_AUTH_STORE_TEST_CHILD";

/// What the killed process does; nothing unless it is one.
#[tokio::test]
#[ignore = "runs as a child of the test below"]
async fn child_writes_until_it_is_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let store = SqliteStore::open(path).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0.. {
                let name = format!("{task}-{number}");
                let half = |side: &str| Write {
                    key: key(format!("{name}-{side}")),
                    condition: Condition::Absent,
                    content: Some((Bytes::from(name.clone()), None)),
                };
                assert_eq!(store.commit(vec![half("l"), half("r")]).await.unwrap(), Committed::Yes);
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {name}").and_then(|()| out.flush()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there_and_nothing_half() {
    let directory = Directory::new();
    for kill in 0..3_usize {
        let path = directory.file(&format!("s{kill}"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut names = Vec::new();
        for line in lines {
            // Each line is one write to the pipe: none is cut off.
            let Ok(line) = line else { break };
            if let Some(name) = line.strip_prefix("acknowledged ") {
                names.push(name.to_owned());
            }
            if names.len() == 300 + 50 * kill {
                // SIGKILL on Unix.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(names.len() >= 300, "only {} were acknowledged", names.len());
        let store = SqliteStore::open(&path).await.unwrap();
        let mut halves = BTreeMap::<Bytes, usize>::new();
        for entry in store.scan("c", "p", None, 1_000_000).await.unwrap() {
            *halves.entry(entry.value).or_default() += 1;
        }
        assert!(halves.values().all(|count| *count == 2), "nothing is half made");
        for name in &names {
            assert!(halves.contains_key(name.as_bytes()), "{name} was acknowledged");
        }
    }
}
