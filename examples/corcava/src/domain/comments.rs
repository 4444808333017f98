//! Comments on tasks.

use sqlx::SqliteConnection;

use super::history::{Kind, Noted, Resource};
use super::types::written;
use super::workspace::Place;
use super::{Comment, DomainError, Id, Page, PageRequest, Workspace, text};

macro_rules! listed {
    () => {
        " FROM comments JOIN members
          ON members.workspace_id = comments.workspace_id AND members.id = comments.author_id
          WHERE comments.workspace_id = ?1 AND comments.task_id = ?2"
    };
}

impl Workspace {
    /// The comments on a task, the oldest first.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Invalid`], [`DomainError::Unavailable`].
    pub async fn comments(&self, task: &Id, page: PageRequest) -> Result<Page<Comment>, DomainError> {
        let bounds = page.bounds()?;
        let mut reading = self.pool.begin().await?;
        self.require(&mut reading, Place::Task, task.as_str()).await?;
        let total = sqlx::query_scalar(concat!("SELECT count(*)", listed!()))
            .bind(&self.id)
            .bind(task.as_str())
            .fetch_one(&mut *reading)
            .await?;
        let items = sqlx::query_as(concat!(
            "SELECT comments.id, task_id, members.name AS author, content, created_at",
            listed!(),
            " ORDER BY comments.id LIMIT ?3 OFFSET ?4"
        ))
        .bind(&self.id)
        .bind(task.as_str())
        .bind(bounds.0)
        .bind(bounds.1)
        .fetch_all(&mut *reading)
        .await?;
        Ok(Page::new(items, total, bounds))
    }

    /// Adds a comment to a task.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], [`DomainError::Invalid`], [`DomainError::Unavailable`].
    pub async fn add_comment(&self, task: &Id, content: &str) -> Result<Comment, DomainError> {
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let task = self.read_task(&mut writing, task).await?;
        let comment = self.write_comment(&mut writing, &task.id, content).await?;
        self.raise_version(&mut writing, &task.id).await?;
        let noted = Noted::new(Resource::Comment, Kind::Created, &task, None);
        self.note(&mut writing, Noted { after: Some(&comment), ..noted }).await?;
        writing.commit().await?;
        Ok(comment)
    }

    pub(super) async fn write_comment(
        &self,
        connection: &mut SqliteConnection,
        task: &str,
        content: &str,
    ) -> Result<Comment, DomainError> {
        text::block("content", content, text::COMMENT)?;
        let (id, now) = (String::from(Id::new()), self.now());
        sqlx::query(
            "INSERT INTO comments (workspace_id, id, task_id, author_id, content, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&self.id)
        .bind(&id)
        .bind(task)
        .bind(&self.member)
        .bind(content)
        .bind(now)
        .execute(&mut *connection)
        .await?;
        let author = sqlx::query_scalar("SELECT name FROM members WHERE workspace_id = ? AND id = ?")
            .bind(&self.id)
            .bind(&self.member)
            .fetch_one(connection)
            .await?;
        Ok(Comment {
            id,
            task_id: task.to_owned(),
            author,
            content: content.to_owned(),
            created_at: written(now)?,
        })
    }
}
