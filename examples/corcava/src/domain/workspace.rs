//! Whose data: the workspace of a subject.
//!
//! 1. A subject is member of one workspace. Who comes for the first time gets a workspace with demo data, in the same
//!    transaction; of two first requests one makes it.

use mcp_auth_core::time::Clock;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::{Domain, DomainError, seed};

/// What a task or a list can refer to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Project,
    Board,
    Member,
    Task,
}

/// One workspace, as one of its members acts in it.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(super) pool: SqlitePool,
    pub(super) clock: Clock,
    pub(super) id: String,
    pub(super) member: String,
    pub(super) actor: Actor,
}

/// By what a member acts: named in the history of changes.
#[derive(Clone, Debug, Default)]
pub struct Actor {
    /// The API key's id.
    pub key: Option<String>,
    /// The key's name, or the client's id.
    pub name: String,
}

impl Workspace {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of the member who acts.
    #[must_use]
    pub fn member(&self) -> &str {
        &self.member
    }

    /// The same workspace, where changes are noted as made by `actor`.
    #[must_use]
    pub fn acting(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// Refuses a reference to what is not in this workspace.
    pub(super) async fn require(
        &self,
        connection: &mut SqliteConnection,
        place: Place,
        id: &str,
    ) -> Result<(), DomainError> {
        let (what, query) = match place {
            Place::Project => ("project", "SELECT 1 FROM projects WHERE workspace_id = ? AND id = ?"),
            Place::Board => ("board", "SELECT 1 FROM boards WHERE workspace_id = ? AND id = ?"),
            Place::Member => ("member", "SELECT 1 FROM members WHERE workspace_id = ? AND id = ?"),
            Place::Task => ("task", "SELECT 1 FROM tasks WHERE workspace_id = ? AND id = ?"),
        };
        let found: Option<i64> =
            sqlx::query_scalar(query).bind(&self.id).bind(id).fetch_optional(connection).await?;
        found.map(drop).ok_or(DomainError::NotFound { what })
    }

    /// Now, in milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        millis(&self.clock)
    }
}

impl Domain {
    /// The workspace of the user whom tokens and keys call `subject`.
    ///
    /// # Errors
    /// [`DomainError::Unavailable`].
    pub async fn workspace_of(&self, subject: &str) -> Result<Workspace, DomainError> {
        let found = sqlx::query("SELECT workspace_id, id FROM members WHERE subject = ?")
            .bind(subject)
            .fetch_optional(&self.pool)
            .await?;
        let (id, member) = match found {
            Some(row) => (row.try_get("workspace_id")?, row.try_get("id")?),
            None => self.found_workspace(subject).await?,
        };
        Ok(Workspace {
            pool: self.pool.clone(),
            clock: self.clock.clone(),
            id,
            member,
            actor: Actor::default(),
        })
    }

    async fn found_workspace(&self, subject: &str) -> Result<(String, String), DomainError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let found = sqlx::query("SELECT workspace_id, id FROM members WHERE subject = ?")
            .bind(subject)
            .fetch_optional(&mut *transaction)
            .await?;
        if let Some(row) = found {
            return Ok((row.try_get("workspace_id")?, row.try_get("id")?));
        }
        let made = seed::workspace(&mut transaction, subject, millis(&self.clock)).await?;
        transaction.commit().await?;
        Ok(made)
    }
}

fn millis(clock: &Clock) -> i64 {
    i64::try_from(clock.now().as_millis()).unwrap_or(i64::MAX)
}
