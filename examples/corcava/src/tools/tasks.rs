//! Tasks.

use rmcp::handler::server::tool::schema_for_output;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Corcava;
use super::answer::{Refusal, Written};
use super::input::{OfTask, given, page, runs, seen};
use crate::domain::{
    Date, DueFilter, Id, NewTask, Page, Patch, Priority, Status, Task, TaskFilter, TaskPatch,
};

/// Input of `list_tasks`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListTasks {
    /// Only of this project.
    project_id: Option<Id>,
    /// Only on this board.
    board_id: Option<Id>,
    /// Only with this status.
    status: Option<Status>,
    /// Only due then: today, tomorrow, this_week (Monday to Sunday), next_week, overdue, none, or a day (2031-05-31).
    due_date: Option<DueFilter>,
    /// Only of this member.
    assignee_id: Option<Id>,
    /// Only with this text in title or description.
    search: Option<String>,
    /// How many at most; 20 if not given.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// How many to leave out at the beginning.
    offset: Option<u32>,
}

/// Input of `create_task`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTask {
    /// What is to be done, in one line.
    #[schemars(length(min = 1, max = 300))]
    title: String,
    /// More about it.
    #[schemars(length(max = 20000))]
    description: Option<String>,
    /// How far it is; open if not given.
    status: Option<Status>,
    /// How urgent it is; the project's default if not given.
    priority: Option<Priority>,
    /// When it should be done.
    due_date: Option<Date>,
    /// The project; that of the board if not given.
    project_id: Option<Id>,
    /// The board that shows it.
    board_id: Option<Id>,
    /// The member who does it.
    assignee_id: Option<Id>,
    /// Why; kept as a comment: "Created via MCP: weekly planning".
    #[schemars(length(max = 500))]
    pub(super) reason: Option<String>,
    /// Only say what would happen; nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// Input of `update_task`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateTask {
    /// The task's id.
    pub(super) task_id: Id,
    /// The version that was read; refused if the task has changed since.
    pub(super) version: Option<i64>,
    /// Another title.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String", length(min = 1, max = 300))]
    title: Option<String>,
    /// Another description; null clears it.
    #[serde(default)]
    description: Patch<String>,
    /// Another status.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Status")]
    status: Option<Status>,
    /// Another priority.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Priority")]
    priority: Option<Priority>,
    /// Another due date; null clears it.
    #[serde(default)]
    due_date: Patch<Date>,
    /// Another project; null takes it out of its project and off its board.
    #[serde(default)]
    project_id: Patch<Id>,
    /// Another board; null takes it off its board.
    #[serde(default)]
    board_id: Patch<Id>,
    /// Another member; null for nobody.
    #[serde(default)]
    assignee_id: Patch<Id>,
    /// Why; kept as a comment: "Updated via MCP: weekly planning".
    #[schemars(length(max = 500))]
    pub(super) reason: Option<String>,
    /// Only say what would happen; nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// Input of `delete_task`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteTask {
    /// The task's id.
    pub(super) task_id: Id,
    /// The version that was read; refused if the task has changed since.
    pub(super) version: Option<i64>,
    /// Why; kept in the history of changes.
    #[schemars(length(max = 500))]
    pub(super) reason: Option<String>,
    /// Only say what would happen; nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// Answer of `delete_task`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Deleted {
    success: bool,
    message: String,
    deleted_task_id: String,
}

/// A task's fields, from what a tool reads to what the domain takes.
macro_rules! fields {
    ($($input:ident => $domain:ident),*) => {$(
        impl From<$input> for $domain {
            fn from(input: $input) -> Self {
                let $input { title, description, status, priority, due_date, project_id, board_id, assignee_id, .. } = input;
                Self { title, description, status, priority, due_date, project_id, board_id, assignee_id }
            }
        }
    )*};
}

fields!(CreateTask => NewTask, UpdateTask => TaskPatch);

#[tool_router(router = task_tools, vis = "pub(super)")]
impl Corcava {
    #[tool(
        description = "List tasks, by project, board, status, due date, assignee or text; what is due first.",
        annotations(title = "List tasks", read_only_hint = true, open_world_hint = false)
    )]
    async fn list_tasks(
        &self,
        Parameters(input): Parameters<ListTasks>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Page<Task>>, Refusal> {
        let filter = TaskFilter {
            project_id: input.project_id,
            board_id: input.board_id,
            status: input.status,
            due_date: input.due_date,
            assignee_id: input.assignee_id,
            search: input.search,
        };
        let workspace = self.workspace(&context).await?;
        Ok(Json(workspace.tasks(&filter, page(input.limit, input.offset)).await?))
    }

    #[tool(
        description = "Show a task, with its version.",
        annotations(title = "Show task", read_only_hint = true, open_world_hint = false)
    )]
    async fn get_task(
        &self,
        Parameters(input): Parameters<OfTask>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Task>, Refusal> {
        Ok(Json(self.workspace(&context).await?.task(&input.task_id).await?))
    }

    #[tool(
        description = "Create a task.",
        output_schema = schema_for_output::<Task>(),
        annotations(
            title = "Create task",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn create_task(
        &self,
        Parameters(input): Parameters<CreateTask>,
        context: RequestContext<RoleServer>,
    ) -> Result<Written<Task>, Refusal> {
        runs(input.dry_run)?;
        let (workspace, reason) = (self.workspace(&context).await?, input.reason.clone());
        Ok(Written::created(workspace.create_task(input.into(), reason.as_deref()).await?))
    }

    #[tool(
        description = "Change a task. Fields that are absent stay; null clears description, due date, project, board, assignee.",
        output_schema = schema_for_output::<Task>(),
        annotations(
            title = "Change task",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn update_task(
        &self,
        Parameters(input): Parameters<UpdateTask>,
        context: RequestContext<RoleServer>,
    ) -> Result<Written<Task>, Refusal> {
        runs(input.dry_run)?;
        let workspace = self.workspace(&context).await?;
        let (id, reason) = (input.task_id.clone(), input.reason.clone());
        let version = seen(input.version, &context)?;
        let (before, after) = workspace.update_task(&id, version, input.into(), reason.as_deref()).await?;
        Ok(Written::changed(before, after))
    }

    #[tool(
        description = "Delete a task with its comments and tracked time.",
        output_schema = schema_for_output::<Deleted>(),
        annotations(
            title = "Delete task",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn delete_task(
        &self,
        Parameters(input): Parameters<DeleteTask>,
        context: RequestContext<RoleServer>,
    ) -> Result<Written<Deleted, Task>, Refusal> {
        runs(input.dry_run)?;
        let (workspace, version) = (self.workspace(&context).await?, seen(input.version, &context)?);
        let task = workspace.delete_task(&input.task_id, version, input.reason.as_deref()).await?;
        let answer = Deleted {
            success: true,
            message: format!("The task “{}” is deleted.", task.title),
            deleted_task_id: task.id.clone(),
        };
        Ok(Written::deleted(task, answer))
    }
}
