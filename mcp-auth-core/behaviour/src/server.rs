//! The service behind the guard: an rmcp server that writes down what really ran.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_auth_core::Principal;
use mcp_auth_core::audit::{AFTER, BEFORE};
use mcp_auth_core::confirm::Confirmed;
use mcp_auth_core::verify::UpstreamCredential;
use rmcp::handler::server::router::prompt::PromptRouter;
use rmcp::handler::server::tool::RequestState;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult, ContentBlock, GetPromptResult,
    InputRequiredResult, ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams,
    ProgressNotificationParam, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, RequestMetaObject, Resource, ResourceContents, ResourceTemplate, Role,
    ServerCapabilities, ServerConfig, SubscriptionFilter,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{
    ErrorData, Peer, RoleServer, ServerHandler, prompt, prompt_handler, prompt_router, schemars, tool,
    tool_handler, tool_router,
};

/// The MCP service to mount behind a guard.
pub type Mcp = StreamableHttpService<Notes, LocalSessionManager>;

/// What ran, in order; shared by everybody who has a clone.
#[derive(Clone, Debug, Default)]
pub struct Ran(Arc<Mutex<Vec<String>>>);

impl Ran {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
    }

    /// What ran since the last asking.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until `what` ran.
    ///
    /// # Errors
    /// If it did not within five seconds: what ran instead.
    pub async fn wait_for(&self, what: &str) -> Result<(), Vec<String>> {
        for _ in 0..500 {
            if self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|ran| ran == what) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(self.take())
    }
}

/// Notes that nobody keeps.
#[derive(Clone)]
pub struct Notes {
    ran: Ran,
    prompts: PromptRouter<Self>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Note {
    id: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Move {
    #[schemars(extend("x-mcp-header" = "Folder"))]
    folder: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Purge {
    #[serde(default)]
    #[schemars(extend("x-mcp-header" = "Folder"))]
    folder: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Show {
    #[serde(default)]
    url: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Steps {
    steps: u32,
}

/// Notes the end of a call that was not let run to its own.
struct UntilDropped(Ran);

impl Drop for UntilDropped {
    fn drop(&mut self) {
        self.0.note("wait dropped");
    }
}

#[tool_router]
impl Notes {
    #[tool(description = "Says it again")]
    fn echo(&self, Parameters(Text { text }): Parameters<Text>) -> String {
        self.ran.note("echo");
        text
    }

    #[tool(description = "Lists notes")]
    fn list_notes(&self) -> String {
        self.ran.note("list_notes");
        "Buy milk".to_owned()
    }

    #[tool(description = "Deletes a note")]
    fn delete_note(&self, Parameters(Note { id }): Parameters<Note>) -> String {
        self.ran.note(format!("delete_note {id}"));
        "deleted".to_owned()
    }

    #[tool(description = "Moves the notes, into the archive takes more; and says where they were and are")]
    fn move_notes(&self, Parameters(Move { folder }): Parameters<Move>) -> CallToolResult {
        self.ran.note(format!("move_notes {folder}"));
        let mut result = CallToolResult::success(vec![ContentBlock::text("moved")]);
        let states = [(BEFORE, "drafts"), (AFTER, folder.as_str())];
        result.meta = serde_json::from_value(serde_json::json!(
            states
                .map(|(when, folder)| (when, serde_json::json!({ "folder": folder })))
                .into_iter()
                .collect::<std::collections::BTreeMap<_, _>>()
        ))
        .ok();
        result
    }

    #[tool(description = "Asks for something itself before it is done, and says how its call was confirmed")]
    fn ask_back(
        &self,
        RequestState(state): RequestState,
        context: RequestContext<RoleServer>,
    ) -> CallToolResponse {
        let parts = context.extensions.get::<http::request::Parts>();
        let confirmed = parts.and_then(|parts| parts.extensions.get::<Confirmed>());
        let by = confirmed.map_or("nobody", |confirmed| confirmed.by.as_str());
        self.ran.note(format!("ask_back {by}"));
        match state {
            None => InputRequiredResult::from_request_state("its own").into(),
            Some(state) => {
                CallToolResult::success(vec![ContentBlock::text(format!("back with {state}"))]).into()
            }
        }
    }

    #[tool(description = "What this is")]
    fn about(&self) -> String {
        self.ran.note("about");
        "notes".to_owned()
    }

    #[tool(description = "Nobody sees this")]
    fn purge(&self, Parameters(Purge { folder }): Parameters<Purge>) -> String {
        self.ran.note("purge");
        format!("purged {folder}")
    }

    #[tool(description = "Who asks, as the service sees it, and what it may show at a URL for them")]
    fn whoami(
        &self,
        Parameters(Show { url }): Parameters<Show>,
        context: RequestContext<RoleServer>,
    ) -> String {
        self.ran.note("whoami");
        let Some(parts) = context.extensions.get::<http::request::Parts>() else {
            return "no parts".to_owned();
        };
        let leaked = ["authorization", "dpop"].iter().any(|name| parts.headers.contains_key(*name));
        let upstream = UpstreamCredential::from_extensions(&parts.extensions);
        match Principal::from_extensions(&parts.extensions) {
            _ if leaked => "the credential leaked".to_owned(),
            Some(principal) if upstream.is_some() => {
                let secret = upstream.and_then(|credential| credential.expose_for(&url));
                format!("{} shows {}", principal.subject(), secret.unwrap_or("nothing"))
            }
            Some(principal) => format!("{} via {}", principal.subject(), principal.client_id().unwrap_or("")),
            None => "nobody".to_owned(),
        }
    }

    #[tool(description = "Counts aloud, a step each 100 ms")]
    async fn count(
        &self,
        meta: RequestMetaObject,
        peer: Peer<RoleServer>,
        Parameters(Steps { steps }): Parameters<Steps>,
    ) -> String {
        self.ran.note("count");
        for step in 0..steps {
            if let Some(token) = meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, f64::from(step));
                if peer.notify_progress(progress).await.is_err() {
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        "counted".to_owned()
    }

    #[tool(description = "Waits until it is cancelled")]
    async fn wait(&self, context: RequestContext<RoleServer>) -> String {
        let _dropped = UntilDropped(self.ran.clone());
        self.ran.note("wait");
        context.ct.cancelled().await;
        "cancelled".to_owned()
    }
}

// The macro makes public functions without documentation.
#[allow(missing_docs)]
#[prompt_router]
impl Notes {
    #[prompt(name = "summary", description = "Asks for a summary")]
    async fn summary(&self) -> GetPromptResult {
        self.ran.note("summary");
        GetPromptResult::new(vec![PromptMessage::new_text(Role::User, "Sum it up.")])
    }

    #[prompt(name = "confession", description = "Nobody sees this")]
    async fn confession(&self) -> GetPromptResult {
        self.ran.note("confession");
        GetPromptResult::new(vec![PromptMessage::new_text(Role::User, "Confess.")])
    }
}

#[tool_handler]
#[prompt_handler(router = self.prompts)]
impl ServerHandler for Notes {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_tool_list_changed()
                .enable_prompts()
                .enable_resources()
                .enable_completions()
                .build(),
        )
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.ran.note("list_resources");
        let all = [("note://1", "one"), ("diary://1", "hidden"), ("file://1", "undeclared")];
        Ok(ListResourcesResult::with_all_items(
            all.into_iter().map(|(uri, name)| Resource::new(uri, name)).collect(),
        ))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let all = [("note://{id}", "note"), ("diary://{id}", "hidden"), ("file://{id}", "undeclared")];
        Ok(ListResourceTemplatesResult::with_all_items(
            all.into_iter().map(|(uri, name)| ResourceTemplate::new(uri, name)).collect(),
        ))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.ran.note(format!("read {}", request.uri));
        if request.uri == "note://gone" {
            return Err(ErrorData::invalid_params("no such note", None));
        }
        Ok(ReadResourceResult::new(vec![ResourceContents::text("Buy milk", request.uri)]).into())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.ran.note("complete");
        Ok(CompleteResult::default())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.ran.note("listen");
        Some(requested.supported_by(&self.get_info().capabilities))
    }
}

impl Notes {
    /// Every tool, for the guard's declarations.
    #[must_use]
    pub fn tools() -> Vec<rmcp::model::Tool> {
        Self::tool_router().list_all()
    }

    /// The service, with sessions in the legacy era; `json` answers legacy requests without sessions and as JSON.
    #[must_use]
    pub fn service(ran: Ran, json: bool) -> Mcp {
        let config = StreamableHttpServerConfig::default()
            .with_sse_keep_alive(Some(Duration::from_millis(100)))
            .with_legacy_session_mode(!json)
            .with_json_response(json);
        let notes = Self { ran, prompts: Self::prompt_router() };
        StreamableHttpService::new(
            move || Ok(notes.clone()),
            Arc::new(LocalSessionManager::default()),
            config,
        )
    }
}
