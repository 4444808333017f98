//! The smallest honest protected MCP server: two tools, an embedded authorization server, one user.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use mcp_auth_axum::McpAuthLayer;
use mcp_auth_core::policy::{destructive, read};
use mcp_auth_core::{Guard, ToolPolicies};
use mcp_auth_provider::{LocalUsers, Provider};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::transport::streamable_http_server::{StreamableHttpService, session::local::LocalSessionManager};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};

#[derive(Clone)]
struct Notes(Arc<Mutex<Vec<String>>>);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct DeleteNote {
    /// The note to delete, word for word.
    note: String,
}

#[tool_router]
impl Notes {
    #[tool(description = "List all notes", annotations(read_only_hint = true))]
    fn list_notes(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    #[tool(description = "Delete a note", annotations(destructive_hint = true))]
    fn delete_note(&self, Parameters(DeleteNote { note }): Parameters<DeleteNote>) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|have| *have != note);
        "deleted".to_owned()
    }
}

#[tool_handler]
impl ServerHandler for Notes {}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (provider, provider_background) = Provider::builder("http://127.0.0.1:8787")
        .resource("http://127.0.0.1:8787/mcp")
        .scopes([("notes:read", "Read your notes"), ("notes:delete", "Delete your notes")])
        .sign_in(LocalUsers::new().user("ada", "correct horse battery staple"))
        .build()?;
    let (guard, background) = Guard::builder("http://127.0.0.1:8787/mcp")
        .verifier(provider.verifier())
        .tools(
            ToolPolicies::from_tools(Notes::tool_router().list_all())?
                .tool("list_notes", read("notes:read"))
                .tool("delete_note", destructive("notes:delete")),
        )
        .build()?;
    tokio::spawn(background.and(provider_background));

    let notes = Notes(Arc::new(Mutex::new(vec!["Buy milk".to_owned(), "Call Grace".to_owned()])));
    let mcp = StreamableHttpService::new(
        move || Ok(notes.clone()),
        Arc::new(LocalSessionManager::default()),
        Default::default(),
    );
    let app = axum::Router::new()
        .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(mcp))
        .merge(mcp_auth_axum::routes(&guard))
        .merge(mcp_auth_axum::routes(&provider))
        .into_make_service_with_connect_info::<SocketAddr>();
    println!("MCP server: http://127.0.0.1:8787/mcp  sign in as ada / correct horse battery staple");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8787").await?;
    Ok(axum::serve(listener, app).await?)
}
