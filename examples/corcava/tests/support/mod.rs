//! What the tests share: a running server with keys, and calls of it by a real client.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::{Arc, Mutex};

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
pub(crate) type Client = RunningService<RoleClient, User>;

type Answer = dyn Fn(usize, &str) -> Option<String> + Send + Sync;

/// A user who is asked.
#[derive(Clone)]
pub(crate) struct User {
    /// What they type to the question of this number that demands these words; `None` declines.
    answer: Arc<Answer>,
    /// What they were shown.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    shows_forms: bool,
}

impl User {
    /// Types whatever is demanded.
    pub(crate) fn agrees() -> Self {
        Self::types(|_, demanded| Some(demanded.to_owned()))
    }

    pub(crate) fn types(answer: impl Fn(usize, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), asked: Arc::default(), shows_forms: true }
    }

    /// With a client that cannot ask.
    pub(crate) fn unasked() -> Self {
        Self { shows_forms: false, ..Self::agrees() }
    }

    pub(crate) fn questions(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl ClientHandler for User {
    fn get_info(&self) -> ClientConfig {
        let able = ClientCapabilities::builder();
        let able = if self.shows_forms { able.enable_elicitation().build() } else { able.build() };
        ClientConfig::new(able, Implementation::new("tests", "1"))
    }

    async fn create_elicitation(
        &self,
        question: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let question = serde_json::to_value(question).unwrap();
        let title = question["requestedSchema"]["properties"]["phrase"]["title"].as_str().unwrap();
        let demanded = title.strip_prefix("Type ").unwrap().strip_suffix(" to go on").unwrap();
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(question["message"].as_str().unwrap().to_owned());
            asked.len()
        };
        // It may call other clients, and wait for them.
        let answer = tokio::task::block_in_place(|| (self.answer)(number, demanded));
        Ok(match answer {
            Some(words) => {
                ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "phrase": words }))
            }
            None => ElicitResult::new(ElicitationAction::Decline),
        })
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

    /// Where changes are not confirmed; deletions are.
    pub(crate) async fn development() -> Self {
        let flags = ["--user", "ada:ada-password", "--user", "bob:bob-password"];
        Self::with(&[&flags[..], &["--environment", "development"]].concat()).await
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
    connect_as(User::agrees(), url, token).await
}

pub(crate) async fn connect_as(user: User, url: &str, token: &str) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    user.serve(StreamableHttpClientTransport::from_config(config)).await.unwrap()
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
    let text = result["content"][0]["text"].as_str().unwrap();
    if let Some(why) = text.strip_prefix("Not run: ") {
        return ("not_run".to_owned(), why.to_owned());
    }
    let text: Value = serde_json::from_str(text).unwrap();
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
