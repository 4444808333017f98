//! The one task that writes.
//!
//! 1. Commits that wait together are applied one after another in one transaction, synced once, then answered.
//! 2. A commit's conditions are all read before its first write: one that does not hold has written nothing, and the
//!    others go on.
//! 3. Where the database fails, the whole transaction is rolled back and each of its commits is told so.
//! 4. What was deleted or replaced is overwritten in the file (`secure_delete`); the log that still has it is emptied soon after,
//!    and when the store is closed.

use mcp_auth_core::store::{Committed, Condition, Key, StoreError, Write};
use mcp_auth_core::time::Clock;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Duration, MissedTickBehavior, interval};

use super::builder::BUSY_TIMEOUT;
use super::{error, millis};

/// How many orders wait at most; more wait outside.
pub(super) const QUEUE: usize = 256;
const MAX_BATCH: usize = 128;
/// How many changes a watch may be behind before it has to read all again.
const LOGGED: i64 = 10_000;
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const SWEPT_AT_ONCE: i64 = 500;
/// How long commits wait for somebody who reads from the log that is to be emptied.
const EMPTIES_WITHIN: Duration = Duration::from_millis(100);

/// A commit that waits for its answer.
pub(super) struct Job {
    pub(super) writes: Vec<Write>,
    pub(super) reply: oneshot::Sender<Result<Committed, StoreError>>,
}

pub(super) enum Order {
    Commit(Job),
    /// Leave no trace of what is not there any more.
    Compact(oneshot::Sender<Result<(), StoreError>>),
    /// Finish what was ordered, then end.
    Close,
}

/// Writes until the last sender is gone or told to close. Every transaction that wrote raises `committed`.
pub(super) async fn run(
    mut connection: SqliteConnection,
    mut orders: mpsc::Receiver<Order>,
    clock: Clock,
    committed: watch::Sender<u64>,
) {
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(MAX_BATCH);
    // Something was written, and the log has what stood there before.
    let mut is_written = false;
    loop {
        tokio::select! {
            count = orders.recv_many(&mut batch, MAX_BATCH) => if count == 0 { break },
            _ = sweep.tick() => match swept(&mut connection, millis(clock.now())).await {
                // More is left: go on soon, but let commits between.
                Ok(count) if count == SWEPT_AT_ONCE.unsigned_abs() => {
                    is_written = true;
                    sweep.reset_after(Duration::from_millis(20));
                }
                Ok(count) => {
                    if is_written || count > 0 {
                        is_written = !emptied(&mut connection, EMPTIES_WITHIN).await;
                    }
                }
                Err(error) => tracing::warn!(%error, "expired entries could not be swept: tried again"),
            },
        }
        let mut jobs = Vec::with_capacity(batch.len());
        let mut compactions = Vec::new();
        for order in batch.drain(..) {
            match order {
                Order::Commit(job) => jobs.push(job),
                Order::Compact(reply) => compactions.push(reply),
                Order::Close => orders.close(),
            }
        }
        if !jobs.is_empty() {
            is_written = true;
            answer(&mut connection, jobs, millis(clock.now()), &committed).await;
        }
        for reply in compactions {
            is_written = true;
            drop(reply.send(compacted(&mut connection).await));
        }
    }
    if is_written && !emptied(&mut connection, BUSY_TIMEOUT).await {
        tracing::warn!("the store's log is being read: it still has what was deleted last");
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the store's file was not closed cleanly");
    }
}

async fn answer(connection: &mut SqliteConnection, jobs: Vec<Job>, now: i64, committed: &watch::Sender<u64>) {
    let outcome = apply(connection, &jobs, now).await;
    if outcome.as_ref().is_ok_and(|answers| answers.contains(&Committed::Yes)) {
        committed.send_modify(|count| *count = count.wrapping_add(1));
    }
    // Whoever does not wait for the answer any more does not need it.
    match outcome {
        Ok(answers) => {
            jobs.into_iter().zip(answers).for_each(|(job, answer)| drop(job.reply.send(Ok(answer))));
        }
        Err(failed) => {
            tracing::error!(error = %failed, commits = jobs.len(), "commits failed");
            let mut failed = Some(failed);
            for job in jobs {
                let failure = match failed.take() {
                    Some(first) => error::of_store(first),
                    None => StoreError::Unavailable("a commit of the same transaction failed".into()),
                };
                drop(job.reply.send(Err(failure)));
            }
        }
    }
}

async fn apply(
    connection: &mut SqliteConnection,
    jobs: &[Job],
    now: i64,
) -> Result<Vec<Committed>, sqlx::Error> {
    // A transaction that is dropped on the way is rolled back before the connection does anything else.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let first: i64 = sqlx::query_scalar("SELECT version FROM sequence").fetch_one(&mut *transaction).await?;
    let mut version = first;
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        if !hold(&mut transaction, &job.writes, now).await? {
            answers.push(Committed::Conflict);
            continue;
        }
        for write in &job.writes {
            version += 1;
            put(&mut transaction, write, version).await?;
        }
        answers.push(Committed::Yes);
    }
    if version != first {
        sqlx::query("UPDATE sequence SET version = ?").bind(version).execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM changes WHERE version <= ?")
            .bind(version.saturating_sub(LOGGED))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(answers)
}

async fn hold(connection: &mut SqliteConnection, writes: &[Write], now: i64) -> Result<bool, sqlx::Error> {
    for Write { key, condition, .. } in writes {
        let holds = match condition {
            Condition::Any => true,
            Condition::Absent => version(connection, key, now).await?.is_none(),
            Condition::Version(wanted) => {
                version(connection, key, now).await?.is_some_and(|version| version.cast_unsigned() == *wanted)
            }
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn version(connection: &mut SqliteConnection, key: &Key, now: i64) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT version FROM entries
         WHERE collection = ? AND part = ? AND id = ? AND (expires_at IS NULL OR expires_at > ?)",
    )
    .bind(key.collection.as_bytes())
    .bind(key.partition.as_bytes())
    .bind(key.id.as_bytes())
    .bind(now)
    .fetch_optional(connection)
    .await
}

async fn put(connection: &mut SqliteConnection, write: &Write, version: i64) -> Result<(), sqlx::Error> {
    let (collection, part, id) =
        (write.key.collection.as_bytes(), write.key.partition.as_bytes(), write.key.id.as_bytes());
    match &write.content {
        Some((value, expires_at)) => {
            sqlx::query(
                "INSERT INTO entries (collection, part, id, value, version, expires_at) VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT (collection, part, id) DO UPDATE
                 SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at",
            )
            .bind(collection)
            .bind(part)
            .bind(id)
            .bind(&value[..])
            .bind(version)
            .bind(expires_at.map(millis))
            .execute(&mut *connection)
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM entries WHERE collection = ? AND part = ? AND id = ?")
                .bind(collection)
                .bind(part)
                .bind(id)
                .execute(&mut *connection)
                .await?;
        }
    }
    sqlx::query("INSERT INTO changes (version, collection, part, id) VALUES (?, ?, ?, ?)")
        .bind(version)
        .bind(collection)
        .bind(part)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

async fn swept(connection: &mut SqliteConnection, now: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries WHERE expires_at <= ? LIMIT ?)",
    )
    .bind(now)
    .bind(SWEPT_AT_ONCE)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Writes the log into the file and cuts it to nothing; false if somebody reads from it, or writes, for longer than that.
async fn emptied(connection: &mut SqliteConnection, within: Duration) -> bool {
    // Pragmas take no parameters.
    let wait =
        |within: Duration| sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {}", within.as_millis()));
    let done = async {
        sqlx::raw_sql(wait(within)).execute(&mut *connection).await?;
        let busy: Result<i64, _> =
            sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
        sqlx::raw_sql(wait(BUSY_TIMEOUT)).execute(&mut *connection).await?;
        busy
    };
    match done.await {
        Ok(busy) => busy == 0,
        Err(error) => {
            tracing::warn!(%error, "the store's log could not be emptied: tried again");
            false
        }
    }
}

/// `secure_delete` overwrites what is deleted, not what was left behind when entries moved from page to page: only a new file
/// is without it.
async fn compacted(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::raw_sql("VACUUM").execute(&mut *connection).await.map_err(error::of_store)?;
    if emptied(connection, BUSY_TIMEOUT).await {
        return Ok(());
    }
    Err(StoreError::Unavailable("somebody reads from the file all the time".into()))
}
