//! Reading entries.

use bytes::Bytes;
use mcp_auth_core::store::{Entry, Key, StoreError};
use mcp_auth_core::time::Timestamp;
use sqlx::SqlitePool;

use super::{from_column, to_column, to_version, unavailable};

type Row = (String, Vec<u8>, i64, Option<i64>);

const GET: &str = "SELECT id, value, version, expires_at FROM entries
    WHERE collection = ? AND partition = ? AND id = ? AND (expires_at IS NULL OR expires_at > ?)";

const SCAN: &str = "SELECT id, value, version, expires_at FROM entries
    WHERE collection = ? AND partition = ? AND id >= ? AND (expires_at IS NULL OR expires_at > ?)
    ORDER BY id LIMIT ?";

const SCAN_AFTER: &str = "SELECT id, value, version, expires_at FROM entries
    WHERE collection = ? AND partition = ? AND id > ? AND (expires_at IS NULL OR expires_at > ?)
    ORDER BY id LIMIT ?";

pub(super) async fn get(pool: &SqlitePool, key: &Key, now: Timestamp) -> Result<Option<Entry>, StoreError> {
    let row: Option<Row> = sqlx::query_as(GET)
        .bind(&*key.collection)
        .bind(&key.partition)
        .bind(&key.id)
        .bind(to_column(now))
        .fetch_optional(pool)
        .await
        .map_err(unavailable)?;
    Ok(row.map(entry))
}

pub(super) async fn scan(
    pool: &SqlitePool,
    (collection, partition): (&str, &str),
    after: Option<&str>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Entry>, StoreError> {
    let sql = if after.is_some() { SCAN_AFTER } else { SCAN };
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(collection)
        .bind(partition)
        .bind(after.unwrap_or_default())
        .bind(to_column(now))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await
        .map_err(unavailable)?;
    Ok(rows.into_iter().map(entry).collect())
}

fn entry((id, value, version, expires_at): Row) -> Entry {
    Entry {
        id,
        value: Bytes::from(value),
        version: to_version(version),
        expires_at: expires_at.map(from_column),
    }
}
