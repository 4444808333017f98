//! Finding and reading tasks.

use chrono::DateTime;
use sqlx::SqliteConnection;

use super::workspace::Place;
use super::{DomainError, DueFilter, Id, Page, PageRequest, Status, Task, Workspace, text};

/// Which tasks are wanted; all of them if nothing is said.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Only of this project.
    pub project_id: Option<Id>,
    /// Only on this board.
    pub board_id: Option<Id>,
    /// Only with this status.
    pub status: Option<Status>,
    /// Only due then.
    pub due_date: Option<DueFilter>,
    /// Only of this member.
    pub assignee_id: Option<Id>,
    /// Only with this text in title or description.
    pub search: Option<String>,
}

macro_rules! listed {
    () => {
        " FROM tasks WHERE workspace_id = ?1
          AND (?2 IS NULL OR project_id = ?2)
          AND (?3 IS NULL OR board_id = ?3)
          AND (?4 IS NULL OR status = ?4)
          AND (?5 IS NULL OR assignee_id = ?5)
          AND (?6 IS NULL OR due_date >= ?6)
          AND (?7 IS NULL OR due_date <= ?7)
          AND (NOT ?8 OR status <> 'done')
          AND (NOT ?9 OR due_date IS NULL)
          AND (?10 IS NULL OR instr(lower(title), lower(?10)) > 0 OR instr(lower(description), lower(?10)) > 0)"
    };
}

impl Workspace {
    /// The tasks that `filter` lets through: what is due first, then by age.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] for a project, board or member that is none, [`DomainError::Invalid`],
    /// [`DomainError::Unavailable`].
    pub async fn tasks(&self, filter: &TaskFilter, page: PageRequest) -> Result<Page<Task>, DomainError> {
        let (search, bounds) = (text::search(filter.search.as_deref())?, page.bounds()?);
        let today = DateTime::from_timestamp_millis(self.now()).unwrap_or_default().date_naive();
        let due = filter.due_date.map(|due| due.range(today)).unwrap_or_default();
        let mut reading = self.pool.begin().await?;
        for (place, id) in [
            (Place::Project, &filter.project_id),
            (Place::Board, &filter.board_id),
            (Place::Member, &filter.assignee_id),
        ] {
            if let Some(id) = id {
                self.require(&mut reading, place, id.as_str()).await?;
            }
        }
        // The same parameters twice; sqlx has no query that can be asked two ways.
        macro_rules! filtered {
            ($query:expr) => {
                $query
                    .bind(&self.id)
                    .bind(filter.project_id.as_ref().map(Id::as_str))
                    .bind(filter.board_id.as_ref().map(Id::as_str))
                    .bind(filter.status.map(Status::as_str))
                    .bind(filter.assignee_id.as_ref().map(Id::as_str))
                    .bind(&due.from)
                    .bind(&due.until)
                    .bind(due.is_open)
                    .bind(due.is_absent)
                    .bind(search)
            };
        }
        let total = filtered!(sqlx::query_scalar(concat!("SELECT count(*)", listed!())))
            .fetch_one(&mut *reading)
            .await?;
        let items = filtered!(sqlx::query_as(concat!(
            "SELECT *",
            listed!(),
            " ORDER BY due_date IS NULL, due_date, id LIMIT ?11 OFFSET ?12"
        )))
        .bind(bounds.0)
        .bind(bounds.1)
        .fetch_all(&mut *reading)
        .await?;
        Ok(Page::new(items, total, bounds))
    }

    /// One task.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Unavailable`].
    pub async fn task(&self, id: &Id) -> Result<Task, DomainError> {
        let mut reading = self.pool.acquire().await?;
        self.read_task(&mut reading, id).await
    }

    pub(super) async fn read_task(
        &self,
        connection: &mut SqliteConnection,
        id: &Id,
    ) -> Result<Task, DomainError> {
        sqlx::query_as("SELECT * FROM tasks WHERE workspace_id = ? AND id = ?")
            .bind(&self.id)
            .bind(id.as_str())
            .fetch_optional(connection)
            .await?
            .ok_or(DomainError::NotFound { what: "task" })
    }
}
