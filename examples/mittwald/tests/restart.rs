//! What outlives the process: logins, clients, grants, keys. And who may read it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod server;
mod support;
mod walker;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Parser as _;
use mittwald_mcp::{Cli, Options};
use rmcp::transport::auth::{AuthClient, AuthorizationRequest, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, auth::AuthorizationManager};
use rmcp::{RoleClient, ServiceExt as _, model::CallToolRequestParams, service::RunningService};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use server::{PASSWORD, Server, USER, free_port};
use support::server as in_process;

type Authorized = AuthClient<reqwest::Client>;

const REDIRECT: &str = "http://127.0.0.1:45999/callback";

async fn authorize(server: &Server) -> Authorized {
    let manager = AuthorizationManager::new(server.url.as_str()).await.unwrap();
    let mut state = OAuthState::Unauthorized(manager);
    let request = AuthorizationRequest::new(REDIRECT)
        .with_client_name("rmcp")
        .with_scopes(["project:read", "offline_access"]);
    state.start_authorization(request).await.unwrap();
    let (back, _) = walker::walk(&state.get_authorization_url().await.unwrap()).await;
    state.handle_callback_url(&back).await.unwrap();
    AuthClient::new(reqwest::Client::new(), state.into_authorization_manager().unwrap())
}

async fn connect(server: &Server, authorized: &Authorized) -> RunningService<RoleClient, ()> {
    let config = StreamableHttpClientTransportConfig::with_uri(server.url.clone());
    ().serve(StreamableHttpClientTransport::with_client(authorized.clone(), config)).await.unwrap()
}

async fn lists(server: &Server, authorized: &Authorized) {
    let client = connect(server, authorized).await;
    let listed = client.call_tool(CallToolRequestParams::new("mittwald_project_list")).await.unwrap();
    assert_ne!(listed.is_error, Some(true));
}

async fn refresh(server: &Server, authorized: &Authorized) -> reqwest::StatusCode {
    let (client_id, tokens) = authorized.auth_manager.lock().await.get_credentials().await.unwrap();
    let tokens = serde_json::to_value(tokens.unwrap()).unwrap();
    let refresh_token = tokens.get("refresh_token").and_then(Value::as_str).expect("a refresh token");
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token").append_pair("client_id", &client_id);
    let body = form.append_pair("refresh_token", refresh_token).finish();
    let request = reqwest::Client::new().post(format!("{}/token", server.origin)).body(body);
    request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("made").join("for it");
    let (port, data) = (free_port(), data.to_str().unwrap());
    let user = format!("{USER}:{PASSWORD}");
    let first = Server::start_at(port, &["--data", data, "--user", &user]).await;
    let authorized = authorize(&first).await;
    lists(&first, &authorized).await;
    // Nothing is written on the way out.
    first.kill().await;

    let second = Server::start_at(port, &["--data", data]).await;
    lists(&second, &authorized).await;
    assert_eq!(refresh(&second, &authorized).await, 200);
    // The login is kept, too; and the same one given again is nothing new.
    lists(&second, &authorize(&second).await).await;
    second.kill().await;
    let third = Server::start_at(port, &["--data", data, "--user", &user]).await;
    lists(&third, &authorized).await;
    third.kill().await;

    // Another password signs out whoever had the old one.
    let fourth = Server::start_at(port, &["--data", data, "--user", "demo:another password"]).await;
    let client = StreamableHttpClientTransportConfig::with_uri(fourth.url.clone());
    let transport = StreamableHttpClientTransport::with_client(authorized.clone(), client);
    ().serve(transport).await.expect_err("the token was issued to whoever knew the old password");

    assert_eq!(mode_of(Path::new(data)), 0o700);
    for path in ["state.db", "state.key", "state.db-wal", "audit.jsonl", "audit.key"] {
        assert_eq!(mode_of(&Path::new(data).join(path)), 0o600, "{path}");
    }
    // One chain through all the kills: each call is there, before and after, and no token.
    let record = fs::read_to_string(Path::new(data).join("audit.jsonl")).unwrap();
    let calls = |kind: &str| {
        let kind = format!("\"record\":\"{kind}\"");
        record.lines().filter(|line| line.contains(&kind)).count()
    };
    assert!(record.matches("mittwald_project_list").count() >= 4, "{record}");
    assert!(calls("intent") >= 4 && calls("outcome") >= 4, "{record}");
    let token = authorized.get_access_token().await.unwrap();
    assert!(!record.contains(&token) && !record.contains("another password"));
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_demo_password_is_told_once() {
    let data = tempfile::tempdir().unwrap();
    let flags = ["--data", data.path().to_str().unwrap()];
    let first = in_process(&flags).await;
    let (name, password) = first.banner().demo().unwrap();
    assert_eq!(name, "demo");
    let password = password.expose_secret().to_owned();
    assert!(first.banner().to_string().contains(&password));
    assert!(!format!("{first:?}").contains(&password));
    first.stop().await;

    let second = in_process(&flags).await;
    assert!(second.banner().demo().is_none());
    assert!(second.banner().to_string().contains("as demo"));
    second.stop().await;
    for file in fs::read_dir(data.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for secret in [password.as_bytes(), b"$argon2id"] {
            assert!(!bytes.windows(secret.len()).any(|found| found == secret), "{}", path.display());
        }
    }
}

fn start_error(flags: &[&str]) -> impl Future<Output = String> {
    let flags = [&["mittwald-mcp", "--listen", "127.0.0.1:0"], flags].concat();
    let options = Options::new(Cli::try_parse_from(flags).unwrap()).unwrap();
    async { mittwald_mcp::start(options).await.unwrap_err().to_string() }
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_and_left() {
    let data = tempfile::tempdir().unwrap();
    let flags = ["--data", data.path().to_str().unwrap()];
    in_process(&flags).await.stop().await;
    let key = data.path().join("state.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(start_error(&flags).await.contains("chmod 600"));
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    assert!(start_error(&flags).await.contains("another --key"), "a lost key is not papered over");
    fs::remove_file(&key).unwrap();
    let elsewhere = data.path().join("kept.key");
    fs::write(&elsewhere, &kept).unwrap();
    let at = format!("@{}", elsewhere.display());
    let store = format!("sqlite:{}", data.path().join("state.db").display());
    let again = in_process(&["--store", &store, "--key", &at]).await;
    assert!(again.banner().demo().is_none(), "the logins are there");
    assert!(!key.exists(), "the given key is not copied");
    again.stop().await;

    let foreign = data.path().join("foreign.db");
    fs::write(&foreign, "no database at all, but long enough to be looked at").unwrap();
    let error = start_error(&["--store", &format!("sqlite:{}", foreign.display())]).await;
    assert!(error.contains("foreign.db"), "{error}");
    assert!(start_error(&["--store", "sqlite:/nowhere/at/all.db"]).await.contains("/nowhere/at/all.db"));
}
