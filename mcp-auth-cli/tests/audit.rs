//! The binary over a log that a server wrote, and over one that somebody changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::Principal;
use mcp_auth_core::audit::chain::{self, CheckpointKey};
use mcp_auth_core::audit::personal::PersonalKeys;
use mcp_auth_core::audit::{Audit, Effect, Intent, JsonLines, Outcome, Shown};
use mcp_auth_core::mcp::{Limits, Raw};
use mcp_auth_core::principal::ApiKeyName;
use mcp_auth_core::store::{Change, KeyRing, Sealed, Store as _};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_store::SqliteStore;
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;

struct Log {
    directory: TempDir,
    public_key: String,
}

/// Every minute one read of ada's; then what nobody should do.
async fn written(rotate_at: u64) -> Log {
    let directory = tempfile::tempdir().unwrap();
    let key = CheckpointKey::from_seed(&[1; 32]).unwrap();
    let public_key = key.public_key().to_string();
    let (lines, background) = JsonLines::builder(directory.path().join("audit.jsonl"))
        .checkpoints(key)
        .rotate_at(rotate_at)
        .open()
        .unwrap();
    let background = tokio::spawn(background);
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let audit = Audit::new(lines.clone()).clock(clock.clone());
    let person = |subject: &str, key: &str| {
        let name = ApiKeyName {
            id: format!("id-{key}"),
            name: key.to_owned(),
            environment: "production".to_owned(),
        };
        Principal::builder("https://app.example", subject).api_key(name).build()
    };
    let (ada, eve) = (person("ada", "cursor-laptop"), person("eve", "bot\u{1b}[31m"));
    let arguments = Raw::parse(br#"{"task_id":"t-7","password":"hunter2"}"#, &Limits::default()).unwrap();
    let call = |who, target, effect, address: &str| Intent {
        principal: Some(who),
        address: Some(address.parse().unwrap()),
        method: Some("tools/call"),
        target: Some(target),
        effect,
        params: Some(Shown::new(arguments, None)),
        ..Intent::default()
    };
    for _ in 0..20 {
        clock.advance(Duration::from_secs(60));
        let ticket = audit.begin(&call(&ada, "list_tasks", Effect::Read, "192.0.2.1")).await.unwrap();
        ticket.finish(&Outcome::succeeded());
    }
    let open = audit.begin(&call(&ada, "update_task", Effect::Write, "192.0.2.1")).await.unwrap();
    for round in 0..12 {
        clock.advance(Duration::from_secs(1));
        let address = if round < 11 { "198.51.100.1" } else { "203.0.113.9" };
        let ticket = audit.begin(&call(&eve, "delete_task", Effect::Destructive, address)).await.unwrap();
        ticket.finish(&Outcome::succeeded());
    }
    for _ in 0..6 {
        audit.record(
            &call(&eve, "admin", Effect::Write, "203.0.113.9"),
            &Outcome::denied("insufficient_scope"),
        );
    }
    drop(open);
    lines.close().await;
    background.await.unwrap();
    Log { directory, public_key }
}

impl Log {
    fn path(&self) -> PathBuf {
        self.directory.path().join("audit.jsonl")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_mcp-auth"))
            .arg("audit")
            .args(arguments)
            .env("MCP_AUTH_AUDIT", format!("jsonl:{}", self.path().display()))
            .output()
            .unwrap()
    }

    fn text(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn events(&self, code: i32, arguments: &[&str]) -> Vec<Value> {
        let text = self.text(code, &[arguments, &["--json"]].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn events_are_found_by_who_what_how_and_when() {
    let log = written(8000).await;
    assert_eq!(log.events(0, &["query"]).len(), 39);
    assert_eq!(log.events(0, &["query", "--principal", "ada"]).len(), 21);
    assert_eq!(log.events(0, &["query", "--key", "cursor-laptop", "--limit", "5"]).len(), 5);
    assert_eq!(log.events(0, &["query", "--key", "id-cursor-laptop", "--writes"])[0]["outcome"], "cut");
    assert_eq!(log.events(0, &["query", "--outcome", "denied"]).len(), 6);
    assert_eq!(log.events(0, &["query", "--tool", "delete_task", "--address", "203.0.113.9"]).len(), 1);
    assert_eq!(log.events(0, &["query", "--until", "2027-01-15T08:10:00Z"]).len(), 10);
    assert_eq!(log.events(3, &["query", "--principal", "nobody"]).len(), 0);
    let last = log.events(0, &["tail", "-n", "2"]);
    assert_eq!((last.len(), last[1]["outcome"].as_str()), (2, Some("cut")));
    assert_eq!(last[0]["params"]["password"], "[redacted: name]");
    let table = log.text(0, &["query", "--principal", "eve"]);
    assert!(table.lines().count() == 19 && table.contains("insufficient_scope"), "{table}");
    assert!(!table.contains('\u{1b}'), "a terminal obeys nothing");
    for (bad, code) in [
        (vec!["query", "--outcome", "fine"], 2),
        (vec!["query", "--since", "soon"], 2),
        (vec!["query", "--audit", "x"], 2),
        (vec!["query", "--audit", "jsonl:/nowhere/x"], 1),
    ] {
        log.text(code, &bad);
    }
}

#[tokio::test]
async fn what_happened_is_counted_reviewed_and_listed() {
    let log = written(8000).await;
    let report = &log.events(0, &["report"])[0];
    assert_eq!(report["total"]["calls"], 39);
    assert_eq!(report["tools"]["delete_task"]["succeeded"], 12);
    assert_eq!(report["reasons"]["insufficient_scope"], 6);
    assert!(log.text(0, &["report"]).contains("list_tasks"));

    let findings = &log.events(6, &["review"])[0];
    let rules: Vec<_> =
        findings.as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["mass changes", "new address", "repeated refusals"]);
    assert!(log.text(6, &["review"]).contains("203.0.113.9"));
    assert_eq!(log.events(0, &["review", "--principal", "ada"])[0], serde_json::json!([]));

    let changes = log.events(0, &["changes", "--principal", "eve"]);
    assert_eq!(changes.len(), 12, "what was refused changed nothing");
    assert_eq!(
        (changes[0]["effect"].as_str(), changes[0]["resource"].as_str()),
        (Some("deleted"), Some("task_id=t-7"))
    );
    assert_eq!(log.events(0, &["changes", "--key", "cursor-laptop"])[0]["uncertain"], true);
}

#[tokio::test]
async fn a_changed_log_is_found() {
    let log = written(1 << 20).await;
    let key = ["verify", "--public-key", &log.public_key];
    let whole = &log.events(0, &key)[0];
    let head = whole["head"].as_str().unwrap();
    assert_eq!(whole["signatures_checked"], true);
    let place = log.directory.path().join("head");
    let at = format!("@{}", place.display());
    let expecting = [&key[..], &["--expect", &at]].concat();
    for noted in [format!("{head}\n"), log.text(0, &key)] {
        fs::write(&place, noted).unwrap();
        assert!(log.text(0, &expecting).contains(head));
    }

    let good = fs::read_to_string(log.path()).unwrap();
    let cut: Vec<_> = good.lines().collect();
    fs::write(log.path(), cut[..cut.len() - 2].join("\n") + "\n").unwrap();
    log.text(0, &key);
    log.text(5, &expecting);
    fs::write(log.path(), good.replacen("\"outcome\"", "\"Outcome\"", 1)).unwrap();
    let output = log.run(&expecting);
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8(output.stderr).unwrap().contains("was altered"));
    log.text(2, &["verify", "--expect", "x"]);
    log.text(2, &["verify", "--public-key", "x"]);
}

#[tokio::test]
async fn what_is_gone_from_the_start_is_missed() {
    let log = written(8000).await;
    log.text(0, &["verify"]);
    let first = chain::files(&log.path()).unwrap().remove(0);
    assert_ne!(first, log.path());
    fs::remove_file(first).unwrap();
    for key in [vec![], vec!["--public-key", log.public_key.as_str()]] {
        log.text(5, &[&["verify"], &key[..]].concat());
        let output = log.run(&[&["verify", "--allow-missing-start"], &key[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("The chain begins with record "),
            "{output:?}"
        );
    }
    for file in chain::files(&log.path()).unwrap() {
        fs::write(file, "").unwrap();
    }
    log.text(5, &["verify"]);
    log.text(5, &["verify", "--public-key", &log.public_key]);
}

#[test]
fn the_public_key_is_read_from_the_file_of_the_key_and_none_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.key");
    let run = |file: &Path| {
        let arguments = ["audit", "public-key", file.to_str().unwrap()];
        Command::new(env!("CARGO_BIN_EXE_mcp-auth")).args(arguments).output().unwrap()
    };
    assert_eq!(run(&file).status.code(), Some(1));
    assert!(!file.exists());
    let key = CheckpointKey::load_or_create(&file).unwrap();
    let output = run(&file);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}\n", key.public_key()));
    fs::write(&file, "hunter2").unwrap();
    let output = run(&file);
    assert_eq!(output.status.code(), Some(1));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("hunter2"), "what is in it is not shown");
}

#[tokio::test]
async fn what_is_personal_is_read_until_it_is_erased() {
    let directory = tempfile::tempdir().unwrap();
    let (log, store, key) =
        ["audit.jsonl", "state.db", "seal.key"].map(|name| directory.path().join(name)).into();
    let text = KeyRing::new_key().unwrap();
    fs::write(&key, text.expose_secret()).unwrap();
    let (lines, writer) = JsonLines::builder(&log).open().unwrap();
    let database = SqliteStore::open(&store).await.unwrap();
    let mut changes = database.watch();
    let sealed = Sealed::new(database.clone(), KeyRing::from_text(&text).unwrap());
    let (keys, keeper) = PersonalKeys::new(Arc::new(sealed));
    let (writer, keeper) = (tokio::spawn(writer), tokio::spawn(keeper));
    let audit = Audit::new(lines).personal(keys);
    for subject in ["ada", "bob"] {
        let principal = Principal::builder("https://app.example", subject).build();
        let address = Some("192.0.2.7".parse().unwrap());
        let intent =
            Intent { principal: Some(&principal), address, effect: Effect::Write, ..Intent::default() };
        audit.begin(&intent).await.unwrap().finish(&Outcome::succeeded());
    }
    audit.close().await;
    writer.await.unwrap();
    keeper.abort();
    let mut sealed_keys: Vec<Vec<u8>> = Vec::new();
    while sealed_keys.len() < 2 {
        let change = tokio::time::timeout(Duration::from_secs(20), changes.next()).await.unwrap();
        let Some(Change::Changed { key, .. }) = change else { continue };
        sealed_keys.push(database.get(&key).await.unwrap().unwrap().value.to_vec());
    }
    // In the file, or in what SQLite has beside it while the server has it open.
    let on_disk = || {
        let bytes = ["", "-wal"].map(|end| fs::read(format!("{}{end}", store.display())).unwrap()).concat();
        let is_there = |key: &&Vec<u8>| bytes.windows(key.len()).any(|part| part == **key);
        sealed_keys.iter().filter(is_there).count()
    };
    assert_eq!(on_disk(), 2);

    let run = |arguments: &[&str], code: i32| {
        let output = Command::new(env!("CARGO_BIN_EXE_mcp-auth"))
            .arg("audit")
            .args(arguments)
            .env("MCP_AUTH_AUDIT", format!("jsonl:{}", log.display()))
            .env("MCP_AUTH_STORE", format!("sqlite:{}", store.display()))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let key = key.to_str().unwrap();
    assert!(!run(&["query"], 0).contains("192.0.2.7"), "without the key it is sealed");
    let shown = run(&["query", "--seal-key", key], 0);
    assert_eq!(shown.matches("192.0.2.7").count(), 2, "{shown}");
    let ada = ["erase", "--issuer", "https://app.example", "--subject", "ada"];
    run(&ada, 2);
    let ada = [&ada[..], &["--seal-key", key]].concat();
    assert!(run(&ada, 0).contains("1 keys destroyed"));
    assert_eq!(on_disk(), 1, "the key is not only out of reach");
    run(&ada, 3);
    let shown = run(&["query", "--seal-key", key], 0);
    assert_eq!(shown.matches("192.0.2.7").count(), 1, "{shown}");
    assert!(shown.contains("ada"), "the subject stays: {shown}");
    run(&["verify"], 0);
}

/// Writes `count` calls of `intent`, one each `every`, with `outcome`.
fn calls(
    audit: &Audit,
    clock: &Clock,
    intent: &Intent<'_>,
    outcome: &Outcome<'_>,
    count: u32,
    every: Duration,
) {
    for _ in 0..count {
        clock.advance(every);
        audit.record(intent, outcome);
    }
}

/// Every rule by itself, just below its bound and just above it.
#[tokio::test]
async fn each_rule_of_the_review_has_its_bound() {
    let read = Intent { method: Some("tools/call"), target: Some("list_tasks"), ..Intent::default() };
    let write = Intent { target: Some("update_task"), effect: Effect::Write, ..read };
    let big = Raw::parse(br#"{"affected":100}"#, &Limits::default()).unwrap();
    let small = Raw::parse(br#"{"affected":99}"#, &Limits::default()).unwrap();
    let of = |affected| Intent { preview: Some(Shown::new(affected, None)), ..write };
    let (good, failed) = (Outcome::succeeded(), Outcome::failed("-32603"));
    let (limit, scope) = (Outcome::denied("too_many_requests"), Outcome::denied("insufficient_scope"));
    let (fast, slow) = (Duration::from_millis(500), Duration::from_secs(10));
    for (rule, intent, outcome, below, above, every) in [
        ("calls a minute", read, good, 100, 101, fast),
        ("writes a minute", write, good, 20, 21, fast),
        ("too many requests", read, limit, 0, 1, fast),
        ("repeated refusals", read, scope, 4, 5, slow),
        ("error rate", read, failed, 9, 10, slow),
        ("mass changes", Intent { effect: Effect::Destructive, ..write }, good, 9, 10, slow),
        ("mass changes", write, good, 49, 50, Duration::from_secs(5)),
        ("mass changes", of(big), good, 0, 1, slow),
        ("mass changes", of(small), good, 1, 0, slow),
    ] {
        let ada = Principal::builder("https://app.example", "ada").build();
        let intent = Intent { principal: Some(&ada), ..intent };
        for (count, found) in [(below, false), (above, above > 0)] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("audit.jsonl");
            let (lines, background) = JsonLines::builder(&path).open().unwrap();
            let background = tokio::spawn(background);
            let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
            let audit = Audit::new(lines).clock(clock.clone());
            calls(&audit, &clock, &intent, &outcome, count, every);
            audit.close().await;
            background.await.unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_mcp-auth"))
                .args(["audit", "review", "--json", "--audit", &format!("jsonl:{}", path.display())])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(if found { 6 } else { 0 }), "{rule} {count}: {output:?}");
            let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
            let named = findings.as_array().unwrap().iter().any(|finding| finding["rule"] == rule);
            assert_eq!(named, found, "{rule} {count}: {findings}");
        }
    }
}
