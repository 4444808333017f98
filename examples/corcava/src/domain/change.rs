//! Making, changing and deleting tasks.
//!
//! 1. The board decides the project where both are given: a board of another project is refused. Moved to another project
//!    without saying to which board, a task leaves its board.
//! 2. Every change leaves a comment that says why, and a [`Change`](super::Change) with the states before and after, in its own
//!    transaction.
//! 3. A task whose timer runs is not deleted: time that somebody is just tracking would be lost unseen.

use sqlx::SqliteConnection;

use super::history::{Kind, Noted, Resource};
use super::types::{Date, Priority, Status, read};
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
    pub(super) fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.status.is_none()
            && self.priority.is_none()
            && self.description == Patch::Keep
            && self.due_date == Patch::Keep
            && [&self.project_id, &self.board_id, &self.assignee_id].iter().all(|id| **id == Patch::Keep)
    }

    pub(super) fn apply(self, task: &mut Task) {
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
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let task = self.created(&mut writing, new).await?;
        self.insert_task(&mut writing, &task).await?;
        self.note_reason(&mut writing, &task.id, "Created", reason).await?;
        let noted = Noted { after: Some(&task), ..Noted::new(Resource::Task, Kind::Created, &task, reason) };
        self.note(&mut writing, noted).await?;
        writing.commit().await?;
        Ok(task)
    }

    /// Changes a task; with `version`, only if it is still at that. The task before and after.
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
    ) -> Result<(Task, Task), DomainError> {
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let (before, after) = self.updated(&mut writing, id, version, patch).await?;
        self.write_task(&mut writing, &after).await?;
        self.note_reason(&mut writing, &after.id, "Updated", reason).await?;
        let noted = Noted::new(Resource::Task, Kind::Changed, &before, reason);
        self.note(&mut writing, Noted { before: Some(&before), after: Some(&after), ..noted }).await?;
        writing.commit().await?;
        Ok((before, after))
    }

    /// Deletes a task with its comments and time entries; with `version`, only if it is still at that. What was deleted.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Changed`], [`DomainError::Conflict`] while its timer runs,
    /// [`DomainError::Invalid`], [`DomainError::Unavailable`]: then nothing was deleted.
    pub async fn delete_task(
        &self,
        id: &Id,
        version: Option<i64>,
        reason: Option<&str>,
    ) -> Result<Task, DomainError> {
        reason.map(|reason| text::line("reason", reason, text::REASON)).transpose()?;
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let task = self.deletable(&mut writing, id, version).await?;
        let noted = Noted::new(Resource::Task, Kind::Deleted, &task, reason);
        self.note(&mut writing, Noted { before: Some(&task), ..noted }).await?;
        self.remove_task(&mut writing, &task.id).await?;
        writing.commit().await?;
        Ok(task)
    }

    async fn note_reason(
        &self,
        connection: &mut SqliteConnection,
        task: &str,
        what: &str,
        reason: Option<&str>,
    ) -> Result<(), DomainError> {
        let why = reason.unwrap_or("no reason was given");
        text::line("reason", why, text::REASON)?;
        self.write_comment(connection, task, &format!("{what} via MCP: {why}")).await.map(drop)
    }

    pub(super) async fn insert_task(
        &self,
        connection: &mut SqliteConnection,
        task: &Task,
    ) -> Result<(), DomainError> {
        sqlx::query(
            "INSERT INTO tasks (workspace_id, id, title, status, priority, version, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&self.id)
        .bind(&task.id)
        .bind(&task.title)
        .bind(task.status.as_str())
        .bind(task.priority.as_str())
        .bind(task.version)
        .bind(read(&task.created_at)?)
        .bind(self.now())
        .execute(&mut *connection)
        .await?;
        self.write_task(connection, task).await
    }

    pub(super) async fn write_task(
        &self,
        connection: &mut SqliteConnection,
        task: &Task,
    ) -> Result<(), DomainError> {
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
        .bind(self.now())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// A task with another comment or time entry is another one to whoever is asked about it.
    pub(super) async fn raise_version(
        &self,
        connection: &mut SqliteConnection,
        task: &str,
    ) -> Result<(), DomainError> {
        sqlx::query("UPDATE tasks SET version = version + 1 WHERE workspace_id = ? AND id = ?")
            .bind(&self.id)
            .bind(task)
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(super) async fn remove_task(
        &self,
        connection: &mut SqliteConnection,
        task: &str,
    ) -> Result<(), DomainError> {
        sqlx::query("DELETE FROM tasks WHERE workspace_id = ? AND id = ?")
            .bind(&self.id)
            .bind(task)
            .execute(connection)
            .await?;
        Ok(())
    }
}
