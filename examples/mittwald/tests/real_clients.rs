//! Clients that nobody here wrote, against the running server: the TypeScript and the Python SDK in both eras, the conformance
//! suite, and a real `oidc-provider` as external issuer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod server;

use std::path::PathBuf;

use mittwald_mcp::fake::{DEMO_RO_TOKEN, DEMO_RW_TOKEN};
use server::{Issuer, Server, USER, clients, free_port, run, run_with};

/// One scenario of a client against a server that was started with `options`.
async fn scenario(client: Client, era: &str, scenario: &str, options: &[&str]) {
    let server = Server::start(options).await;
    client.run(&server.url, era, scenario).await;
}

#[derive(Clone, Copy)]
enum Client {
    TypeScript,
    Python,
}

impl Client {
    async fn run(self, url: &str, era: &str, scenario: &str) {
        let (program, script) = match self {
            Self::TypeScript => (PathBuf::from("node"), "typescript/flow.mjs"),
            Self::Python => (clients().join("python/.venv/bin/python"), "python/flow.py"),
        };
        run(&program, &[script, "--url", url, "--user", USER, "--era", era, "--scenario", scenario]).await;
    }
}

macro_rules! scenarios {
    ($($name:ident: $client:ident, $era:literal, $scenario:literal, $options:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            scenario(Client::$client, $era, $scenario, &$options).await;
        })*
    };
}

scenarios! {
    typescript_modern_full: TypeScript, "modern", "full", [];
    typescript_legacy_full: TypeScript, "legacy", "full", [];
    typescript_modern_refresh: TypeScript, "modern", "refresh", ["--access-token-ttl", "2s"];
    typescript_legacy_refresh: TypeScript, "legacy", "refresh", ["--access-token-ttl", "2s"];
    typescript_modern_revoked: TypeScript, "modern", "revoked", [];
    typescript_legacy_revoked: TypeScript, "legacy", "revoked", [];
    python_modern_full: Python, "modern", "full", [];
    python_legacy_full: Python, "legacy", "full", [];
    python_modern_refresh: Python, "modern", "refresh", ["--access-token-ttl", "2s"];
    python_legacy_refresh: Python, "legacy", "refresh", ["--access-token-ttl", "2s"];
    python_modern_revoked: Python, "modern", "revoked", [];
    python_legacy_revoked: Python, "legacy", "revoked", [];
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conformance_suite_passes_for_each_revision_it_knows() {
    let port = free_port().to_string();
    let client = format!("conformance http://127.0.0.1:{port}/callback");
    let server = Server::start(&["--client", &client]).await;
    let arguments = [
        "conformance/run.mjs",
        "--url",
        &server.origin,
        "--resource",
        &server.url,
        "--client-id",
        "conformance",
        "--port",
        &port,
        "--user",
        USER,
    ];
    run(&PathBuf::from("node"), &arguments).await;
}

/// The scopes that the issuer can grant: those that the flows ask for.
const SCOPES: &str = "user:read customer:read project:read app:read project:write";

#[tokio::test(flavor = "multi_thread")]
async fn an_external_issuer_is_trusted_and_may_rotate_its_keys() {
    let port = free_port();
    let resource = format!("http://127.0.0.1:{port}/mcp");
    let mut issuer = Issuer::start(&["--resource", &resource, "--scope", SCOPES]).await;
    let server = Server::start_at(port, &["--issuer", &issuer.issuer]).await;
    Client::TypeScript.run(&server.url, "modern", "full").await;
    issuer.tell("rotate").await;
    Client::Python.run(&server.url, "legacy", "full").await;
}

/// An API token in the client's own configuration: no OAuth, no browser.
async fn configured(client: Client, config: &str) {
    let server = Server::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, config.replace("URL", &server.url)).unwrap();
    let (program, script) = match client {
        Client::TypeScript => (PathBuf::from("node"), "typescript/configured.mjs"),
        Client::Python => (clients().join("python/.venv/bin/python"), "python/configured.py"),
    };
    for (token, may) in [(DEMO_RW_TOKEN, "write"), (DEMO_RO_TOKEN, "read")] {
        for era in ["modern", "legacy"] {
            let arguments = [script, "--config", path.to_str().unwrap(), "--era", era, "--may", may];
            run_with(&program, &arguments, &[("MITTWALD_TOKEN", token)]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_token_in_the_configuration_of_claude_code() {
    let config = r#"{ "mcpServers": { "mittwald": { "type": "http", "url": "URL",
        "headers": { "Authorization": "Bearer ${MITTWALD_TOKEN}" } } } }"#;
    configured(Client::TypeScript, config).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_token_in_the_configuration_of_codex() {
    let config = "[mcp_servers.mittwald]\nurl = \"URL\"\nbearer_token_env_var = \"MITTWALD_TOKEN\"\n";
    configured(Client::Python, config).await;
}
