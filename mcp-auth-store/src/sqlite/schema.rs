//! The tables, and how a file comes to have them.
//!
//! `user_version` counts the migrations that a file has seen. A file from a newer release is refused: what it means is not
//! known here.

use sqlx::{Connection, SqliteConnection};

use super::OpenError;

/// "mcpa": tells our files from other SQLite files.
const APPLICATION: i64 = 0x6d63_7061;

/// Each takes a file from one version to the next. Never changed, only added to.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE entries (
        collection TEXT NOT NULL,
        partition TEXT NOT NULL,
        id TEXT NOT NULL,
        value BLOB NOT NULL,
        version INTEGER NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (collection, partition, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entries_by_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;
    CREATE TABLE changes (
        version INTEGER PRIMARY KEY AUTOINCREMENT,
        collection TEXT NOT NULL,
        partition TEXT NOT NULL,
        id TEXT NOT NULL
    ) STRICT;
    PRAGMA application_id = 1835233377;
    PRAGMA user_version = 1;
"];

/// Brings the file up to date; one process at a time.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *transaction).await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *transaction).await?;
    if application != APPLICATION && (application != 0 || found != 0 || tables != 0) {
        return Err(OpenError::Foreign);
    }
    let known = MIGRATIONS.len();
    let seen = usize::try_from(found).unwrap_or(usize::MAX);
    if seen > known {
        return Err(OpenError::Newer { found, known });
    }
    for migration in MIGRATIONS.iter().skip(seen) {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_itself() {
        assert!(MIGRATIONS.iter().any(|sql| sql.contains(&format!("application_id = {APPLICATION};"))));
        for (index, sql) in MIGRATIONS.iter().enumerate() {
            assert!(sql.contains(&format!("user_version = {};", index + 1)));
        }
    }
}
