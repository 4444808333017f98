//! Every command of the book's page on incidents does what the page says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use mcp_auth_core::audit::chain::CheckpointKey;
use mcp_auth_core::audit::{Audit, Effect, Intent, JsonLines, Outcome, Shown};
use mcp_auth_core::mcp::{Limits, Raw};
use mcp_auth_core::verify::VerifyContext;
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_core::{Credential, ScopeSet, TokenVerifier};
use mcp_auth_store::SqliteStore;

const ISSUER: &str = "https://app.example";

fn run(directory: &Path, words: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcp-auth"))
        .args(words)
        .current_dir(directory)
        .env("MCP_AUTH_STORE", "sqlite:state.db")
        .env("MCP_AUTH_ISSUER", ISSUER)
        .env("MCP_AUTH_AUDIT", "jsonl:audit.jsonl")
        .output()
        .unwrap()
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
    let store = Arc::new(SqliteStore::open(directory.join("state.db")).await.unwrap());
    let keys = ApiKeys::builder(store).prefix("corcava").issuer(ISSUER).build().unwrap();
    let scopes = ScopeSet::parse("tasks:read").unwrap();
    let stolen = keys.create(NewKey::new("cursor-work-laptop", "ada").scopes(scopes.clone())).await.unwrap();
    let other = keys.create(NewKey::new("ci", "ada").scopes(scopes)).await.unwrap();

    // What the stolen key did: from a new address, a row of refusals, and a deletion.
    let context = VerifyContext {
        resource: "https://mcp.example/mcp",
        now: mcp_auth_core::time::Clock::system().now(),
        address: None,
    };
    let verified = keys.verify(&Credential::bearer(stolen.expose_secret()), context).await.unwrap();
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
    let mut seen = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("$ mcp-auth ")) {
        let (command, file) = line.split_once(" > ").unzip();
        let words = words(command.unwrap_or(line));
        let output = run(directory, &words);
        let code = if words[1] == "review" { 6 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        file.map(|file| fs::write(directory.join(file), &text).unwrap());
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
    assert!(
        keys.verify(&Credential::bearer(stolen.expose_secret()), context).await.is_err(),
        "it is revoked"
    );
    assert!(keys.verify(&Credential::bearer(other.expose_secret()), context).await.is_err(), "it is rotated");
}
