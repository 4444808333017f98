//! Projects.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Mittwald;
use super::answer::{done, listed, shown};
use crate::api::Id;

/// A project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfProject {
    /// The project's id.
    pub(crate) project_id: Id,
}

/// Input of `project_create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProjectCreate {
    /// The server to create it on.
    server_id: Id,
    /// What people call it.
    #[schemars(length(min = 1, max = 300))]
    description: String,
}

#[tool_router(router = projects, vis = "pub(super)")]
impl Mittwald {
    #[tool(
        name = "mittwald_project_list",
        description = "List the projects of the account.",
        annotations(title = "List projects", read_only_hint = true, open_world_hint = false)
    )]
    async fn project_list(&self) -> CallToolResult {
        listed("project_list", "projects", self.api.projects().await)
    }

    #[tool(
        name = "mittwald_project_get",
        description = "Show a project: status, directories, organisation.",
        annotations(title = "Show project", read_only_hint = true, open_world_hint = false)
    )]
    async fn project_get(&self, Parameters(input): Parameters<OfProject>) -> CallToolResult {
        let project = self.api.project(&input.project_id).await;
        shown(
            "project_get",
            |project| format!("project {} is {}", project.summary.id, project.status),
            project,
        )
    }

    #[tool(
        name = "mittwald_project_create",
        description = "Create a project on a server. It is usable once its status is ready.",
        annotations(
            title = "Create project",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn project_create(&self, Parameters(input): Parameters<ProjectCreate>) -> CallToolResult {
        let created = self.api.create_project(&input.server_id, &input.description).await;
        shown("project_create", |created| format!("project {} is being created", created.id), created)
    }

    #[tool(
        name = "mittwald_project_delete",
        description = "Delete a project with everything in it: apps, databases, files. It cannot be undone.",
        annotations(
            title = "Delete project",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn project_delete(&self, Parameters(input): Parameters<OfProject>) -> CallToolResult {
        let result = self.api.delete_project(&input.project_id).await;
        done("project_delete", format!("project {} is deleted", input.project_id), result)
    }
}
