//! Domains.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{tool, tool_router};

use super::Mittwald;
use super::answer::listed;
use super::projects::OfProject;

#[tool_router(router = domains, vis = "pub(super)")]
impl Mittwald {
    #[tool(
        name = "mittwald_domain_list",
        description = "List the domains of a project: name, nameservers, whether it is connected.",
        annotations(title = "List domains", read_only_hint = true, open_world_hint = false)
    )]
    async fn domain_list(&self, Parameters(input): Parameters<OfProject>) -> CallToolResult {
        listed("domain_list", "domains", self.api.domains(&input.project_id).await)
    }
}
