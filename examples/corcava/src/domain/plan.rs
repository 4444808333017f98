//! What a change would do: worked out the same way for a preview and for the change itself.

use sqlx::SqliteConnection;

use super::change::{NewTask, TaskPatch};
use super::types::{Priority, Status, written};
use super::workspace::Place;
use super::{DomainError, Id, Task, Workspace, text};

/// A change that has not been made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Planned {
    /// The task now; none if it is to be made.
    pub before: Option<Task>,
    /// The task then; none if it is to be deleted.
    pub after: Option<Task>,
    /// How many comments and time entries would go with it.
    pub attached: u64,
}

impl Workspace {
    /// What [`create_task`](Self::create_task) would make.
    ///
    /// # Errors
    /// As there; nothing is changed.
    pub async fn plan_creation(&self, new: NewTask, reason: Option<&str>) -> Result<Planned, DomainError> {
        reason.map(|reason| text::line("reason", reason, text::REASON)).transpose()?;
        let mut reading = self.pool.begin().await?;
        let task = self.created(&mut reading, new).await?;
        Ok(Planned { before: None, after: Some(task), attached: 0 })
    }

    /// What [`update_task`](Self::update_task) would change.
    ///
    /// # Errors
    /// As there; nothing is changed.
    pub async fn plan_update(
        &self,
        id: &Id,
        version: Option<i64>,
        patch: TaskPatch,
        reason: Option<&str>,
    ) -> Result<Planned, DomainError> {
        reason.map(|reason| text::line("reason", reason, text::REASON)).transpose()?;
        let mut reading = self.pool.begin().await?;
        let (before, after) = self.updated(&mut reading, id, version, patch).await?;
        Ok(Planned { before: Some(before), after: Some(after), attached: 0 })
    }

    /// What [`delete_task`](Self::delete_task) would delete.
    ///
    /// # Errors
    /// As there; nothing is changed.
    pub async fn plan_deletion(&self, id: &Id, version: Option<i64>) -> Result<Planned, DomainError> {
        let mut reading = self.pool.begin().await?;
        let task = self.deletable(&mut reading, id, version).await?;
        let attached: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM comments WHERE workspace_id = ?1 AND task_id = ?2)
                  + (SELECT count(*) FROM time_entries WHERE workspace_id = ?1 AND task_id = ?2)",
        )
        .bind(&self.id)
        .bind(&task.id)
        .fetch_one(&mut *reading)
        .await?;
        let attached = u64::try_from(attached).unwrap_or_default();
        Ok(Planned { before: Some(task), after: None, attached })
    }

    /// What people call the value of a task's field: a name in place of an id.
    ///
    /// # Errors
    /// [`DomainError::Unavailable`].
    pub async fn named(&self, field: &str, value: Option<&str>) -> Result<Option<String>, DomainError> {
        let Some(value) = value else { return Ok(None) };
        let query = match field {
            "project_id" => "SELECT name FROM projects WHERE workspace_id = ? AND id = ?",
            "board_id" => "SELECT name FROM boards WHERE workspace_id = ? AND id = ?",
            "assignee_id" => "SELECT name FROM members WHERE workspace_id = ? AND id = ?",
            _ => return Ok(Some(value.to_owned())),
        };
        let name = sqlx::query_scalar(query).bind(&self.id).bind(value).fetch_optional(&self.pool).await?;
        Ok(Some(name.unwrap_or_else(|| value.to_owned())))
    }

    pub(super) async fn created(
        &self,
        connection: &mut SqliteConnection,
        new: NewTask,
    ) -> Result<Task, DomainError> {
        let now = written(self.now())?;
        let mut task = Task {
            id: Id::new().into(),
            title: new.title,
            description: new.description,
            status: new.status.unwrap_or(Status::Open),
            priority: new.priority.unwrap_or(Priority::Medium),
            due_date: new.due_date,
            project_id: new.project_id.map(Into::into),
            board_id: new.board_id.map(Into::into),
            assignee_id: new.assignee_id.map(Into::into),
            version: 1,
            created_at: now.clone(),
            updated_at: now,
        };
        self.check(connection, &mut task).await?;
        if let (None, Some(project)) = (new.priority, &task.project_id) {
            let id = Id::parse(project).map_err(|_| DomainError::NotFound { what: "project" })?;
            task.priority = self.settings(connection, &id).await?.default_priority;
        }
        Ok(task)
    }

    pub(super) async fn updated(
        &self,
        connection: &mut SqliteConnection,
        id: &Id,
        version: Option<i64>,
        patch: TaskPatch,
    ) -> Result<(Task, Task), DomainError> {
        if patch.is_empty() {
            return Err(DomainError::Invalid { field: "patch", problem: "it changes nothing" });
        }
        let before = self.read_task(connection, id).await?;
        at(&before, version)?;
        let mut after = before.clone();
        patch.apply(&mut after);
        self.check(connection, &mut after).await?;
        after.version += 1;
        after.updated_at = written(self.now())?;
        Ok((before, after))
    }

    pub(super) async fn deletable(
        &self,
        connection: &mut SqliteConnection,
        id: &Id,
        version: Option<i64>,
    ) -> Result<Task, DomainError> {
        let task = self.read_task(connection, id).await?;
        at(&task, version)?;
        if self.running(connection).await?.is_some_and(|running| running.task_id == task.id) {
            return Err(DomainError::Conflict("a timer runs on this task: stop it first"));
        }
        Ok(task)
    }

    /// Refuses a task that cannot be kept, and takes the project from the board where none is named.
    pub(super) async fn check(
        &self,
        connection: &mut SqliteConnection,
        task: &mut Task,
    ) -> Result<(), DomainError> {
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
}

fn at(task: &Task, version: Option<i64>) -> Result<(), DomainError> {
    match version {
        Some(version) if version != task.version => Err(DomainError::Changed { current: task.version }),
        _ => Ok(()),
    }
}
