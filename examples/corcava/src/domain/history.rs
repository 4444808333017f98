//! What was changed: who made it, by which key, and the states before and after.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::types::{time, words, written};
use super::{DomainError, Id, Page, PageRequest, Task, Workspace};

words! {
    /// What was done.
    Kind {
        /// It was made.
        Created = "created",
        /// It was changed.
        Changed = "changed",
        /// It was deleted.
        Deleted = "deleted",
    }
}

words! {
    /// To what.
    Resource {
        /// A task.
        Task = "task",
        /// A comment on a task.
        Comment = "comment",
        /// The timer.
        Timer = "timer",
    }
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// Its id.
    pub id: String,
    /// When.
    pub at: String,
    /// The API key.
    pub key_id: Option<String>,
    /// The key's name, or the client's id.
    pub actor: String,
    /// What it was made to.
    pub resource: Resource,
    /// What was done.
    pub kind: Kind,
    /// The task, or that of the comment or timer.
    pub task_id: String,
    /// What the task was called.
    pub title: String,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
    /// The state before.
    pub before: Option<Value>,
    /// The state after.
    pub after: Option<Value>,
    /// When it was undone.
    pub undone_at: Option<String>,
}

/// A field that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Its name.
    pub field: String,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// Which changes are wanted; all of them if nothing is said.
#[derive(Clone, Debug, Default)]
pub struct ChangeFilter<'a> {
    /// Only by this key.
    pub key: Option<&'a str>,
}

impl Change {
    /// True if it can be undone; [`Workspace::changes`] says the same in SQL.
    #[must_use]
    pub fn is_undoable(&self) -> bool {
        let is_known = match self.resource {
            Resource::Task => true,
            Resource::Comment => self.kind == Kind::Created,
            Resource::Timer => false,
        };
        is_known && self.undone_at.is_none()
    }

    /// What differs between before and after.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        differences(self.before.as_ref(), self.after.as_ref())
    }
}

/// The fields of two states that differ; without those that change with every change.
#[must_use]
pub fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<Difference> {
    const OWN: [&str; 5] = ["id", "task_id", "version", "created_at", "updated_at"];
    let fields = |state: Option<&Value>| state.and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (fields(before), fields(after));
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let all = names.filter(|name| !OWN.contains(&name.as_str())).map(|name| Difference {
        field: name.clone(),
        before: text(before.get(name)),
        after: text(after.get(name)),
    });
    all.filter(|field| field.before != field.after).collect()
}

impl FromRow<'_, SqliteRow> for Change {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let state = |column| -> Result<Option<Value>, sqlx::Error> {
            let text: Option<String> = row.try_get(column)?;
            text.map(|text| serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(error.into())))
                .transpose()
        };
        let undone: Option<i64> = row.try_get("undone_at")?;
        Ok(Self {
            id: row.try_get("id")?,
            at: time(row, "at")?,
            key_id: row.try_get("key_id")?,
            actor: row.try_get("actor")?,
            resource: Resource::read(row.try_get("resource")?)?,
            kind: Kind::read(row.try_get("kind")?)?,
            task_id: row.try_get("task_id")?,
            title: row.try_get("title")?,
            reason: row.try_get("reason")?,
            before: state("state_before")?,
            after: state("state_after")?,
            undone_at: undone.map(written).transpose()?,
        })
    }
}

/// A change on its way into the history.
pub(super) struct Noted<'a, T> {
    pub(super) resource: Resource,
    pub(super) kind: Kind,
    pub(super) task: &'a str,
    pub(super) title: &'a str,
    pub(super) reason: Option<&'a str>,
    pub(super) before: Option<&'a T>,
    pub(super) after: Option<&'a T>,
}

impl<'a, T> Noted<'a, T> {
    pub(super) fn new(resource: Resource, kind: Kind, task: &'a Task, reason: Option<&'a str>) -> Self {
        Self { resource, kind, task: &task.id, title: &task.title, reason, before: None, after: None }
    }
}

/// The states before and after a change, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct States {
    /// None if there was nothing.
    pub before: Option<String>,
    /// None if nothing is left.
    pub after: Option<String>,
}

impl Workspace {
    /// The changes: those first that can be undone, the newest of them first, then the others in the same order.
    ///
    /// # Errors
    /// [`DomainError::Invalid`], [`DomainError::Unavailable`].
    pub async fn changes(
        &self,
        filter: &ChangeFilter<'_>,
        page: PageRequest,
    ) -> Result<Page<Change>, DomainError> {
        let bounds = page.bounds()?;
        let mut reading = self.pool.begin().await?;
        let total = sqlx::query_scalar(
            "SELECT count(*) FROM changes WHERE workspace_id = ?1 AND (?2 IS NULL OR key_id = ?2)",
        )
        .bind(&self.id)
        .bind(filter.key)
        .fetch_one(&mut *reading)
        .await?;
        let items = sqlx::query_as(
            // The ids are put in order, not the states.
            "WITH listed AS (
                 SELECT id, undone_at IS NULL AND (resource = 'task' OR (resource = 'comment' AND kind = 'created')) AS undoable
                 FROM changes WHERE workspace_id = ?1 AND (?2 IS NULL OR key_id = ?2)
                 ORDER BY undoable DESC, id DESC LIMIT ?3 OFFSET ?4)
             SELECT changes.* FROM listed JOIN changes ON changes.workspace_id = ?1 AND changes.id = listed.id
             ORDER BY listed.undoable DESC, listed.id DESC",
        )
        .bind(&self.id)
        .bind(filter.key)
        .bind(bounds.0)
        .bind(bounds.1)
        .fetch_all(&mut *reading)
        .await?;
        Ok(Page::new(items, total, bounds))
    }

    /// Notes a change, before a task that goes is gone. Its states, as they are noted.
    pub(super) async fn note<T: Serialize>(
        &self,
        connection: &mut SqliteConnection,
        noted: Noted<'_, T>,
    ) -> Result<States, DomainError> {
        let json = |state: Option<&T>| {
            state.map(serde_json::to_string).transpose().map_err(|error| sqlx::Error::Encode(error.into()))
        };
        let states = States { before: json(noted.before)?, after: json(noted.after)? };
        sqlx::query(
            "INSERT INTO changes (workspace_id, id, at, member_id, key_id, actor, resource, kind, task_id, title, reason,
                                  state_before, state_after, attached)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
                     CASE WHEN ?7 = 'task' AND ?8 = 'deleted' THEN json_object(
                         'comments', (SELECT json_group_array(json_array(id, author_id, content, created_at))
                                      FROM comments WHERE workspace_id = ?1 AND task_id = ?9),
                         'time', (SELECT json_group_array(json_array(id, member_id, started_at, stopped_at))
                                  FROM time_entries WHERE workspace_id = ?1 AND task_id = ?9)) END)",
        )
        .bind(&self.id)
        .bind(String::from(Id::new()))
        .bind(self.now())
        .bind(&self.member)
        .bind(&self.actor.key)
        .bind(&self.actor.name)
        .bind(noted.resource.as_str())
        .bind(noted.kind.as_str())
        .bind(noted.task)
        .bind(noted.title)
        .bind(noted.reason)
        .bind(&states.before)
        .bind(&states.after)
        .execute(connection)
        .await?;
        Ok(states)
    }
}
