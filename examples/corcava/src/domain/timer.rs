//! Tracking time.
//!
//! 1. One timer runs in a workspace; the schema says so, too. Whoever starts another is told to stop that one first.
//! 2. A timer that starts or stops raises the version of its task.
//! 3. A summary is kept as a comment on the task, in the same transaction as the end.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::history::{Kind, Noted, Resource};
use super::types::written;
use super::{DomainError, Id, ProjectSettings, Workspace};

/// Whether a timer runs, and on what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Tracking {
    /// True if one runs.
    pub is_running: bool,
    /// The task.
    pub task_id: Option<String>,
    /// The task's title.
    pub task_title: Option<String>,
    /// Since when.
    pub started_at: Option<String>,
    /// The time entry, for whoever stops this one and no other.
    #[serde(skip)]
    pub entry_id: Option<String>,
}

/// A timer that was stopped.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Stopped {
    /// The task.
    pub task_id: String,
    /// How long it ran, in minutes, rounded to hundredths.
    pub duration_minutes: f64,
    /// The same in hours.
    pub duration_hours: f64,
    /// The comment that holds the summary.
    pub comment_id: Option<String>,
}

pub(super) struct Running {
    id: String,
    pub(super) task_id: String,
    title: String,
    started_at: i64,
}

impl FromRow<'_, SqliteRow> for Running {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            task_id: row.try_get("task_id")?,
            title: row.try_get("title")?,
            started_at: row.try_get("started_at")?,
        })
    }
}

impl Running {
    fn shown(self) -> Result<Tracking, DomainError> {
        Ok(Tracking {
            is_running: true,
            task_id: Some(self.task_id),
            task_title: Some(self.title),
            started_at: Some(written(self.started_at)?),
            entry_id: Some(self.id),
        })
    }
}

impl Workspace {
    /// Whether a timer runs.
    ///
    /// # Errors
    /// [`DomainError::Unavailable`].
    pub async fn tracking(&self) -> Result<Tracking, DomainError> {
        let mut reading = self.pool.acquire().await?;
        self.running(&mut reading).await?.map_or_else(|| Ok(Tracking::default()), Running::shown)
    }

    /// Starts a timer on a task.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Conflict`] while one runs or where the project tracks no time,
    /// [`DomainError::Unavailable`].
    pub async fn start_timer(&self, task: &Id) -> Result<Tracking, DomainError> {
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let task = self.read_task(&mut writing, task).await?;
        if self.running(&mut writing).await?.is_some() {
            return Err(DomainError::Conflict("a timer is running already: stop it first"));
        }
        if let Some(project) = task.project_id.as_ref().and_then(|id| Id::parse(id.as_str()).ok())
            && !self.settings(&mut writing, &project).await?.time_tracking
        {
            return Err(DomainError::Conflict("time is not tracked in this project"));
        }
        let running = Running {
            id: Id::new().into(),
            task_id: task.id.clone(),
            title: task.title.clone(),
            started_at: self.now(),
        };
        sqlx::query(
            "INSERT INTO time_entries (workspace_id, id, task_id, member_id, started_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&self.id)
        .bind(&running.id)
        .bind(&running.task_id)
        .bind(&self.member)
        .bind(running.started_at)
        .execute(&mut *writing)
        .await?;
        self.raise_version(&mut writing, &running.task_id).await?;
        let shown = running.shown()?;
        let noted = Noted::new(Resource::Timer, Kind::Created, &task, None);
        self.note(&mut writing, Noted { after: Some(&shown), ..noted }).await?;
        writing.commit().await?;
        Ok(shown)
    }

    /// Stops the timer; with `entry`, only if it is still that one. What it was, and how long it ran.
    ///
    /// # Errors
    /// [`DomainError::Conflict`] if none runs or another one, [`DomainError::Invalid`], [`DomainError::Unavailable`]: then it still runs.
    pub async fn stop_timer(
        &self,
        entry: Option<&str>,
        summary: Option<&str>,
    ) -> Result<(Tracking, Stopped), DomainError> {
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let running =
            self.running(&mut writing).await?.ok_or(DomainError::Conflict("no timer is running"))?;
        if entry.is_some_and(|entry| entry != running.id) {
            return Err(DomainError::Conflict("another timer runs by now: look again"));
        }
        let now = self.now().max(running.started_at);
        sqlx::query("UPDATE time_entries SET stopped_at = ? WHERE workspace_id = ? AND id = ?")
            .bind(now)
            .bind(&self.id)
            .bind(&running.id)
            .execute(&mut *writing)
            .await?;
        self.raise_version(&mut writing, &running.task_id).await?;
        let comment_id = match summary {
            Some(summary) => Some(self.write_comment(&mut writing, &running.task_id, summary).await?.id),
            None => None,
        };
        let ran = now.saturating_sub(running.started_at);
        let stopped = Stopped {
            task_id: running.task_id.clone(),
            duration_minutes: hundredths(ran, 60_000),
            duration_hours: hundredths(ran, 3_600_000),
            comment_id,
        };
        let noted = Noted {
            resource: Resource::Timer,
            kind: Kind::Changed,
            task: &running.task_id,
            title: &running.title,
            reason: summary,
            before: None,
            after: Some(&stopped),
        };
        self.note(&mut writing, noted).await?;
        writing.commit().await?;
        Ok((running.shown()?, stopped))
    }

    pub(super) async fn running(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<Running>, DomainError> {
        let running = sqlx::query_as(
            "SELECT time_entries.id, task_id, title, started_at FROM time_entries JOIN tasks
             ON tasks.workspace_id = time_entries.workspace_id AND tasks.id = task_id
             WHERE time_entries.workspace_id = ? AND stopped_at IS NULL",
        )
        .bind(&self.id)
        .fetch_optional(connection)
        .await?;
        Ok(running)
    }

    pub(super) async fn settings(
        &self,
        connection: &mut SqliteConnection,
        project: &Id,
    ) -> Result<ProjectSettings, DomainError> {
        sqlx::query_as(
            "SELECT default_priority, time_tracking FROM projects WHERE workspace_id = ? AND id = ?",
        )
        .bind(&self.id)
        .bind(project.as_str())
        .fetch_optional(connection)
        .await?
        .ok_or(DomainError::NotFound { what: "project" })
    }
}

/// `millis` in units of `unit` milliseconds, rounded to hundredths.
#[allow(clippy::cast_precision_loss)] // Exact for a million years.
fn hundredths(millis: i64, unit: i64) -> f64 {
    ((millis as f64) * 100.0 / (unit as f64)).round() / 100.0
}
