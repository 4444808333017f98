//! The tables, and how older files come to have them.

use std::io;

use sqlx::{Connection as _, SqliteConnection};

/// Says in the file's header whose it is: `corc`.
const APPLICATION: i64 = 0x636f_7263;

/// What leads from each schema to the next. Only ever grows at its end.
const MIGRATIONS: [&str; 2] =
    [include_str!("../../migrations/1.sql"), include_str!("../../migrations/2.sql")];

/// Why the file cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is something else.
    #[error("the file is none of this service's")]
    Foreign,
    /// A later version wrote it.
    #[error("the file has schema {found}, and this version knows {known}")]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest known one.
        known: usize,
    },
    /// The file cannot be made or read.
    #[error("{0}")]
    File(#[source] io::Error),
    /// The database does not open.
    #[error("the file cannot be opened")]
    Database(#[from] sqlx::Error),
}

/// Brings the file to the newest schema, in one transaction.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *transaction).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *transaction).await?;
    if application != APPLICATION && (found, application, tables) != (0, 0, 0) {
        return Err(OpenError::Foreign);
    }
    let done = usize::try_from(found).map_err(|_| OpenError::Foreign)?;
    if done > MIGRATIONS.len() {
        return Err(OpenError::Newer { found, known: MIGRATIONS.len() });
    }
    for migration in MIGRATIONS.into_iter().skip(done) {
        sqlx::raw_sql(migration).execute(&mut *transaction).await?;
    }
    // Pragmas take no parameters.
    let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {}", MIGRATIONS.len());
    sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}
