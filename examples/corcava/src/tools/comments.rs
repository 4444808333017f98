//! Comments.

use rmcp::handler::server::tool::schema_for_output;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Corcava;
use super::answer::{Refusal, Written};
use super::input::{page, runs};
use crate::domain::{Comment, Id, Page};

/// Input of `list_task_comments`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListComments {
    /// The task's id.
    task_id: Id,
    /// How many at most; 20 if not given.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// How many to leave out at the beginning.
    offset: Option<u32>,
}

/// Input of `add_task_comment`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddComment {
    /// The task's id.
    pub(super) task_id: Id,
    /// What it says: plain text.
    #[schemars(length(min = 1, max = 10000))]
    pub(super) content: String,
    /// Only say what would happen; nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
}

#[tool_router(router = comment_tools, vis = "pub(super)")]
impl Corcava {
    #[tool(
        description = "List the comments on a task, the oldest first.",
        annotations(title = "List comments", read_only_hint = true, open_world_hint = false)
    )]
    async fn list_task_comments(
        &self,
        Parameters(input): Parameters<ListComments>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Page<Comment>>, Refusal> {
        let workspace = self.workspace(&context).await?;
        Ok(Json(workspace.comments(&input.task_id, page(input.limit, input.offset)).await?))
    }

    #[tool(
        description = "Add a comment to a task.",
        output_schema = schema_for_output::<Comment>(),
        annotations(
            title = "Comment on task",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn add_task_comment(
        &self,
        Parameters(input): Parameters<AddComment>,
        context: RequestContext<RoleServer>,
    ) -> Result<Written<Comment>, Refusal> {
        runs(input.dry_run)?;
        let workspace = self.workspace(&context).await?;
        Ok(Written::created(workspace.add_comment(&input.task_id, &input.content).await?))
    }
}
