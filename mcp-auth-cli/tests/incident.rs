//! Every command of the book's pages on incidents does what the page says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/keys.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::audit::chain::CheckpointKey;
use mcp_auth_core::audit::{Audit, Effect, Intent, JsonLines, Outcome, Shown};
use mcp_auth_core::mcp::{Limits, Raw};
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_store::SqliteStore;
use support::{ISSUER, check, keys};

/// Runs a command line, with what stands behind `>`.
fn run(directory: &Path, environment: &[(&str, &str)], line: &str) -> (Option<i32>, String) {
    let (command, file) = line.split_once(" > ").unzip();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_mcp-auth"))
        .args(words(command.unwrap_or(line)))
        .current_dir(directory)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let (out, problem) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    if let Some(file) = file {
        fs::write(directory.join(file), &out).unwrap();
    }
    println!("{line}\n{out}{problem}");
    (status.code(), out)
}

/// The words of a command line; quotes hold some together.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    parts
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

#[tokio::test]
async fn the_page_is_true() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path();
    let keys = keys(&directory.join("state.db")).await;
    let scopes = ScopeSet::parse("tasks:read").unwrap();
    let stolen = keys.create(NewKey::new("cursor-work-laptop", "ada").scopes(scopes.clone())).await.unwrap();
    let other = keys.create(NewKey::new("ci", "ada").scopes(scopes)).await.unwrap();

    // What the stolen key did: from a new address, a row of refusals, and a deletion.
    let verified = check(&keys, stolen.expose_secret()).await.unwrap();
    let key = CheckpointKey::load_or_create(&directory.join("audit.key")).unwrap();
    let builder = JsonLines::builder(directory.join("audit.jsonl")).checkpoints(key);
    let (lines, background) = builder.open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(lines);
    let arguments = Raw::parse(br#"{"task_id":"t-7"}"#, &Limits::default()).unwrap();
    let call = |address: &str, target, effect| Intent {
        principal: Some(verified.principal()),
        address: Some(address.parse().unwrap()),
        method: Some("tools/call"),
        target: Some(target),
        effect,
        params: Some(Shown::new(arguments, None)),
        ..Intent::default()
    };
    audit.record(&call("192.0.2.1", "list_tasks", Effect::Read), &Outcome::succeeded());
    let deletion = call("203.0.113.9", "delete_task", Effect::Destructive);
    audit.begin(&deletion).await.unwrap().finish(&Outcome::succeeded());
    for _ in 0..5 {
        audit.record(&deletion, &Outcome::denied("insufficient_scope"));
    }
    audit.close().await;
    background.await.unwrap();
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/incident-response.md")).unwrap();
    let page = page.replace("8Zk1Qp0aB7xY", &stolen.key().id).replace("5Rt9Lm2cD4wZ", &other.key().id);
    let page = page.replace("/etc/app/", "");
    let environment = [
        ("MCP_AUTH_STORE", "sqlite:state.db"),
        ("MCP_AUTH_ISSUER", ISSUER),
        ("MCP_AUTH_AUDIT", "jsonl:audit.jsonl"),
    ];
    let mut seen = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("$ mcp-auth ")) {
        let words = words(line);
        let (status, text) = run(directory, &environment, line);
        let code = if words[1] == "review" { 6 } else { 0 };
        assert_eq!(status, Some(code), "{line}");
        let shows = match words[1].as_str() {
            "list" => "cursor-work-laptop",
            "tail" | "query" => "insufficient_scope",
            "review" => "new address",
            "report" | "changes" => "delete_task",
            "verify" => "head",
            "create" | "rotate" => "_",
            "revoke" => "",
            "public-key" => "=",
            other => panic!("the test knows no {other}"),
        };
        assert!(text.contains(shows), "{line}: {text}");
        seen.push(words[1].clone());
    }
    for step in ["revoke", "verify", "review", "changes", "rotate", "create"] {
        assert!(seen.iter().any(|seen| seen == step), "the page has no {step}");
    }
    assert!(check(&keys, stolen.expose_secret()).await.is_err(), "it is revoked");
    assert!(check(&keys, other.expose_secret()).await.is_err(), "it is rotated");
}

/// The commands of a page: in its tables, and in its blocks for a shell.
fn commands(page: &str) -> impl Iterator<Item = &str> {
    let of = |line| -> Vec<&str> {
        match str::trim(line) {
            line if line.starts_with('|') => line.split('`').collect(),
            line => vec![line],
        }
    };
    page.lines().flat_map(of).filter_map(|part| part.strip_prefix("mcp-auth "))
}

#[tokio::test]
async fn the_drill_is_true() {
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/incident-drill.md")).unwrap();
    let exports =
        page.lines().filter_map(|line| line.strip_prefix("export ")).flat_map(str::split_whitespace);
    let environment: Vec<_> = exports.map(|export| export.split_once('=').unwrap()).collect();
    let issuer = environment.iter().find(|(name, _)| *name == "MCP_AUTH_ISSUER").unwrap().1;

    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("drill");
    fs::create_dir(&data).unwrap();
    let store = Arc::new(SqliteStore::open(data.join("auth.sqlite")).await.unwrap());
    let keys =
        ApiKeys::builder(store).prefix("corcava").issuer(issuer).environment("development").build().unwrap();
    let stolen = keys.create(NewKey::new("stolen-laptop", "demo")).await.unwrap();
    let verified = check(&keys, stolen.expose_secret()).await.unwrap();
    let key = CheckpointKey::load_or_create(&data.join("audit.key")).unwrap();
    let (lines, background) = JsonLines::builder(data.join("audit.jsonl")).checkpoints(key).open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(lines);

    let state =
        |text: &'static str| Shown::new(Raw::parse(text.as_bytes(), &Limits::default()).unwrap(), None);
    let done = [
        ("create_task", Effect::Write, None, Some(state(r#"{"title":"Imprint"}"#))),
        (
            "update_task",
            Effect::Write,
            Some(state(r#"{"title":"Imprint"}"#)),
            Some(state(r#"{"title":"Spam"}"#)),
        ),
        ("delete_task", Effect::Destructive, Some(state(r#"{"title":"Spam"}"#)), None),
    ];
    let mut commands = commands(&page).map(|line| line.replace(" ID", &format!(" {}", stolen.key().id)));
    // Something was acknowledged: the record has begun.
    let first = Intent { effect: Effect::Write, ..Intent::default() };
    audit.begin(&first).await.unwrap().finish(&Outcome::succeeded());
    // The page notes the head, then the client does what it does, then the steps follow.
    for line in commands.by_ref().take(3) {
        assert_eq!(run(place.path(), &environment, &line).0, Some(0), "{line}");
    }
    for (target, effect, before, after) in done {
        let intent = Intent {
            principal: Some(verified.principal()),
            target: Some(target),
            effect,
            ..Intent::default()
        };
        audit.begin(&intent).await.unwrap().finish(&Outcome::succeeded().states(before, after));
    }
    audit.close().await;
    background.await.unwrap();
    let mut steps = Vec::new();
    for line in commands {
        let (status, text) = run(place.path(), &environment, &line);
        assert_eq!(status, Some(0), "{line}");
        let shows: &[&str] = match words(&line)[1].as_str() {
            "query" => &["create_task", "update_task", "delete_task"],
            "changes" => &["created", "changed", "deleted"],
            "review" => &["nothing unusual"],
            "verify" => &["whole"],
            "create" => &["corcava_"],
            "revoke" => &[],
            other => panic!("the test knows no {other}"),
        };
        assert!(shows.iter().all(|shows| text.contains(shows)), "{line}: {text}");
        steps.push(words(&line)[1].clone());
    }
    assert_eq!(steps, ["revoke", "query", "changes", "create", "review", "verify"]);
    assert!(check(&keys, stolen.expose_secret()).await.is_err(), "it is revoked");
}
