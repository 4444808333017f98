//! Why a file was not opened, or did not answer.

use std::io;

use mcp_auth_core::store::StoreError;

/// Why a file was not opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be made or read.
    #[error("the store's file cannot be opened")]
    File(#[source] io::Error),
    /// It is no SQLite file, or it is damaged.
    #[error("the store's file is damaged, or no SQLite database")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is the database of another application.
    #[error("the store's file belongs to another application")]
    Foreign,
    /// It was written by a newer version of this crate.
    #[error("the store's file has schema {found}, newer than {known}: use the version that wrote it")]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// The database does not answer: locked for long, disk full.
    #[error("the store's database does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no tokio runtime to run the store's tasks on.
    #[error("the store needs a tokio runtime")]
    NoRuntime,
}

// SQLite's primary result codes: <https://www.sqlite.org/rescode.html>
const BUSY: i64 = 5;
const CORRUPT: i64 = 11;
const FULL: i64 = 13;
const NOT_A_DATABASE: i64 = 26;

fn code(error: &sqlx::Error) -> Option<i64> {
    error.as_database_error()?.code()?.parse().ok().map(|code: i64| code & 0xff)
}

fn is_damage(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(CORRUPT | NOT_A_DATABASE)) || matches!(error, sqlx::Error::ColumnDecode { .. })
}

/// True if it may go well another time.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    code(error) == Some(BUSY)
}

pub(super) fn of_store(error: sqlx::Error) -> StoreError {
    match code(&error) {
        Some(FULL) => StoreError::Full,
        _ if is_damage(&error) => StoreError::Damaged(error.into()),
        _ => StoreError::Unavailable(error.into()),
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        if is_damage(&error) { Self::Damaged(error.into()) } else { Self::Unavailable(error.into()) }
    }
}
