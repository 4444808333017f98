//! The one task that writes.
//!
//! 1. Commits that wait together are applied one after another in one transaction, synced once, then answered.
//! 2. A commit's conditions are all read before its first write: one that does not hold has written nothing, and the
//!    others go on.
//! 3. Where the database fails, the whole transaction is rolled back and each of its commits is told so.

use mcp_auth_core::store::{Committed, Condition, Key, StoreError, Write};
use mcp_auth_core::time::Clock;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Duration, MissedTickBehavior, interval};

use super::{error, millis};

/// How many orders wait at most; more wait outside.
pub(super) const QUEUE: usize = 256;
const MAX_BATCH: usize = 128;
/// How many changes a watch may be behind before it has to read all again.
const LOGGED: i64 = 10_000;
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const SWEPT_AT_ONCE: i64 = 500;

/// A commit that waits for its answer.
pub(super) struct Job {
    pub(super) writes: Vec<Write>,
    pub(super) reply: oneshot::Sender<Result<Committed, StoreError>>,
}

pub(super) enum Order {
    Commit(Job),
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
    loop {
        tokio::select! {
            count = orders.recv_many(&mut batch, MAX_BATCH) => if count == 0 { break },
            _ = sweep.tick() => match swept(&mut connection, millis(clock.now())).await {
                // More is left: go on soon, but let commits between.
                Ok(count) if count == SWEPT_AT_ONCE.unsigned_abs() => sweep.reset_after(Duration::from_millis(20)),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "expired entries could not be swept: tried again"),
            },
        }
        let mut jobs = Vec::with_capacity(batch.len());
        for order in batch.drain(..) {
            match order {
                Order::Commit(job) => jobs.push(job),
                Order::Close => orders.close(),
            }
        }
        if !jobs.is_empty() {
            answer(&mut connection, jobs, millis(clock.now()), &committed).await;
        }
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
