//! A million entries. Run with `--release -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::Directory;
use mcp_auth_core::store::{Committed, Condition, Key, Store, Write};
use mcp_auth_store::SqliteStore;

const COUNT: usize = 1_000_000;
const READS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a while"]
async fn a_million_entries_open_within_a_second_and_a_cold_read_takes_200_microseconds() {
    let directory = Directory::new();
    let path = directory.file("s");
    let key = |n: usize| Key::new("c", "p", format!("entry-{n:07}"));
    let store = SqliteStore::open(&path).await.unwrap();
    let began = Instant::now();
    for thousand in 0..COUNT / 1000 {
        let write = |n| Write {
            key: key(thousand * 1000 + n),
            condition: Condition::Any,
            content: Some((Bytes::from_static(b"a small value of some forty bytes or so."), None)),
        };
        assert_eq!(store.commit((0..1000).map(write).collect()).await.unwrap(), Committed::Yes);
    }
    println!("{COUNT} entries written in {:?}", began.elapsed());
    store.close().await;
    println!("{} MiB", std::fs::metadata(&path).unwrap().len() >> 20);

    let began = Instant::now();
    let store = SqliteStore::open(&path).await.unwrap();
    let opened = began.elapsed();
    // The database's own cache is empty, the system's is not; each key lies on pages of its own.
    let mut times = Vec::with_capacity(READS);
    for read in 0..READS {
        let key = key((read * 7_919_333 + 12_345) % COUNT);
        let began = Instant::now();
        assert!(store.get(&key).await.unwrap().is_some());
        times.push(began.elapsed());
    }
    let first = times.first().copied().unwrap();
    times.sort();
    let median = times.get(READS / 2).copied().unwrap();
    println!("opened in {opened:?}; first read {first:?}, median {median:?}, slowest {:?}", times.last());
    assert!(opened <= Duration::from_secs(1), "{opened:?}");
    assert!(median <= Duration::from_micros(200), "{median:?}");
}
