//! The tables, and how older files come to have them.

use sqlx::{Connection as _, SqliteConnection};

use super::OpenError;

/// Says in the file's header whose it is: `mcpA`.
const APPLICATION: i64 = 0x6d63_7041;

/// What leads from each schema to the next. Only ever grows at its end.
const MIGRATIONS: [&str; 1] = ["
    -- Names are bytes: compared as such, whatever is in them.
    CREATE TABLE entries (
        collection BLOB NOT NULL,
        part BLOB NOT NULL,
        id BLOB NOT NULL,
        value BLOB NOT NULL,
        version INTEGER NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (collection, part, id)
    ) STRICT;
    CREATE INDEX entries_by_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;
    -- The last version that was given out.
    CREATE TABLE sequence (version INTEGER NOT NULL) STRICT;
    INSERT INTO sequence VALUES (0);
    -- The newest writes and deletions, for whoever watches.
    CREATE TABLE changes (
        version INTEGER PRIMARY KEY,
        collection BLOB NOT NULL,
        part BLOB NOT NULL,
        id BLOB NOT NULL
    ) STRICT;
"];

/// The schema of the file, 0 if it is new; refused if it is none of ours. Changes nothing. What it reads it reads as of one
/// moment: another process may make the tables meanwhile.
pub(super) async fn inspect(connection: &mut SqliteConnection) -> Result<usize, OpenError> {
    let mut transaction = connection.begin().await?;
    let schema = look(&mut transaction).await?;
    transaction.rollback().await?;
    Ok(schema)
}

async fn look(connection: &mut SqliteConnection) -> Result<usize, OpenError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(connection).await?;
    if application != APPLICATION && (found, application, tables) != (0, 0, 0) {
        return Err(OpenError::Foreign);
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    usize::try_from(found).map_err(|_| OpenError::Foreign)
}

/// Brings the file to the newest schema, in one transaction.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let done = look(&mut transaction).await?;
    if done < MIGRATIONS.len() {
        for migration in MIGRATIONS.into_iter().skip(done) {
            sqlx::raw_sql(migration).execute(&mut *transaction).await?;
        }
        // Pragmas take no parameters.
        let marks =
            format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {}", MIGRATIONS.len());
        sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}
