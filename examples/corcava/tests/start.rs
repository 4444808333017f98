//! How the server begins, what outlives it, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod browser;
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Parser;
use corcava_mcp::{Cli, Options, StartError, start};
use mcp_auth_core::testing::Authority;
use serde_json::json;
use support::{EVERYTHING, Server, call, connect, options, refused, succeed};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const USERS: [&str; 4] = ["--user", "ada:ada-password", "--user", "bob:bob-password"];

#[tokio::test(flavor = "multi_thread")]
async fn keys_tokens_and_tasks_outlive_a_restart() {
    let server = Server::start().await;
    let address = server.running.address().to_string();
    let key = server.key("ada", EVERYTHING).await;
    let token = browser::authorize(&server, "ada", "tasks:read").await;
    let client = connect(server.url(), &key).await;
    let task = succeed(&client, "create_task", json!({ "title": "It stays" })).await;
    drop(client);
    let Server { running, data } = server;
    running.stop().await;

    for file in ["auth.sqlite", "corcava.sqlite", "master.key"] {
        let mode = std::fs::metadata(data.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} is its owner's");
        let bytes = std::fs::read(data.path().join(file)).unwrap();
        for secret in [&key, &token] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }
    let mut again = options(data.path().to_str().unwrap(), &USERS);
    again.listen = address.parse().unwrap();
    let running = start(again).await.unwrap();
    for each in [&key, &token] {
        let client = connect(running.mcp_url(), each).await;
        assert_eq!(succeed(&client, "get_task", json!({ "task_id": task["id"] })).await, task);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_user_has_a_key_once_and_others_make_their_own() {
    let server = Server::with(&[]).await;
    let banner = server.running.banner();
    let (key, password) = (banner.key().unwrap().clone(), banner.demo_password().unwrap().clone());
    use secrecy::ExposeSecret as _;
    let debug = format!("{banner:?}");
    assert!(!debug.contains(key.expose_secret()) && !debug.contains(password.expose_secret()));
    let client = connect(server.url(), key.expose_secret()).await;
    assert_eq!(succeed(&client, "list_tasks", json!({})).await["total"], 6);
    drop(client);
    let Server { running, data } = server;
    running.stop().await;
    let second = start(options(data.path().to_str().unwrap(), &[])).await.unwrap();
    assert!(second.banner().key().is_none() && second.banner().demo_password().is_none());
    assert!(Server::start().await.running.banner().key().is_none(), "configured users");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authorization_server_can_vouch_for_users() {
    let authority = Authority::start().await.unwrap();
    let server = Server::with(&["--issuer", authority.issuer()]).await;
    for _ in 0..500 {
        if reqwest::get(server.at("/readyz")).await.unwrap().status().is_success() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let token = |subject: &str| authority.token(server.url()).subject(subject).scope("tasks:write").sign();
    let ada = connect(server.url(), &token("ada")).await;
    let task = succeed(&ada, "create_task", json!({ "title": "From elsewhere" })).await;
    let by_key = server.client("ada", EVERYTHING).await;
    assert_eq!(succeed(&by_key, "get_task", json!({ "task_id": task["id"] })).await, task);
    let eve = connect(server.url(), &token("eve")).await;
    assert_eq!(refused(&eve, "get_task", json!({ "task_id": task["id"] })).await.0, "not_found");
    call(&eve, "list_projects", json!({})).await.expect_err("projects:read was not granted");
    for path in ["/login", browser::SETTINGS, "/authorize"] {
        assert_eq!(reqwest::get(server.at(path)).await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_said_at_once_and_a_foreign_file_is_left_alone() {
    let flags =
        ["corcava-mcp", "--listen", "0.0.0.0:1", "--environment", "test", "--user", "ada", "--code-ttl", "1"];
    let errors = Options::new(Cli::try_parse_from(flags).unwrap()).unwrap_err();
    for part in ["--public-url", "--environment", "--user", "--code-ttl"] {
        assert!(errors.to_string().contains(part), "{part}: {errors}");
    }
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("corcava.sqlite");
    std::fs::write(&file, "no database at all, but something of mine").unwrap();
    let refused = start(options(data.path().to_str().unwrap(), &[])).await.unwrap_err();
    assert!(matches!(refused, StartError::Data(_)), "{refused}");
    assert_eq!(std::fs::read(&file).unwrap(), b"no database at all, but something of mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_in_time() {
    let data = tempfile::tempdir().unwrap();
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_corcava-mcp"))
        .args(["--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut url, mut key) = (String::new(), String::new());
    while let Some(line) = lines.next_line().await.unwrap() {
        let word = line.split_whitespace().nth(2).unwrap_or_default().to_owned();
        if line.starts_with("MCP endpoint") {
            url = word;
        } else if line.starts_with("First key") {
            key = word;
            break;
        }
    }
    // A client with an open stream.
    let client = connect(&url, &key).await;
    succeed(&client, "list_tasks", json!({})).await;
    let began = Instant::now();
    let id = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let status = tokio::time::timeout(Duration::from_secs(10), child.wait()).await.unwrap().unwrap();
    assert!(status.success() && began.elapsed() < Duration::from_secs(6), "{status} {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_gone_or_has_another_password_is_signed_out_everywhere() {
    let server = Server::start().await;
    let address = server.running.address().to_string();
    let both = async |name: &'static str, server: &Server| {
        let key = server.key(name, EVERYTHING).await;
        let token = browser::authorize(server, name, "tasks:read").await;
        (key, token, browser::Browser::signed_in(server, name).await)
    };
    let (ada, bob) = (both("ada", &server).await, both("bob", &server).await);
    let again = async |server: Server, users: &[&str]| {
        let Server { running, data } = server;
        running.stop().await;
        let flags: Vec<_> = users.iter().flat_map(|user| ["--user", *user]).collect();
        let mut options = options(data.path().to_str().unwrap(), &flags);
        options.listen = address.parse().unwrap();
        Server { running: start(options).await.unwrap(), data }
    };
    // What is taken of each: the key, the token, the session.
    let taken = async |server: &Server, (key, token, browser): &(String, String, browser::Browser)| {
        let page = browser.get(browser::SETTINGS).await.status == 200;
        [server.status_with(key).await == 200, server.status_with(token).await == 200, page]
    };
    let server = again(server, &["ada:ada-password", "bob:bob-password"]).await;
    assert_eq!(taken(&server, &ada).await, [true; 3], "a restart ends nothing");
    assert_eq!(taken(&server, &bob).await, [true; 3]);
    let server = again(server, &["ada:another-password"]).await;
    assert_eq!(
        taken(&server, &ada).await,
        [true, false, false],
        "another password: the key is no password's"
    );
    assert_eq!(taken(&server, &bob).await, [false; 3], "who is gone has nothing");
    let server = again(server, &["ada:ada-password", "bob:bob-password"]).await;
    assert_eq!(taken(&server, &ada).await, [true, false, false]);
    assert_eq!(taken(&server, &bob).await, [false; 3], "who comes back begins anew");
    assert_eq!(taken(&server, &both("bob", &server).await).await, [true; 3]);
    // Nor does the demo user outlive those who are configured.
    let demo = Server::with(&[]).await;
    let key = demo.running.banner().key().unwrap().clone();
    let Server { running, data } = demo;
    running.stop().await;
    let running = start(options(data.path().to_str().unwrap(), &USERS)).await.unwrap();
    use secrecy::ExposeSecret as _;
    assert_eq!(Server { running, data }.status_with(key.expose_secret()).await, 401);
}
