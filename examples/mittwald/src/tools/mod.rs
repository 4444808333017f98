//! The tools: typed input in, `{status, message, data?, meta}` out.
//!
//! 1. A tool does one thing by the API and says what happened in words.
//! 2. Scopes are not looked at here: the guard around the service did, by [`policies`](crate::policies).
//! 3. A failure upstream is a result with `isError`, which a model can read and act on.

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

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig, Tool};
use rmcp::{ServerHandler, tool_handler};

use crate::api::Api;

/// The MCP server.
#[derive(Clone, Debug)]
pub struct Mittwald {
    api: Api,
    tool_router: ToolRouter<Self>,
}

impl Mittwald {
    /// A server that answers by `api`.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self { api, tool_router: Self::router() }
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
}
