//! The same notes, for MCP clients: an ordinary rmcp server. It asks the guard's [`Principal`] whose notes they are, and nothing
//! else about authorization.

use std::sync::Arc;

use axum::Json;
use axum::http::request::Parts;
use axum::routing::{MethodRouter, get};
use mcp_auth_axum::Caller;
use mcp_auth_core::Principal;
use rmcp::handler::server::common::Extension;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::transport::streamable_http_server::{StreamableHttpService, session::local::LocalSessionManager};
use rmcp::{ErrorData, ServerHandler, schemars, tool, tool_handler, tool_router};

use crate::notes::Notes;

/// The MCP server.
#[derive(Clone)]
pub(crate) struct Tools(Notes);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct AddNote {
    /// What is to be noted.
    #[schemars(length(max = 1000))]
    text: String,
}

#[tool_router(vis = "pub(crate)")]
impl Tools {
    #[tool(description = "List your notes", annotations(read_only_hint = true))]
    fn list_notes(&self, Extension(request): Extension<Parts>) -> Result<String, ErrorData> {
        Ok(self.0.of(owner(&request)?).join("\n"))
    }

    #[tool(description = "Add a note", annotations(destructive_hint = false))]
    fn add_note(
        &self,
        Extension(request): Extension<Parts>,
        Parameters(AddNote { text }): Parameters<AddNote>,
    ) -> Result<String, ErrorData> {
        if self.0.add(owner(&request)?, &text) {
            Ok("noted".to_owned())
        } else {
            Err(ErrorData::invalid_request("there is no room for more notes", None))
        }
    }
}

#[tool_handler]
impl ServerHandler for Tools {}

/// Whose notes: the subject of the token, which is the `id` of the service's user.
fn owner(request: &Parts) -> Result<&str, ErrorData> {
    Principal::from_extensions(&request.extensions)
        .map(Principal::subject)
        .ok_or_else(|| ErrorData::internal_error("there is no guard around this server", None))
}

/// The MCP server as a service. Nobody may reach it but through a guard.
pub(crate) fn service(notes: Notes) -> StreamableHttpService<Tools, LocalSessionManager> {
    let tools = Tools(notes);
    StreamableHttpService::new(move || Ok(tools.clone()), Arc::default(), Default::default())
}

/// An ordinary route for who holds a token: GET answers the caller's notes.
pub(crate) fn export(notes: Notes) -> MethodRouter {
    get(async move |Caller(caller): Caller| Json(notes.of(caller.subject())))
}
