//! Projects and boards.

use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Corcava;
use super::answer::Refusal;
use super::input::page;
use crate::domain::{Board, BoardDetails, Id, Page, Project, ProjectDetails};

/// Input of `list_projects`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListProjects {
    /// Only with this text in name or description.
    search: Option<String>,
    /// How many at most; 20 if not given.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// How many to leave out at the beginning.
    offset: Option<u32>,
}

/// Input of `get_project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetProject {
    /// The project's id.
    project_id: Id,
}

/// Input of `list_boards`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListBoards {
    /// Only of this project.
    project_id: Option<Id>,
    /// How many at most; 20 if not given.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// How many to leave out at the beginning.
    offset: Option<u32>,
}

/// Input of `get_board`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetBoard {
    /// The board's id.
    board_id: Id,
}

#[tool_router(router = project_tools, vis = "pub(super)")]
impl Corcava {
    #[tool(
        description = "List the projects of the workspace.",
        annotations(title = "List projects", read_only_hint = true, open_world_hint = false)
    )]
    async fn list_projects(
        &self,
        Parameters(input): Parameters<ListProjects>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Page<Project>>, Refusal> {
        let workspace = self.workspace(&context).await?;
        Ok(Json(workspace.projects(input.search.as_deref(), page(input.limit, input.offset)).await?))
    }

    #[tool(
        description = "Show a project: members (for assignee_id), settings, how many boards and tasks.",
        annotations(title = "Show project", read_only_hint = true, open_world_hint = false)
    )]
    async fn get_project(
        &self,
        Parameters(input): Parameters<GetProject>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<ProjectDetails>, Refusal> {
        Ok(Json(self.workspace(&context).await?.project(&input.project_id).await?))
    }

    #[tool(
        description = "List the boards of a project, or of the workspace.",
        annotations(title = "List boards", read_only_hint = true, open_world_hint = false)
    )]
    async fn list_boards(
        &self,
        Parameters(input): Parameters<ListBoards>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Page<Board>>, Refusal> {
        let workspace = self.workspace(&context).await?;
        Ok(Json(workspace.boards(input.project_id.as_ref(), page(input.limit, input.offset)).await?))
    }

    #[tool(
        description = "Show a board: its columns, and the states that its tasks can have.",
        annotations(title = "Show board", read_only_hint = true, open_world_hint = false)
    )]
    async fn get_board(
        &self,
        Parameters(input): Parameters<GetBoard>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<BoardDetails>, Refusal> {
        Ok(Json(self.workspace(&context).await?.board(&input.board_id).await?))
    }
}
