//! What the service keeps, as callers see it.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

/// A fixed set of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
        #[schemars(inline)]
        pub enum $name { $($(#[$each])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub(super) fn read(word: &str) -> Result<Self, sqlx::Error> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(sqlx::Error::Decode(concat!("an unknown ", stringify!($name)).into())),
                }
            }
        }
    };
}

pub(super) use words;

words! {
    /// How far a task is.
    Status {
        /// Not begun.
        Open = "open",
        /// Being worked on.
        InProgress = "in_progress",
        /// Finished.
        Done = "done",
        /// Waits for something.
        Blocked = "blocked",
    }
}

words! {
    /// How urgent a task is.
    Priority {
        /// It can wait.
        Low = "low",
        /// As usual.
        Medium = "medium",
        /// Soon.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

/// A day, written `2031-05-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(pub(super) NaiveDate);

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day: write it as 2031-05-31")]
pub struct DateError;

impl TryFrom<String> for Date {
    type Error = DateError;

    fn try_from(text: String) -> Result<Self, DateError> {
        // To the character: chrono reads other spellings, too.
        let day: NaiveDate = text.parse().map_err(|_| DateError)?;
        if day.to_string() == text && text.len() == 10 { Ok(Self(day)) } else { Err(DateError) }
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date" })
    }
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Task {
    /// Its id.
    pub id: String,
    /// What is to be done.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// How far it is.
    pub status: Status,
    /// How urgent it is.
    pub priority: Priority,
    /// When it should be done.
    pub due_date: Option<Date>,
    /// The project it belongs to.
    pub project_id: Option<String>,
    /// The board that shows it, in the column of its status.
    pub board_id: Option<String>,
    /// The member who does it.
    pub assignee_id: Option<String>,
    /// Grows with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
}

/// A project, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Project {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: String,
}

/// A board, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Board {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The project it belongs to.
    pub project_id: String,
}

/// A comment on a task.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Comment {
    /// Its id.
    pub id: String,
    /// The task.
    pub task_id: String,
    /// Who wrote it.
    pub author: String,
    /// What it says. Text, never markup.
    pub content: String,
    /// When it was written.
    pub created_at: String,
}

impl FromRow<'_, SqliteRow> for Task {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let due: Option<String> = row.try_get("due_date")?;
        let due = due.map(Date::try_from).transpose().map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Self {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            status: status(row, "status")?,
            priority: priority(row, "priority")?,
            due_date: due,
            project_id: row.try_get("project_id")?,
            board_id: row.try_get("board_id")?,
            assignee_id: row.try_get("assignee_id")?,
            version: row.try_get("version")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for Project {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            created_at: time(row, "created_at")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for Board {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            project_id: row.try_get("project_id")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for Comment {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            task_id: row.try_get("task_id")?,
            author: row.try_get("author")?,
            content: row.try_get("content")?,
            created_at: time(row, "created_at")?,
        })
    }
}

pub(super) fn status(row: &SqliteRow, column: &str) -> Result<Status, sqlx::Error> {
    Status::read(row.try_get(column)?)
}

pub(super) fn priority(row: &SqliteRow, column: &str) -> Result<Priority, sqlx::Error> {
    Priority::read(row.try_get(column)?)
}

pub(super) fn time(row: &SqliteRow, column: &str) -> Result<String, sqlx::Error> {
    written(row.try_get(column)?)
}

/// Milliseconds since 1970 as RFC 3339.
pub(super) fn written(millis: i64) -> Result<String, sqlx::Error> {
    let time = DateTime::from_timestamp_millis(millis);
    let time = time.ok_or_else(|| sqlx::Error::Decode("a time is out of range".into()))?;
    Ok(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// What [`written`] wrote.
pub(super) fn read(text: &str) -> Result<i64, sqlx::Error> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(time.timestamp_millis())
}
