//! Clients that nobody here wrote: a person at the settings pages in Debian's Chromium with the TypeScript SDK, the Python SDK
//! with a key, and both with nothing but the URL and somebody who signs in. See `tests/clients/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use support::{EVERYTHING, Server};
use tokio::process::Command;

/// The folder of the scripts, with what they need.
async fn clients() -> PathBuf {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let installed = Command::new("./install.sh").current_dir(&clients).output().await.unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    clients
}

/// Python with the SDK; installed with the flows of the mittwald server's tests.
fn interpreter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mittwald/tests/clients/python/.venv/bin/python")
}

/// Runs a script to its end; shows what it said if it failed. What it said.
async fn run(program: &Path, arguments: &[&str], environment: (&str, &str)) -> String {
    let running = Command::new(program)
        .args(arguments)
        .current_dir(clients().await)
        .env(environment.0, environment.1)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(400), running).await.expect("in time").unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    said
}

async fn pages(era: &str, more: &[&str]) {
    let server = Server::start().await;
    let (origin, shots) = (server.at(""), std::env::var("CORCAVA_SHOTS"));
    let mut arguments = vec!["settings.mjs", "--origin", &origin, "--user", "ada", "--era", era];
    arguments.extend(more);
    // For people who want to look.
    if let Ok(shots) = &shots {
        arguments.extend(["--shots", shots]);
    }
    let said = run(Path::new("node"), &arguments, ("CORCAVA_TEST_PASSWORD", "ada-password")).await;
    assert!(said.contains("\"no complaints\",\"ok\":true"), "{said}");
    server.running.stop().await;
}

async fn python(era: &str) {
    let server = Server::start().await;
    let key = server.key("ada", EVERYTHING).await;
    let arguments = ["python/calls.py", "--url", server.url(), "--era", era];
    let said = run(&interpreter(), &arguments, ("CORCAVA_API_KEY", &key)).await;
    assert!(said.contains("\"done\"") && !said.contains(&key), "{said}");
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_manages_a_key_and_a_modern_client_uses_it() {
    pages("modern", &["--looks"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_manages_a_key_and_a_legacy_client_uses_it() {
    pages("legacy", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_with_a_key_in_the_modern_era() {
    python("modern").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_with_a_key_in_the_legacy_era() {
    python("legacy").await;
}

#[derive(Clone, Copy)]
enum Sdk {
    TypeScript,
    Python,
}

/// The SDK's own OAuth client: discovery, registration, PKCE, sign-in and consent; then `scenario`.
async fn oauth(sdk: Sdk, era: &str, scenario: &str) {
    let server =
        Server::with(&["--user", "ada:ada-password", "--access-token-ttl", lifetime(scenario)]).await;
    let (program, script) = match sdk {
        Sdk::TypeScript => (PathBuf::from("node"), "../../../mittwald/tests/clients/typescript/flow.mjs"),
        Sdk::Python => (interpreter(), "../../../mittwald/tests/clients/python/flow.py"),
    };
    let (whom, what) = (["--url", server.url(), "--user", "ada"], ["--era", era, "--scenario", scenario]);
    let arguments = [&[script, "--service", "service.json"], &whom[..], &what].concat();
    let said = run(&program, &arguments, ("MCP_TEST_PASSWORD", "ada-password")).await;
    assert!(said.contains("\"authorizations\""), "the scenario came to its end: {said}");
    server.running.stop().await;
    let record = std::fs::read_to_string(server.data.path().join("audit.jsonl")).unwrap();
    assert!(record.contains("\"target\":\"list_tasks\""), "the calls are recorded");
}

fn lifetime(scenario: &str) -> &'static str {
    if scenario == "refresh" { "2s" } else { "15m" }
}

macro_rules! flows {
    ($($name:ident: $sdk:ident, $era:literal, $scenario:literal;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            oauth(Sdk::$sdk, $era, $scenario).await;
        })*
    };
}

flows! {
    typescript_modern_full: TypeScript, "modern", "full";
    typescript_legacy_full: TypeScript, "legacy", "full";
    typescript_modern_refresh: TypeScript, "modern", "refresh";
    typescript_legacy_refresh: TypeScript, "legacy", "refresh";
    typescript_modern_revoked: TypeScript, "modern", "revoked";
    typescript_legacy_revoked: TypeScript, "legacy", "revoked";
    python_modern_full: Python, "modern", "full";
    python_legacy_full: Python, "legacy", "full";
    python_modern_refresh: Python, "modern", "refresh";
    python_legacy_refresh: Python, "legacy", "refresh";
    python_modern_revoked: Python, "modern", "revoked";
    python_legacy_revoked: Python, "legacy", "revoked";
}
