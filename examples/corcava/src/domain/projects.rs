//! Projects.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::types::{priority, status};
use super::{DomainError, Id, Page, PageRequest, Priority, Project, Status, Workspace, text};

/// A project, with who works on it and how much there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProjectDetails {
    /// The project.
    #[serde(flatten)]
    pub project: Project,
    /// Who works on it.
    pub members: Vec<Member>,
    /// How it is set up.
    pub settings: ProjectSettings,
    /// How much there is.
    pub counts: ProjectCounts,
}

/// Who belongs to a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Member {
    /// The id, for `assignee_id`.
    pub id: String,
    /// The name.
    pub name: String,
    /// `owner` or `member`.
    pub role: String,
}

/// How a project is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProjectSettings {
    /// The priority of a new task that says none.
    pub default_priority: Priority,
    /// Whether time may be tracked.
    pub time_tracking: bool,
}

/// How many boards and tasks there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProjectCounts {
    /// Boards.
    pub boards: i64,
    /// Tasks not begun.
    pub open: i64,
    /// Tasks being worked on.
    pub in_progress: i64,
    /// Tasks finished.
    pub done: i64,
    /// Tasks that wait.
    pub blocked: i64,
}

impl FromRow<'_, SqliteRow> for Member {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { id: row.try_get("id")?, name: row.try_get("name")?, role: row.try_get("role")? })
    }
}

impl FromRow<'_, SqliteRow> for ProjectSettings {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            default_priority: priority(row, "default_priority")?,
            time_tracking: row.try_get("time_tracking")?,
        })
    }
}

macro_rules! listed {
    () => {
        " FROM projects WHERE workspace_id = ?1
          AND (?2 IS NULL OR instr(lower(name), lower(?2)) > 0 OR instr(lower(description), lower(?2)) > 0)"
    };
}

impl Workspace {
    /// The projects whose name or description holds `search`, by name.
    ///
    /// # Errors
    /// [`DomainError::Invalid`], [`DomainError::Unavailable`].
    pub async fn projects(
        &self,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Project>, DomainError> {
        let (search, bounds) = (text::search(search)?, page.bounds()?);
        let mut reading = self.pool.begin().await?;
        let total = sqlx::query_scalar(concat!("SELECT count(*)", listed!()))
            .bind(&self.id)
            .bind(search)
            .fetch_one(&mut *reading)
            .await?;
        let items = sqlx::query_as(concat!("SELECT *", listed!(), " ORDER BY name, id LIMIT ?3 OFFSET ?4"))
            .bind(&self.id)
            .bind(search)
            .bind(bounds.0)
            .bind(bounds.1)
            .fetch_all(&mut *reading)
            .await?;
        Ok(Page::new(items, total, bounds))
    }

    /// One project.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Unavailable`].
    pub async fn project(&self, id: &Id) -> Result<ProjectDetails, DomainError> {
        let mut reading = self.pool.begin().await?;
        let row = sqlx::query("SELECT * FROM projects WHERE workspace_id = ? AND id = ?")
            .bind(&self.id)
            .bind(id.as_str())
            .fetch_optional(&mut *reading)
            .await?
            .ok_or(DomainError::NotFound { what: "project" })?;
        let members = sqlx::query_as(
            "SELECT members.id, name, role FROM members JOIN project_members
             ON project_members.workspace_id = members.workspace_id AND project_members.member_id = members.id
             WHERE members.workspace_id = ? AND project_id = ? ORDER BY name, members.id",
        )
        .bind(&self.id)
        .bind(id.as_str())
        .fetch_all(&mut *reading)
        .await?;
        let boards =
            sqlx::query_scalar("SELECT count(*) FROM boards WHERE workspace_id = ? AND project_id = ?")
                .bind(&self.id)
                .bind(id.as_str())
                .fetch_one(&mut *reading)
                .await?;
        let mut counts = ProjectCounts { boards, ..ProjectCounts::default() };
        let tasks = sqlx::query(
            "SELECT status, count(*) AS tasks FROM tasks WHERE workspace_id = ? AND project_id = ? GROUP BY status",
        )
        .bind(&self.id)
        .bind(id.as_str())
        .fetch_all(&mut *reading)
        .await?;
        for row in tasks {
            let count = match status(&row, "status")? {
                Status::Open => &mut counts.open,
                Status::InProgress => &mut counts.in_progress,
                Status::Done => &mut counts.done,
                Status::Blocked => &mut counts.blocked,
            };
            *count = row.try_get("tasks")?;
        }
        Ok(ProjectDetails {
            project: Project::from_row(&row)?,
            members,
            settings: ProjectSettings::from_row(&row)?,
            counts,
        })
    }
}
