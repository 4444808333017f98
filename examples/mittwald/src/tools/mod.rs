//! The tools: typed input in, `{status, message, data?, meta}` out.
//!
//! 1. A tool does one thing by the API and says what happened in words.
//! 2. Scopes are not looked at here: the guard around the service did, by [`policies`](crate::policies).
//! 3. Who came with an API token of their own is acted for with that token; everybody else with the service's.
//! 4. A failure upstream is a result with `isError`, which a model can read and act on.

mod account;
mod answer;
mod apps;
mod backups;
mod compose;
mod containers;
mod databases;
mod domains;
mod projects;
mod schedule;
mod stacks;

use http::request::Parts;
use mcp_auth_core::verify::Revocations;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, tool_handler};

use crate::api::Api;

pub(crate) use account::TokenRevoke;
pub(crate) use apps::{AppUpdate, OfApp};
pub(crate) use backups::OfBackup;
pub(crate) use containers::OfContainer;
pub(crate) use databases::OfDatabase;
pub(crate) use projects::OfProject;
pub(crate) use stacks::{OfStack, StackDeploy, declaration};

/// The MCP server.
#[derive(Clone, Debug)]
pub struct Mittwald {
    api: Api,
    revocations: Revocations,
    tool_router: ToolRouter<Self>,
}

impl Mittwald {
    /// A server that answers by `api`. An API token that a tool revokes is added to `revocations`.
    #[must_use]
    pub fn new(api: Api, revocations: Revocations) -> Self {
        Self { api, revocations, tool_router: Self::router() }
    }

    /// Every tool, as it is listed.
    #[must_use]
    pub fn tools() -> Vec<Tool> {
        Self::router().list_all()
    }

    fn router() -> ToolRouter<Self> {
        Self::account()
            + Self::projects()
            + Self::apps()
            + Self::databases()
            + Self::containers()
            + Self::stacks()
            + Self::backups()
            + Self::domains()
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Mittwald {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("mittwald-mcp", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Manage mittwald hosting: list projects first; ids of one tool are inputs of others.",
            )
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut server = self.clone();
        if let Some(parts) = context.extensions.get::<Parts>() {
            server.api = self.api.for_caller(&parts.extensions);
        }
        server.tool_router.call(ToolCallContext::new(&server, request, context)).await
    }
}
