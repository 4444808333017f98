//! Backups.

use std::time::SystemTime;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Mittwald;
use super::answer::{done, listed, shown};
use super::projects::OfProject;
use super::schedule::{cron, expiry, ttl};
use crate::api::{ApiError, Backup, BackupSchedule, Id};

/// A backup.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfBackup {
    /// The backup's id.
    pub(crate) backup_id: Id,
}

/// Input of `backup_create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BackupCreate {
    /// The project to back up.
    project_id: Id,
    /// When the backup may go: in `30d`, `1y` and so on, or at a UTC time such as `2030-01-31T00:00:00Z`. At least 7 days
    /// and at most a year from now.
    #[schemars(length(min = 2, max = 40))]
    expires: String,
    /// What it is for.
    #[schemars(length(min = 1, max = 300))]
    description: Option<String>,
}

/// Input of `backup_schedule_create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BackupScheduleCreate {
    /// The project to back up.
    project_id: Id,
    /// When, as in a crontab: minute, hour, day of month, month, day of week. At most once an hour: `0 2 * * *`.
    #[schemars(length(min = 9, max = 100))]
    schedule: String,
    /// How long each backup is kept: 7d to 365d.
    #[schemars(regex(pattern = "^[0-9]{1,3}d$"))]
    ttl: String,
}

#[tool_router(router = backups, vis = "pub(super)")]
impl Mittwald {
    #[tool(
        name = "mittwald_backup_list",
        description = "List the backups of a project.",
        annotations(title = "List backups", read_only_hint = true, open_world_hint = false)
    )]
    async fn backup_list(&self, Parameters(input): Parameters<OfProject>) -> CallToolResult {
        listed("backup_list", "backups", self.api.backups(&input.project_id).await)
    }

    #[tool(
        name = "mittwald_backup_create",
        description = "Create a backup of a project: files and databases.",
        annotations(
            title = "Create backup",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn backup_create(&self, Parameters(input): Parameters<BackupCreate>) -> CallToolResult {
        let made = self.new_backup(&input).await;
        shown("backup_create", |backup| format!("backup {} is {}", backup.id, backup.status), made)
    }

    #[tool(
        name = "mittwald_backup_delete",
        description = "Delete a backup. It cannot be undone.",
        annotations(
            title = "Delete backup",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn backup_delete(&self, Parameters(input): Parameters<OfBackup>) -> CallToolResult {
        let result = self.api.delete_backup(&input.backup_id).await;
        done("backup_delete", format!("backup {} is deleted", input.backup_id), result)
    }

    #[tool(
        name = "mittwald_backup_schedule_create",
        description = "Back a project up again and again, by a cron expression.",
        annotations(
            title = "Create backup schedule",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn backup_schedule_create(
        &self,
        Parameters(input): Parameters<BackupScheduleCreate>,
    ) -> CallToolResult {
        let made = self.new_schedule(&input).await;
        shown("backup_schedule_create", |made| format!("backups are made at `{}`", made.schedule), made)
    }
}

impl Mittwald {
    async fn new_backup(&self, input: &BackupCreate) -> Result<Backup, ApiError> {
        let expires = expiry(&input.expires, SystemTime::now())
            .map_err(|error| ApiError::unsendable("expires", error.to_string()))?;
        self.api.create_backup(&input.project_id, expires, input.description.as_deref()).await
    }

    async fn new_schedule(&self, input: &BackupScheduleCreate) -> Result<BackupSchedule, ApiError> {
        cron(&input.schedule).map_err(|error| ApiError::unsendable("schedule", error.to_string()))?;
        ttl(&input.ttl).map_err(|error| ApiError::unsendable("ttl", error.to_string()))?;
        self.api.create_backup_schedule(&input.project_id, &input.schedule, &input.ttl).await
    }
}
