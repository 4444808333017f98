//! One user who reads the record over and over holds up nobody else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod browser;
mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use browser::{Browser, SETTINGS};
use serde_json::json;
use support::{EVERYTHING, Server, connect, succeed};

const AUDIT: &str = "/settings/audit";

/// A record that takes a while to be read: 12 MiB of `bob`'s calls.
async fn long_record(server: &Server) -> PathBuf {
    succeed(&server.client("bob", EVERYTHING).await, "list_tasks", json!({})).await;
    let path = server.data.path().join("audit.jsonl");
    let mut call = String::new();
    for _ in 0..200 {
        call = recorded_call(&std::fs::read_to_string(&path).unwrap()).unwrap_or_default();
        if call.contains("\"succeeded\"") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(call.contains("\"succeeded\""), "the call is recorded: {call}");
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    file.write_all(call.repeat((12 << 20) / call.len()).as_bytes()).unwrap();
    path
}

/// Every line about the first call of `list_tasks`.
fn recorded_call(text: &str) -> Option<String> {
    let first = text.lines().find(|line| line.contains("list_tasks"))?;
    let id = first.split_once("\"id\":\"")?.1.split('"').next()?;
    Some(text.lines().filter(|line| line.contains(id)).map(|line| format!("{line}\n")).collect())
}

/// How often this process has the file open.
fn opened(path: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter(|entry| std::fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|file| file == path))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_does_not_let_the_next_one_in() {
    let server = Server::start().await;
    let bob = Browser::signed_in(&server, "bob").await;
    let path = long_record(&server).await;
    let by_the_writer = opened(&path);
    let is_over = Arc::new(AtomicBool::new(false));
    let most = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let mut most = 0;
            while !is_over.load(Ordering::Acquire) {
                most = most.max(opened(&path));
                std::thread::sleep(Duration::from_millis(1));
            }
            most - by_the_writer
        })
    };
    for _ in 0..20 {
        drop(tokio::time::timeout(Duration::from_millis(20), bob.get(AUDIT)).await);
    }
    is_over.store(true, Ordering::Release);
    let most = most.join().unwrap();
    assert!((1..=2).contains(&most), "the calls and the chain, each read once at a time: {most}");
    // The last reading may go on for a while.
    let mut status = 503;
    for _ in 0..10 {
        status = bob.get(AUDIT).await.status;
        if status != 503 {
            break;
        }
    }
    assert_eq!(status, 200);
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_revoke_is_open_however_many_read() {
    let server = Server::start().await;
    let (ada, bob) = (Browser::signed_in(&server, "ada").await, Browser::signed_in(&server, "bob").await);
    let key = ada.create(&ada.get(SETTINGS).await, "laptop", &["tasks:read"]).await.key().unwrap();
    succeed(&connect(server.url(), &key).await, "list_tasks", json!({})).await;
    let id = ada.get(SETTINGS).await.between("id=\"key-", "\"").unwrap();
    let path = long_record(&server).await;
    let by_the_writer = opened(&path);
    let bob = Arc::new(bob);
    let reading: Vec<_> = (0..200)
        .map(|_| {
            let bob = Arc::clone(&bob);
            tokio::spawn(async move { drop(bob.get(AUDIT).await) })
        })
        .collect();
    let begun = Instant::now();
    while opened(&path) == by_the_writer {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody reads");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let begun = Instant::now();
    let at = format!("{SETTINGS}/keys/{id}");
    let page = ada.get(&at).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let revoked = ada.send(&format!("{at}/revoke"), &page.form("/revoke"), &[]).await;
    assert_eq!((page.status, revoked.status, server.status_with(&key).await), (200, 303, 401));
    for read in &reading {
        read.abort();
    }
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_takes_is_held_once() {
    let server = Server::start().await;
    let (ada, bob) = (Browser::signed_in(&server, "ada").await, Browser::signed_in(&server, "bob").await);
    long_record(&server).await;
    let export = format!("{AUDIT}/export");
    let untaken = bob.open(&export).await;
    assert_eq!(untaken.status(), 200);
    assert_eq!(bob.get(&export).await.status, 503, "one at a time");
    assert_eq!(ada.get(&export).await.status, 200, "of each user");
    drop(untaken);
    let taken = bob.get(&export).await;
    assert!(taken.status == 200 && taken.text.len() > 4 << 20, "{} {}", taken.status, taken.text.len());
    assert_eq!(bob.get(&export).await.status, 200);
    server.running.stop().await;
}
