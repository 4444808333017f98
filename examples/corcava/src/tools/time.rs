//! Time.

use rmcp::handler::server::tool::schema_for_output;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Corcava;
use super::answer::{Refusal, Written};
use super::input::{confirmed, runs};
use crate::domain::{Id, Stopped, Tracking};

/// Input of `stop_time_tracking`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StopTracking {
    /// What was done; kept as a comment on the task.
    #[schemars(length(max = 10000))]
    pub(super) summary: Option<String>,
    /// Only say what would happen; nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// Input of `start_time_tracking`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartTracking {
    /// The task's id.
    pub(super) task_id: Id,
    /// Only say what would happen; nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
}

#[tool_router(router = time_tools, vis = "pub(super)")]
impl Corcava {
    #[tool(
        description = "Start the timer on a task. One timer runs in a workspace: stop it before you start another.",
        output_schema = schema_for_output::<Tracking>(),
        annotations(
            title = "Start timer",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn start_time_tracking(
        &self,
        Parameters(input): Parameters<StartTracking>,
        context: RequestContext<RoleServer>,
    ) -> Result<Written<Tracking>, Refusal> {
        runs(input.dry_run)?;
        Ok(Written::created(self.workspace(&context).await?.start_timer(&input.task_id).await?))
    }

    #[tool(
        description = "Stop the timer; a summary becomes a comment on its task.",
        output_schema = schema_for_output::<Stopped>(),
        annotations(
            title = "Stop timer",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn stop_time_tracking(
        &self,
        Parameters(input): Parameters<StopTracking>,
        context: RequestContext<RoleServer>,
    ) -> Result<Written<Stopped, Tracking>, Refusal> {
        runs(input.dry_run)?;
        let workspace = self.workspace(&context).await?;
        let (before, stopped) = workspace.stop_timer(confirmed(&context), input.summary.as_deref()).await?;
        Ok(Written::changed(before, stopped))
    }

    #[tool(
        description = "Whether the timer runs, on which task, and since when.",
        annotations(title = "Timer status", read_only_hint = true, open_world_hint = false)
    )]
    async fn get_tracking_status(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Tracking>, Refusal> {
        Ok(Json(self.workspace(&context).await?.tracking().await?))
    }
}
