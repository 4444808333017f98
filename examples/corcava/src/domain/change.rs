//! Making, changing and deleting tasks.
//!
//! 1. The board decides the project where both are given: a board of another project is refused. Moved to another project
//!    without saying to which board, a task leaves its board.
//! 2. A reason is kept as a comment, in the same transaction as the change.
//! 3. A task whose timer runs is not deleted: time that somebody is just tracking would be lost unseen.

use sqlx::SqliteConnection;

use super::types::{Date, Priority, Status, written};
use super::workspace::Place;
use super::{DomainError, Id, Patch, Task, Workspace, text};

/// A task to be made.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// What is to be done: one line.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// How far it is; open if not given.
    pub status: Option<Status>,
    /// How urgent it is; the project's default if not given.
    pub priority: Option<Priority>,
    /// When it should be done.
    pub due_date: Option<Date>,
    /// The project; that of the board if not given.
    pub project_id: Option<Id>,
    /// The board that shows it.
    pub board_id: Option<Id>,
    /// The member who does it.
    pub assignee_id: Option<Id>,
}

/// What to change about a task.
#[derive(Clone, Debug, Default)]
pub struct TaskPatch {
    /// Another title.
    pub title: Option<String>,
    /// Another description, or none.
    pub description: Patch<String>,
    /// Another status.
    pub status: Option<Status>,
    /// Another priority.
    pub priority: Option<Priority>,
    /// Another due date, or none.
    pub due_date: Patch<Date>,
    /// Another project, or none.
    pub project_id: Patch<Id>,
    /// Another board, or none.
    pub board_id: Patch<Id>,
    /// Another member, or nobody.
    pub assignee_id: Patch<Id>,
}

impl TaskPatch {
    /// True if it changes nothing.
    fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.status.is_none()
            && self.priority.is_none()
            && self.description == Patch::Keep
            && self.due_date == Patch::Keep
            && [&self.project_id, &self.board_id, &self.assignee_id].iter().all(|id| **id == Patch::Keep)
    }

    fn apply(self, task: &mut Task) {
        if let Some(title) = self.title {
            task.title = title;
        }
        task.status = self.status.unwrap_or(task.status);
        task.priority = self.priority.unwrap_or(task.priority);
        task.description = self.description.over(task.description.take());
        task.due_date = self.due_date.over(task.due_date);
        task.assignee_id = text_of(self.assignee_id).over(task.assignee_id.take());
        let before = task.project_id.clone();
        let keeps_project = self.project_id == Patch::Keep;
        let keeps_board = self.board_id == Patch::Keep;
        task.project_id = text_of(self.project_id).over(task.project_id.take());
        task.board_id = text_of(self.board_id).over(task.board_id.take());
        if keeps_board && task.project_id != before {
            task.board_id = None;
        }
        if keeps_project && !keeps_board && task.board_id.is_some() {
            // Taken from the board.
            task.project_id = None;
        }
    }
}

fn text_of(patch: Patch<Id>) -> Patch<String> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(id) => Patch::Set(id.into()),
    }
}

impl Workspace {
    /// Makes a task.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] for a project, board or member that is none, [`DomainError::Invalid`],
    /// [`DomainError::Unavailable`]: then nothing was made.
    pub async fn create_task(&self, new: NewTask, reason: Option<&str>) -> Result<Task, DomainError> {
        let (now, id) = (self.now(), Id::new());
        let mut task = Task {
            id: id.into(),
            title: new.title,
            description: new.description,
            status: new.status.unwrap_or(Status::Open),
            priority: new.priority.unwrap_or(Priority::Medium),
            due_date: new.due_date,
            project_id: new.project_id.map(Into::into),
            board_id: new.board_id.map(Into::into),
            assignee_id: new.assignee_id.map(Into::into),
            version: 1,
            created_at: written(now)?,
            updated_at: written(now)?,
        };
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        self.check(&mut writing, &mut task).await?;
        if let (None, Some(project)) = (new.priority, &task.project_id) {
            let id = Id::parse(project).map_err(|_| DomainError::NotFound { what: "project" })?;
            task.priority = self.settings(&mut writing, &id).await?.default_priority;
        }
        sqlx::query(
            "INSERT INTO tasks (workspace_id, id, title, description, status, priority, due_date, project_id,
                                board_id, assignee_id, version, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?11)",
        )
        .bind(&self.id)
        .bind(&task.id)
        .bind(&task.title)
        .bind(&task.description)
        .bind(task.status.as_str())
        .bind(task.priority.as_str())
        .bind(task.due_date.map(|day| day.to_string()))
        .bind(&task.project_id)
        .bind(&task.board_id)
        .bind(&task.assignee_id)
        .bind(now)
        .execute(&mut *writing)
        .await?;
        self.note_reason(&mut writing, &task.id, "Created", reason).await?;
        writing.commit().await?;
        Ok(task)
    }

    /// Changes a task; with `version`, only if it is still at that.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Changed`], [`DomainError::Invalid`], [`DomainError::Unavailable`]: then
    /// nothing was changed.
    pub async fn update_task(
        &self,
        id: &Id,
        version: Option<i64>,
        patch: TaskPatch,
        reason: Option<&str>,
    ) -> Result<Task, DomainError> {
        if patch.is_empty() {
            return Err(DomainError::Invalid { field: "patch", problem: "it changes nothing" });
        }
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut task = self.read_task(&mut writing, id).await?;
        at(&task, version)?;
        patch.apply(&mut task);
        self.check(&mut writing, &mut task).await?;
        let now = self.now();
        task.version += 1;
        task.updated_at = written(now)?;
        sqlx::query(
            "UPDATE tasks SET title = ?3, description = ?4, status = ?5, priority = ?6, due_date = ?7,
                              project_id = ?8, board_id = ?9, assignee_id = ?10, version = ?11, updated_at = ?12
             WHERE workspace_id = ?1 AND id = ?2",
        )
        .bind(&self.id)
        .bind(&task.id)
        .bind(&task.title)
        .bind(&task.description)
        .bind(task.status.as_str())
        .bind(task.priority.as_str())
        .bind(task.due_date.map(|day| day.to_string()))
        .bind(&task.project_id)
        .bind(&task.board_id)
        .bind(&task.assignee_id)
        .bind(task.version)
        .bind(now)
        .execute(&mut *writing)
        .await?;
        self.note_reason(&mut writing, &task.id, "Updated", reason).await?;
        writing.commit().await?;
        Ok(task)
    }

    /// Deletes a task with its comments and time entries; with `version`, only if it is still at that. What was deleted.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Changed`], [`DomainError::Conflict`] while its timer runs,
    /// [`DomainError::Unavailable`]: then nothing was deleted.
    pub async fn delete_task(&self, id: &Id, version: Option<i64>) -> Result<Task, DomainError> {
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let task = self.read_task(&mut writing, id).await?;
        at(&task, version)?;
        if self.running(&mut writing).await?.is_some_and(|running| running.task_id == task.id) {
            return Err(DomainError::Conflict("a timer runs on this task: stop it first"));
        }
        sqlx::query("DELETE FROM tasks WHERE workspace_id = ? AND id = ?")
            .bind(&self.id)
            .bind(&task.id)
            .execute(&mut *writing)
            .await?;
        writing.commit().await?;
        Ok(task)
    }

    /// Refuses a task that cannot be kept, and takes the project from the board where none is named.
    async fn check(&self, connection: &mut SqliteConnection, task: &mut Task) -> Result<(), DomainError> {
        text::line("title", &task.title, text::TITLE)?;
        if let Some(description) = &task.description {
            text::block("description", description, text::DESCRIPTION)?;
        }
        if let Some(project) = &task.project_id {
            self.require(connection, Place::Project, project).await?;
        }
        if let Some(member) = &task.assignee_id {
            self.require(connection, Place::Member, member).await?;
        }
        if let Some(board) = &task.board_id {
            let of: String =
                sqlx::query_scalar("SELECT project_id FROM boards WHERE workspace_id = ? AND id = ?")
                    .bind(&self.id)
                    .bind(board)
                    .fetch_optional(connection)
                    .await?
                    .ok_or(DomainError::NotFound { what: "board" })?;
            if task.project_id.get_or_insert_with(|| of.clone()) != &of {
                return Err(DomainError::Invalid {
                    field: "board_id",
                    problem: "it is a board of another project",
                });
            }
        }
        Ok(())
    }

    async fn note_reason(
        &self,
        connection: &mut SqliteConnection,
        task: &str,
        what: &str,
        reason: Option<&str>,
    ) -> Result<(), DomainError> {
        let Some(reason) = reason else { return Ok(()) };
        text::line("reason", reason, text::REASON)?;
        self.write_comment(connection, task, &format!("{what} via MCP: {reason}")).await.map(drop)
    }
}

fn at(task: &Task, version: Option<i64>) -> Result<(), DomainError> {
    match version {
        Some(version) if version != task.version => Err(DomainError::Changed { current: task.version }),
        _ => Ok(()),
    }
}
