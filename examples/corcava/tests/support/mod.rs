//! What the tests share: a running server with keys, and calls of it by a real client.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use clap::Parser;
use corcava_mcp::{Cli, Options, Running, start};
use mcp_auth_core::ScopeSet;
use mcp_auth_core::verify::api_key::NewKey;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ElicitRequestParams,
    ElicitResult, ElicitationAction, ErrorData, Implementation,
};
use rmcp::service::{RequestContext, RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ServiceExt};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A client of rmcp's.
pub(crate) type Client = RunningService<RoleClient, Agrees>;

/// A user who agrees to everything that they are asked.
pub(crate) struct Agrees;

impl ClientHandler for Agrees {
    fn get_info(&self) -> ClientConfig {
        let elicitation = ClientCapabilities::builder().enable_elicitation().build();
        ClientConfig::new(elicitation, Implementation::new("tests", "1"))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "confirm": true })))
    }
}

/// The scope that implies all others.
pub(crate) const EVERYTHING: &str = "workspace:*";

/// A server on a free port, and the directory that it keeps everything in.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) data: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(&["--user", "ada:ada-password", "--user", "bob:bob-password"]).await
    }

    pub(crate) async fn with(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let running = start(options(data.path().to_str().unwrap(), flags)).await.unwrap();
        Self { running, data }
    }

    pub(crate) fn url(&self) -> &str {
        self.running.mcp_url()
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address())
    }

    /// A key of `owner`'s with these scopes.
    pub(crate) async fn key(&self, owner: &str, scopes: &str) -> String {
        let new = NewKey::new("test", owner).scopes(ScopeSet::parse(scopes).unwrap());
        self.running.keys().create(new).await.unwrap().expose_secret().to_owned()
    }

    /// A connected client with a key of `owner`'s.
    pub(crate) async fn client(&self, owner: &str, scopes: &str) -> Client {
        connect(self.url(), &self.key(owner, scopes).await).await
    }
}

pub(crate) fn options(data: &str, flags: &[&str]) -> Options {
    let own = ["corcava-mcp", "--listen", "127.0.0.1:0", "--data", data];
    Options::new(Cli::try_parse_from([&own, flags].concat()).unwrap()).unwrap()
}

pub(crate) async fn connect(url: &str, token: &str) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    Agrees.serve(StreamableHttpClientTransport::from_config(config)).await.unwrap()
}

pub(crate) async fn call(
    client: &Client,
    tool: &'static str,
    arguments: Value,
) -> Result<CallToolResult, ServiceError> {
    let arguments = arguments.as_object().unwrap().clone();
    client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await
}

/// Calls a tool that does it; its structured content.
pub(crate) async fn succeed(client: &Client, tool: &'static str, arguments: Value) -> Value {
    let result = call(client, tool, arguments).await.unwrap();
    assert_eq!(result.is_error, Some(false), "{tool}: {result:?}");
    result.structured_content.unwrap()
}

/// Calls a tool that refuses; `kind` and `message`.
pub(crate) async fn refused(client: &Client, tool: &'static str, arguments: Value) -> (String, String) {
    let result = call(client, tool, arguments).await.unwrap();
    assert_eq!(result.is_error, Some(true), "{tool}: {result:?}");
    assert!(result.structured_content.is_none());
    let result = serde_json::to_value(&result).unwrap();
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    (text["kind"].as_str().unwrap().to_owned(), text["message"].as_str().unwrap().to_owned())
}

/// The titles of a page of tasks.
pub(crate) fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap()).collect()
}

/// Calls a tool with arguments that it cannot read: the model is told so.
pub(crate) async fn unreadable(client: &Client, tool: &'static str, arguments: Value) {
    let result = call(client, tool, arguments.clone()).await.unwrap();
    assert_eq!(result.is_error, Some(true), "{tool} reads {arguments}");
    let result = serde_json::to_value(&result).unwrap();
    assert!(result["content"][0]["text"].as_str().unwrap().starts_with("failed to deserialize parameters"));
}
