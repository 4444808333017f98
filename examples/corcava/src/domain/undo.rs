//! Taking a change back.
//!
//! 1. Only what is still as the change left it is taken back: later changes are undone first, the last one first.
//! 2. A task that was made is not taken back with what others have said or timed on it since.
//! 3. A deleted task comes back with its id, comments and tracked time. Undoing is a change itself, with a note of its own.

use sqlx::{Row, SqliteConnection};

use super::history::{Kind, Noted, Resource, States, differences};
use super::{Change, Comment, DomainError, Id, Task, Workspace};

const CHANGED: DomainError =
    DomainError::Conflict("it was changed later: undo the later changes first, the last one first");
const UNDONE: &str = "undone on the settings page";

impl Workspace {
    /// Undoes a change. The states before and after.
    ///
    /// # Errors
    /// [`DomainError::NotFound`]; [`DomainError::Conflict`] if it cannot be undone, or not any more;
    /// [`DomainError::Unavailable`]: then nothing was changed.
    pub async fn undo(&self, id: &Id) -> Result<States, DomainError> {
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let change: Change = sqlx::query_as("SELECT * FROM changes WHERE workspace_id = ? AND id = ?")
            .bind(&self.id)
            .bind(id.as_str())
            .fetch_optional(&mut *writing)
            .await?
            .ok_or(DomainError::NotFound { what: "change" })?;
        if !change.is_undoable() {
            return Err(DomainError::Conflict("it cannot be undone, or was undone already"));
        }
        let (before, after) = (state::<Task>(&change.before), state::<Task>(&change.after));
        let states = match (change.resource, change.kind, before, after) {
            (Resource::Task, Kind::Created, _, Some(after)) => {
                let now = self.unchanged(&mut writing, &after).await?;
                self.deletable(&mut writing, &id_of(&now)?, None).await?;
                self.unattached(&mut writing, &change).await?;
                let noted = Noted::new(Resource::Task, Kind::Deleted, &now, Some(UNDONE));
                let states = self.note(&mut writing, Noted { before: Some(&now), ..noted }).await?;
                self.remove_task(&mut writing, &now.id).await?;
                states
            }
            (Resource::Task, Kind::Changed, Some(before), Some(after)) => {
                let now = self.unchanged(&mut writing, &after).await?;
                let mut back = Task { version: now.version + 1, ..before };
                self.check(&mut writing, &mut back).await?;
                self.write_task(&mut writing, &back).await?;
                let noted = Noted::new(Resource::Task, Kind::Changed, &now, Some(UNDONE));
                self.note(&mut writing, Noted { before: Some(&now), after: Some(&back), ..noted }).await?
            }
            (Resource::Task, Kind::Deleted, Some(before), _) => {
                let mut back = Task { version: before.version + 1, ..before };
                self.check(&mut writing, &mut back).await?;
                self.insert_task(&mut writing, &back).await?;
                self.attach(&mut writing, &change.id, &back.id).await?;
                let noted = Noted::new(Resource::Task, Kind::Created, &back, Some(UNDONE));
                self.note(&mut writing, Noted { after: Some(&back), ..noted }).await?
            }
            (Resource::Comment, Kind::Created, ..) => {
                let comment: Comment =
                    state(&change.after).ok_or(DomainError::NotFound { what: "comment" })?;
                self.remove_comment(&mut writing, &comment).await?;
                self.raise_version(&mut writing, &change.task_id).await?;
                let noted = Noted {
                    resource: Resource::Comment,
                    kind: Kind::Deleted,
                    task: &change.task_id,
                    title: &change.title,
                    reason: Some(UNDONE),
                    before: Some(&comment),
                    after: None,
                };
                self.note(&mut writing, noted).await?
            }
            _ => return Err(DomainError::Conflict("it cannot be undone")),
        };
        sqlx::query("UPDATE changes SET undone_at = ? WHERE workspace_id = ? AND id = ?")
            .bind(self.now())
            .bind(&self.id)
            .bind(&change.id)
            .execute(&mut *writing)
            .await?;
        writing.commit().await?;
        Ok(states)
    }

    /// The task, if it says what `then` says.
    async fn unchanged(&self, connection: &mut SqliteConnection, then: &Task) -> Result<Task, DomainError> {
        let now = self.read_task(connection, &id_of(then)?).await?;
        let json = |task| serde_json::to_value(task).map_err(|error| sqlx::Error::Encode(error.into()));
        let (left, right) = (json(then)?, json(&now)?);
        if differences(Some(&left), Some(&right)).is_empty() { Ok(now) } else { Err(CHANGED) }
    }

    /// Refuses if comments or time entries came after `change`. Those that a change itself leaves are no change of their own.
    async fn unattached(
        &self,
        connection: &mut SqliteConnection,
        change: &Change,
    ) -> Result<(), DomainError> {
        let later: Option<i64> = sqlx::query_scalar(
            "SELECT 1 FROM changes WHERE workspace_id = ? AND task_id = ? AND id > ?
             AND resource IN ('comment', 'timer') AND kind = 'created' AND undone_at IS NULL LIMIT 1",
        )
        .bind(&self.id)
        .bind(&change.task_id)
        .bind(&change.id)
        .fetch_optional(connection)
        .await?;
        later.map_or(Ok(()), |_| Err(CHANGED))
    }

    /// Brings comments and time entries of a deleted task back. An entry that ran is stopped where it began.
    async fn attach(
        &self,
        connection: &mut SqliteConnection,
        change: &str,
        task: &str,
    ) -> Result<(), DomainError> {
        for query in [
            "INSERT INTO comments (workspace_id, id, task_id, author_id, content, created_at)
             SELECT ?1, json_extract(value, '$[0]'), ?3, json_extract(value, '$[1]'), json_extract(value, '$[2]'),
                    json_extract(value, '$[3]')
             FROM changes, json_each(attached, '$.comments') WHERE workspace_id = ?1 AND changes.id = ?2",
            "INSERT INTO time_entries (workspace_id, id, task_id, member_id, started_at, stopped_at)
             SELECT ?1, json_extract(value, '$[0]'), ?3, json_extract(value, '$[1]'), json_extract(value, '$[2]'),
                    coalesce(json_extract(value, '$[3]'), json_extract(value, '$[2]'))
             FROM changes, json_each(attached, '$.time') WHERE workspace_id = ?1 AND changes.id = ?2",
        ] {
            sqlx::query(query).bind(&self.id).bind(change).bind(task).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn remove_comment(
        &self,
        connection: &mut SqliteConnection,
        comment: &Comment,
    ) -> Result<(), DomainError> {
        let gone = sqlx::query("DELETE FROM comments WHERE workspace_id = ? AND id = ? RETURNING id")
            .bind(&self.id)
            .bind(&comment.id)
            .fetch_optional(connection)
            .await?;
        let gone: Option<String> = gone.map(|row| row.try_get("id")).transpose()?;
        gone.map(drop).ok_or(DomainError::NotFound { what: "comment" })
    }
}

fn state<T: serde::de::DeserializeOwned>(state: &Option<serde_json::Value>) -> Option<T> {
    state.clone().and_then(|state| serde_json::from_value(state).ok())
}

fn id_of(task: &Task) -> Result<Id, DomainError> {
    Id::parse(task.id.as_str()).map_err(|_| DomainError::NotFound { what: "task" })
}
