//! What the tests share: a running server, and calls of it by a real client.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use clap::Parser;
use mcp_auth_core::testing::Authority;
use mittwald_mcp::{Cli, Options, Running, start};
use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;

/// A client of rmcp's.
pub(crate) type Client = RunningService<RoleClient, ()>;

/// Every scope that a tool needs.
pub(crate) const EVERY_SCOPE: &str = "user:write customer:read project:delete app:delete database:delete \
                                      stack:delete backup:delete domain:read";

/// A server on a free port, with these flags.
pub(crate) async fn server(flags: &[&str]) -> Running {
    server_at("127.0.0.1:0", flags).await
}

/// A server at this address, with these flags.
pub(crate) async fn server_at(listen: &str, flags: &[&str]) -> Running {
    let kept = flags.iter().any(|flag| ["--store", "--data"].contains(flag));
    let store = if kept { &[][..] } else { &["--store", "memory"] };
    let flags = [&["mittwald-mcp", "--listen", listen], store, flags].concat();
    start(Options::new(Cli::try_parse_from(flags).unwrap()).unwrap()).await.unwrap()
}

/// A server that trusts a test authority, when it is ready.
pub(crate) async fn server_with_authority() -> (Running, Authority) {
    let authority = Authority::start().await.unwrap();
    let running = server(&["--issuer", authority.issuer()]).await;
    let ready = format!("http://{}/readyz", running.address());
    for _ in 0..500 {
        if reqwest::get(&ready).await.unwrap().status().is_success() {
            return (running, authority);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the server did not get the keys");
}

/// A token with these scopes.
pub(crate) fn token(running: &Running, authority: &Authority, scope: &str) -> String {
    authority.token(running.mcp_url()).scope(scope).sign()
}

/// A connected client with this token.
pub(crate) async fn connect(url: &str, token: &str) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    ().serve(StreamableHttpClientTransport::from_config(config)).await.unwrap()
}

/// Calls a tool.
pub(crate) async fn call(
    client: &Client,
    tool: &str,
    arguments: Value,
) -> Result<CallToolResult, ServiceError> {
    let arguments = arguments.as_object().unwrap().clone();
    client.call_tool(CallToolRequestParams::new(format!("mittwald_{tool}")).with_arguments(arguments)).await
}

/// The text of a result, read as JSON.
pub(crate) fn json_of(result: &CallToolResult) -> Value {
    let result = serde_json::to_value(result).unwrap();
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

/// Calls a tool that succeeds; its `data`.
pub(crate) async fn succeed(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = call(client, tool, arguments).await.unwrap();
    let mut text = json_of(&result);
    assert_eq!(result.is_error, Some(false), "{tool}: {text}");
    assert_eq!(text["status"], "success");
    assert!(!text["message"].as_str().unwrap().is_empty());
    assert_eq!(text["meta"]["tool"], format!("mittwald_{tool}"));
    text["data"].take()
}

/// Calls a tool that fails upstream; the whole answer.
pub(crate) async fn fail(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = call(client, tool, arguments).await.unwrap();
    let text = json_of(&result);
    assert_eq!(result.is_error, Some(true), "{tool}: {text}");
    assert_eq!(text["status"], "error");
    text
}
