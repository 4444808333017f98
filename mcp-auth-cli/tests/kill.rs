//! kill -9 while keys are made: no acknowledged key is lost, and none is half made.
//!
//! The test starts itself as a child that makes keys and prints each once it is acknowledged, and kills it at some moment, until
//! 1,000 keys were made.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/keys.rs"]
mod support;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use support::{check, keys};

const FILE: &str = "MCP_AUTH_KILL_TEST_FILE";
const WANTED: usize = 1000;
const AT_ONCE: usize = 4;

/// The child: makes keys until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let keys = keys(Path::new(&file)).await;
    let tasks: Vec<tokio::task::JoinHandle<()>> = (0..AT_ONCE)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move {
                for _ in 0..WANTED {
                    let created = keys.create(NewKey::new("k", "ada")).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "made {}", created.expose_secret()).unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Starts a child, kills it after `enough` keys and some time more; what it acknowledged.
fn make_and_kill(file: &Path, enough: usize, more: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut made = Vec::new();
    // A line that was cut by the kill is no acknowledgement, and no whole key.
    let take = |line: String, made: &mut Vec<String>| {
        let key = line.split_once("made ").map(|(_, key)| key.to_owned());
        made.extend(key.filter(|key| key.len() == "corcava_".len() + 61));
    };
    while made.len() < enough {
        take(lines.next().expect("the child goes on").unwrap(), &mut made);
    }
    std::thread::sleep(more);
    child.kill().unwrap();
    child.wait().unwrap();
    for line in lines.map_while(Result::ok) {
        take(line, &mut made);
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_key_is_lost_and_none_is_half_made() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.db");
    let mut made = Vec::new();
    let mut kills = 0_u32;
    while made.len() < WANTED {
        let more = Duration::from_micros(u64::from(kills) * 397 % 5000);
        made.extend(make_and_kill(&file, 90, more));
        kills += 1;

        let keys = keys(&file).await;
        let mut known = HashSet::new();
        for key in &made {
            let verified = check(&keys, key).await;
            let verified = verified.unwrap_or_else(|error| panic!("an acknowledged key is lost: {error}"));
            known.insert(verified.principal().api_key().unwrap().id.clone());
        }
        assert_eq!(known.len(), made.len());
        let (all, of_ada) = (listed(&keys, None).await, listed(&keys, Some("ada")).await);
        assert_eq!(all, of_ada, "every key is whole: in the list of all and in its owner's");
        assert!(known.is_subset(&all));
        // What was under way when it was killed may be there, unacknowledged.
        assert!(all.len() <= made.len() + kills as usize * AT_ONCE, "{} of {}", all.len(), made.len());
    }
    assert!(kills > 1);
}

async fn listed(keys: &ApiKeys, owner: Option<&str>) -> HashSet<String> {
    let mut ids = HashSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = match owner {
            Some(owner) => keys.list_of(owner, after.as_deref(), 200).await.unwrap(),
            None => keys.list(after.as_deref(), 200).await.unwrap(),
        };
        ids.extend(page.keys.into_iter().map(|key| key.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}
