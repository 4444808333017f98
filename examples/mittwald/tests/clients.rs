//! Clients that nobody here wrote, against the server: both eras, both SDKs, the conformance suite, another issuer.
//!
//! `tests/clients/install.sh` installs them; without it these tests fail and say so.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod child;
mod support;

use std::time::Duration;

use child::{Issuer, PASSWORD, USER, run, walk};
use mittwald_mcp::Running;
use mittwald_mcp::fake::FIRST_SERVER;
use rmcp::ServiceExt;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationRequest, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::json;
use support::{Client, call, server, server_at, succeed};

const TYPESCRIPT: [&str; 2] = ["node", "typescript/flow.mjs"];
const PYTHON: [&str; 2] = ["python/.venv/bin/python", "python/flow.py"];

async fn embedded(more: &[&str]) -> Running {
    let user = format!("{USER}:{PASSWORD}");
    server(&[&["--user", &user], more].concat()).await
}

/// One scenario in both eras, with a server of its own.
async fn flow(program: [&str; 2], scenario: &str, flags: &[&str]) {
    for era in ["modern", "legacy"] {
        let running = embedded(flags).await;
        let url = running.mcp_url();
        run(&[&program[..], &["--url", url, "--user", USER, "--era", era, "--scenario", scenario]].concat())
            .await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_goes_from_401_to_step_up() {
    flow(TYPESCRIPT, "full", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_refreshes() {
    flow(TYPESCRIPT, "refresh", &["--access-token-ttl", "2s"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_is_led_back_after_revocation() {
    flow(TYPESCRIPT, "revoked", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_goes_from_401_to_step_up() {
    flow(PYTHON, "full", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_refreshes() {
    flow(PYTHON, "refresh", &["--access-token-ttl", "2s"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_is_led_back_after_revocation() {
    flow(PYTHON, "revoked", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conformance_suite_passes_for_each_revision() {
    let port = child::free_port().to_string();
    let client = format!("conformance http://127.0.0.1:{port}/callback");
    let running = embedded(&["--client", &client]).await;
    let (origin, url) = (format!("http://{}", running.address()), running.mcp_url());
    let suite = ["node", "conformance/run.mjs", "--url", &origin, "--resource", url];
    run(&[&suite[..], &["--client-id", "conformance", "--port", &port, "--user", USER]].concat()).await;
    running.stop().await;
}

/// Authorizes by rmcp's own flow, for these scopes, and connects.
async fn authorize(running: &Running, scopes: &[&str]) -> Client {
    let url = running.mcp_url();
    let mut state = OAuthState::new(url, None).await.unwrap();
    let redirect = format!("http://127.0.0.1:{}/callback", child::free_port());
    let request =
        AuthorizationRequest::new(redirect).with_client_name("rmcp").with_scopes(scopes.iter().copied());
    state.start_authorization(request).await.unwrap();
    let location = walk(&state.get_authorization_url().await.unwrap()).await;
    state.handle_callback_url(&location).await.unwrap();
    let manager = state.into_authorization_manager().unwrap();
    let client = AuthClient::new(reqwest::Client::new(), manager);
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    ().serve(StreamableHttpClientTransport::with_client(client, config)).await.unwrap()
}

async fn authorize_refused_then_allowed(running: &Running) {
    let new = json!({ "serverId": FIRST_SERVER, "description": "made by rmcp" });
    let client = authorize(running, &["project:read"]).await;
    let before = succeed(&client, "project_list", json!({})).await.as_array().unwrap().len();
    assert!(call(&client, "project_create", new.clone()).await.is_err(), "the scope is missing");
    assert_eq!(succeed(&client, "project_list", json!({})).await.as_array().unwrap().len(), before);
    let client = authorize(running, &["project:read", "project:write"]).await;
    succeed(&client, "project_create", new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rmcp_authorizes_by_itself() {
    let running = embedded(&[]).await;
    authorize_refused_then_allowed(&running).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_issuer_is_trusted_and_its_keys_rotate() {
    let port = child::free_port();
    let url = format!("http://127.0.0.1:{port}/mcp");
    let mut issuer = Issuer::start(&url).await;
    let listen = format!("127.0.0.1:{port}");
    let running = server_at(&listen, &["--issuer", &issuer.url]).await;
    assert_eq!(running.mcp_url(), url);
    let ready = format!("http://{listen}/readyz");
    while !reqwest::get(&ready).await.unwrap().status().is_success() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    authorize_refused_then_allowed(&running).await;
    issuer.tell("rotate").await;
    let client = authorize(&running, &["project:read"]).await;
    succeed(&client, "project_list", json!({})).await;
    for program in [TYPESCRIPT, PYTHON] {
        run(&[&program[..], &["--url", &url, "--user", USER, "--scenario", "full"]].concat()).await;
    }
    running.stop().await;
}
