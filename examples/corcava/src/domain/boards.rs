//! Boards.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::types::status;
use super::workspace::Place;
use super::{Board, DomainError, Id, Page, PageRequest, Status, Workspace};

/// A board with its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BoardDetails {
    /// The board.
    #[serde(flatten)]
    pub board: Board,
    /// From left to right.
    pub columns: Vec<Column>,
    /// The states that a task on it can have.
    pub states: Vec<Status>,
}

/// A column: the board's tasks of one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Column {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The status of its tasks.
    pub status: Status,
    /// How many tasks it holds.
    pub tasks: i64,
}

impl FromRow<'_, SqliteRow> for Column {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            status: status(row, "status")?,
            tasks: row.try_get("tasks")?,
        })
    }
}

macro_rules! listed {
    () => {
        " FROM boards WHERE workspace_id = ?1 AND (?2 IS NULL OR project_id = ?2)"
    };
}

impl Workspace {
    /// The boards, of one project or of all.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] for a project that is none, [`DomainError::Invalid`], [`DomainError::Unavailable`].
    pub async fn boards(&self, project: Option<&Id>, page: PageRequest) -> Result<Page<Board>, DomainError> {
        let bounds = page.bounds()?;
        let mut reading = self.pool.begin().await?;
        if let Some(project) = project {
            self.require(&mut reading, Place::Project, project.as_str()).await?;
        }
        let project = project.map(Id::as_str);
        let total = sqlx::query_scalar(concat!("SELECT count(*)", listed!()))
            .bind(&self.id)
            .bind(project)
            .fetch_one(&mut *reading)
            .await?;
        let items = sqlx::query_as(concat!("SELECT *", listed!(), " ORDER BY name, id LIMIT ?3 OFFSET ?4"))
            .bind(&self.id)
            .bind(project)
            .bind(bounds.0)
            .bind(bounds.1)
            .fetch_all(&mut *reading)
            .await?;
        Ok(Page::new(items, total, bounds))
    }

    /// One board.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Unavailable`].
    pub async fn board(&self, id: &Id) -> Result<BoardDetails, DomainError> {
        let mut reading = self.pool.begin().await?;
        let board = sqlx::query_as("SELECT * FROM boards WHERE workspace_id = ? AND id = ?")
            .bind(&self.id)
            .bind(id.as_str())
            .fetch_optional(&mut *reading)
            .await?
            .ok_or(DomainError::NotFound { what: "board" })?;
        let columns: Vec<Column> = sqlx::query_as(
            "SELECT id, name, status,
                    (SELECT count(*) FROM tasks WHERE tasks.workspace_id = columns.workspace_id
                     AND tasks.board_id = columns.board_id AND tasks.status = columns.status) AS tasks
             FROM columns WHERE workspace_id = ? AND board_id = ? ORDER BY position",
        )
        .bind(&self.id)
        .bind(id.as_str())
        .fetch_all(&mut *reading)
        .await?;
        let states = columns.iter().map(|column| column.status).collect();
        Ok(BoardDetails { board, columns, states })
    }
}
