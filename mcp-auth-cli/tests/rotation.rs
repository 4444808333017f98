//! A server that writes on and puts its file aside, while its log is read.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use mcp_auth_core::audit::{Audit, Effect, Intent, JsonLines, Outcome};
use serde_json::Value;
use tempfile::TempDir;

/// So many calls, each by itself.
const CALLS: usize = 30;

/// The lines of one chain, to be laid into files as a server would.
async fn chain() -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let (lines, background) = JsonLines::builder(&path).open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(lines);
    let call = Intent { target: Some("update_task"), effect: Effect::Write, ..Intent::default() };
    for _ in 0..CALLS {
        audit.begin(&call).await.unwrap().finish(&Outcome::succeeded());
    }
    audit.close().await;
    background.await.unwrap();
    fs::read_to_string(&path).unwrap().lines().map(|line| format!("{line}\n")).collect()
}

fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("audit.jsonl")
}

/// What the file is called when it is put aside: after its first record.
fn aside(log: &Path, first: usize) -> PathBuf {
    PathBuf::from(format!("{}.{first:020}", log.display()))
}

fn start(log: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mcp-auth"))
        .arg("audit")
        .args(arguments)
        .env("MCP_AUTH_AUDIT", format!("jsonl:{}", log.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads a log of two files, the second of which is put aside twice while the first is read. The first is a pipe: whoever
/// opened it waits there.
async fn read_while_it_is_put_aside(arguments: &[&str]) -> Output {
    let chain = chain().await;
    let directory = tempfile::tempdir().unwrap();
    let log = path(&directory);
    let first = aside(&log, 1);
    assert!(Command::new("mkfifo").arg(&first).status().unwrap().success());
    fs::write(&log, chain[10..20].concat()).unwrap();
    let reader = start(&log, arguments);
    let (opened, wait) = mpsc::channel();
    std::thread::spawn(move || opened.send(fs::OpenOptions::new().write(true).open(first)));
    let mut pipe = wait.recv_timeout(Duration::from_secs(20)).expect("the first file is opened").unwrap();
    for (from, to) in [(20, 30), (30, chain.len())] {
        fs::rename(&log, aside(&log, from - 9)).unwrap();
        fs::write(&log, chain[from..to].concat()).unwrap();
    }
    pipe.write_all(chain[..10].concat().as_bytes()).unwrap();
    drop(pipe);
    reader.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_file_put_aside_meanwhile_is_verified_and_shown() {
    let verified = read_while_it_is_put_aside(&["verify"]).await;
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    assert!(String::from_utf8_lossy(&verified.stdout).contains("records 1 to "), "{verified:?}");
    for command in ["query", "changes"] {
        let shown = read_while_it_is_put_aside(&[command, "--json"]).await;
        assert_eq!(shown.status.code(), Some(0), "{shown:?}");
        assert_eq!(String::from_utf8(shown.stdout).unwrap().lines().count(), CALLS, "{command}");
    }
}

#[tokio::test]
async fn who_follows_sees_each_call_once_and_whole() {
    let chain = chain().await;
    let directory = tempfile::tempdir().unwrap();
    let log = path(&directory);
    // What opens the chain, a call, and the intent of another.
    fs::write(&log, chain[..4].concat()).unwrap();
    let mut reader = start(&log, &["tail", "-f", "--json"]);
    let out = BufReader::new(reader.stdout.take().unwrap());
    let (shown, wait) = mpsc::channel();
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| shown.send(line)));
    let next = || -> Value {
        let line = wait.recv_timeout(Duration::from_secs(20)).expect("a call is shown");
        serde_json::from_str(&line).unwrap()
    };
    let mut calls = vec![next()];
    let append = |lines: &[String]| {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        file.write_all(lines.concat().as_bytes()).unwrap();
    };
    append(&chain[4..10]);
    fs::rename(&log, aside(&log, 1)).unwrap();
    append(&chain[10..20]);
    fs::rename(&log, aside(&log, 11)).unwrap();
    append(&chain[20..]);
    calls.extend((1..CALLS).map(|_| next()));
    reader.kill().unwrap();
    reader.wait().unwrap();
    assert!(wait.recv_timeout(Duration::from_secs(20)).is_err(), "none is shown twice");
    for call in &calls {
        assert_eq!(call["target"], "update_task", "{call}");
        assert_eq!(call["outcome"], "succeeded", "{call}");
    }
    let ids: HashSet<_> = calls.iter().map(|call| call["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), CALLS);
}
