//! What the tests share: a running server, and calls of it by a real client.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use clap::Parser;
use mcp_auth_core::testing::Authority;
use mittwald_mcp::{Cli, Options, Running, start};
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ElicitRequestParams,
    ElicitResult, ElicitationAction, ErrorData, Implementation, ProtocolVersion,
};
use rmcp::service::{RequestContext, RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, ServiceExt};
use serde_json::{Value, json};

/// A client of rmcp's, whose user agrees to what is asked, or does not.
pub(crate) type Client = RunningService<RoleClient, User>;

/// What happens while somebody thinks.
pub(crate) type Meanwhile = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Who is asked to confirm.
#[derive(Default)]
pub(crate) struct User {
    agrees: bool,
    /// What they were asked.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// Happens before their next answer.
    pub(crate) meanwhile: Mutex<Option<Meanwhile>>,
}

impl User {
    /// What they were asked since this was called last.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl ClientHandler for User {
    fn get_info(&self) -> ClientConfig {
        let elicitation = ClientCapabilities::builder().enable_elicitation().build();
        ClientConfig::new(elicitation, Implementation::new("tests", "1"))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams { message, .. } = request else {
            panic!("a link: {request:?}")
        };
        self.asked.lock().unwrap().push(message);
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile().await;
        }
        Ok(match self.agrees {
            true => ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "confirm": true })),
            false => ElicitResult::new(ElicitationAction::Decline),
        })
    }
}

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
    ready(running.mcp_url()).await;
    (running, authority)
}

/// Waits until the server of this MCP endpoint is ready.
pub(crate) async fn ready(mcp_url: &str) {
    let ready = mcp_url.replace("/mcp", "/readyz");
    for _ in 0..500 {
        if reqwest::get(&ready).await.unwrap().status().is_success() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the server did not get the keys");
}

/// A token with these scopes.
pub(crate) fn token(running: &Running, authority: &Authority, scope: &str) -> String {
    authority.token(running.mcp_url()).scope(scope).sign()
}

/// A connected client with this token, whose user agrees to everything.
pub(crate) async fn connect(url: &str, token: &str) -> Client {
    connect_as(url, token, true, None).await
}

/// A connected client with this token, in one era or as it likes.
pub(crate) async fn connect_as(url: &str, token: &str, agrees: bool, modern: Option<bool>) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    let transport = StreamableHttpClientTransport::from_config(config);
    let user = User { agrees, ..User::default() };
    match modern {
        None => user.serve(transport).await,
        Some(false) => user.serve_with_lifecycle(transport, ClientLifecycleMode::Initialize).await,
        Some(true) => {
            let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
            user.serve_with_lifecycle(transport, ClientLifecycleMode::Discover { preferred_versions }).await
        }
    }
    .unwrap()
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

/// Calls a tool that is refused before anything is asked or run; what the client is told.
pub(crate) async fn not_run(client: &Client, tool: &str, arguments: Value) -> String {
    let result = call(client, tool, arguments).await.unwrap();
    assert_eq!(result.is_error, Some(true), "{tool}");
    let result = serde_json::to_value(result).unwrap();
    let text = result["content"][0]["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("Not run"), "{tool}: {text}");
    text
}
