//! Starting and ending: the flags, the program itself, health, signals.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use mcp_auth_core::testing::Authority;
use mittwald_mcp::options::{ApiOptions, AuthorityOptions};
use mittwald_mcp::{Cli, Options};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::{server, server_with_authority, token};

fn options(flags: &[&str]) -> Result<Options, String> {
    let cli = Cli::try_parse_from(["mittwald-mcp"].iter().chain(flags)).unwrap();
    Options::new(cli).map_err(|errors| errors.to_string())
}

#[test]
fn every_problem_is_told_at_once_and_no_secret() {
    let problems = options(&[
        "--listen",
        "everywhere",
        "--public-url",
        "https://mcp.example/path",
        "--challenge-scope",
        "a  \"b",
        "--trusted-proxy",
        "here",
        "--access-token-ttl",
        "soon",
        "--code-ttl",
        "0s",
        "--user",
        "hunter2-no-colon",
        "--client",
        "id:hunter2",
        "--api-token",
        "hunter2",
        "--audience",
        "x",
        "--jwks-uri",
        "https://x.example/jwks",
        "--introspection-client",
        "hunter2",
        "--key",
        "hunter2",
        "--store",
        "redis:hunter2",
        "--audit",
        "syslog",
        "--cannot-ask",
        "perhaps",
    ])
    .unwrap_err();
    for flag in [
        "--listen",
        "--public-url",
        "--challenge-scope",
        "--trusted-proxy",
        "--access-token-ttl",
        "--code-ttl",
        "--user",
        "--client",
        "--api-token",
        "--audience",
        "--jwks-uri",
        "--introspection-url",
        "--key",
        "--audit",
        "--cannot-ask",
    ] {
        assert!(problems.contains(flag), "{flag} is missing in {problems}");
    }
    assert_eq!(problems.matches("fix:").count(), 15, "{problems}");
    assert!(!problems.contains("hunter2"), "{problems}");
}

#[test]
fn secrets_are_not_shown() {
    let flags = [
        "--user",
        "ada:hunter2",
        "--client",
        "cli:hunter2 http://127.0.0.1/callback",
        "--api-token",
        "hunter2",
        "--api-url",
        "https://api.example/v2",
        "--key",
        "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=",
        "--store",
        "sqlite:x",
    ];
    let cli = Cli::try_parse_from(["mittwald-mcp"].iter().chain(&flags)).unwrap();
    assert!(!format!("{cli:?}").contains("hunter2"));
    let options = format!("{:?}", Options::new(cli).unwrap());
    assert!(!options.contains("hunter2") && !options.contains("aHVudGVy"));
    let asked =
        ["mittwald-mcp", "--introspection-url", "https://i.example/i", "--introspection-client", "a:hunter2"];
    let cli = Cli::try_parse_from(asked.into_iter().chain(["--issuer", "https://i.example"])).unwrap();
    assert!(!format!("{cli:?}").contains("hunter2"));
    assert!(!format!("{:?}", Options::new(cli).unwrap()).contains("hunter2"));
}

#[test]
fn what_contradicts_is_refused() {
    for flags in [
        &["--issuer", "https://i.example", "--user", "ada:x"][..],
        &["--issuer", "https://i.example", "--client", "a https://b.example/c"],
        &["--issuer", "https://i.example", "--code-ttl", "20s"],
        &["--listen", "0.0.0.0:8787"],
        &["--api-url", "https://api.example/v2"],
        &["--api-url", "http://api.example/v2", "--api-token", "x"],
        &["--public-url", "https://u:p@mcp.example"],
        &["--user", "ada:x", "--user", "ada:y"],
        &["--user", "@/nowhere/at/all"],
        &["--key", "@/nowhere/at/all"],
        &["--store", "memory", "--key", "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ="],
        &["--store", "sqlite:"],
        &["--introspection-url", "https://i.example/i", "--introspection-client", "a:b"],
        &["--issuer", "https://i.example", "--introspection-url", "https://i.example/i"],
    ] {
        assert!(options(flags).is_err(), "{flags:?}");
    }
}

#[test]
fn users_and_tokens_come_from_files() {
    let folder = std::env::temp_dir().join(format!("mittwald-mcp-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (users, token) = (folder.join("users"), folder.join("token"));
    std::fs::write(&users, "ada:one:two\n\nbob:three\n").unwrap();
    std::fs::write(&token, "secret\n").unwrap();
    let at = |path: &std::path::Path| format!("@{}", path.display());
    let (users_flag, token_flag) = (at(&users), at(&token));
    let flags = ["--user", &users_flag, "--api-url", "https://a.example/v2", "--api-token", &token_flag];
    let options = options(&flags).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let AuthorityOptions::Embedded(embedded) = options.authority else { unreachable!() };
    let users: Vec<_> =
        embedded.users.iter().map(|user| (user.name.as_str(), user.password.expose_secret())).collect();
    assert_eq!(users, [("ada", "one:two"), ("bob", "three")]);
    let ApiOptions::At { token, .. } = options.api else { unreachable!() };
    assert_eq!(token.expose_secret(), "secret");
}

#[tokio::test]
async fn it_is_ready_once_it_has_keys() {
    let authority = Authority::start().await.unwrap();
    authority.set_failing(true);
    let running = server(&["--issuer", authority.issuer()]).await;
    let at = |path: &str| format!("http://{}{path}", running.address());
    assert_eq!(reqwest::get(at("/healthz")).await.unwrap().status(), 200);
    assert_eq!(reqwest::get(at("/readyz")).await.unwrap().status(), 503);
}

/// A legacy session with its stream open, which nothing but the server's end would end.
async fn open_stream(url: &str, token: &str) -> reqwest::Response {
    let http = reqwest::Client::new();
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } });
    let accept = "application/json, text/event-stream";
    let answer =
        http.post(url).bearer_auth(token).header("accept", accept).json(&initialize).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let session = answer.headers()["mcp-session-id"].clone();
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let note = http.post(url).bearer_auth(token).header("accept", accept).header("mcp-session-id", &session);
    assert_eq!(note.json(&initialized).send().await.unwrap().status(), 202);
    let get = http.get(url).bearer_auth(token).header("accept", "text/event-stream");
    let stream = get.header("mcp-session-id", session).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    stream
}

#[tokio::test]
async fn it_ends_in_time_with_an_open_stream() {
    let (running, authority) = server_with_authority().await;
    let mut stream = open_stream(running.mcp_url(), &token(&running, &authority, "project:read")).await;
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // Whatever was on the way, the stream is over.
    while let Ok(Some(_)) = stream.chunk().await {}
}

#[tokio::test]
async fn the_program_says_how_to_use_it_and_ends_on_sigterm() {
    let authority = Authority::start().await.unwrap();
    for (signal, issuer) in [("-TERM", None), ("-INT", Some(authority.issuer()))] {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mittwald-mcp"));
        command
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(issuer) = issuer {
            command.args(["--issuer", issuer]);
        }
        let mut child = command.spawn().unwrap();
        let mut banner = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        while !banner.contains("need --public-url") {
            assert!(output.read_line(&mut banner).unwrap() > 0, "{banner}");
        }
        let url = banner.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        for client in ["Claude Code", "Codex CLI", "Cursor", "Copilot", "ChatGPT", "Claude Desktop"] {
            let line = banner.lines().find(|line| line.trim_start().starts_with(client)).unwrap();
            assert!(line.contains(url), "{line}");
        }
        assert_eq!(banner.contains("as demo with password"), issuer.is_none());
        let answer = reqwest::Client::new().post(url).json(&json!({})).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let body: Value = answer.json().await.unwrap();
        assert!(body["error"].is_object());

        let started = Instant::now();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
