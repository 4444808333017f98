//! The one task that writes.

use std::time::Duration;

use mcp_auth_core::store::{Change, Committed, Condition, Key, StoreError, Write};
use mcp_auth_core::time::{Clock, Timestamp};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::{to_column, to_version};

/// The most commits that share one transaction.
const GROUP: usize = 256;
const POLL: Duration = Duration::from_millis(250);
const ALIVE: Duration = Duration::from_secs(1);
const TIDY: Duration = Duration::from_secs(30);
/// How long an expired entry is kept: another process's clock may be behind.
const GRACE: Duration = Duration::from_secs(300);
/// How many changes the log keeps for other processes to read.
const LOG: i64 = 20_000;
const PAGE: i64 = 1000;

const VERSION: &str = "SELECT version FROM entries
    WHERE collection = ? AND partition = ? AND id = ? AND (expires_at IS NULL OR expires_at > ?)";
const LOGGED: &str = "INSERT INTO changes (collection, partition, id) VALUES (?, ?, ?) RETURNING version";
const PUT: &str = "INSERT OR REPLACE INTO entries (collection, partition, id, value, version, expires_at)
    VALUES (?, ?, ?, ?, ?, ?)";
const DELETE: &str = "DELETE FROM entries WHERE collection = ? AND partition = ? AND id = ?";
const NEWEST: &str = "SELECT seq FROM sqlite_sequence WHERE name = 'changes'";
const OLDEST: &str = "SELECT min(version) FROM changes";
const CHANGES: &str = "SELECT version, collection, partition, id FROM changes
    WHERE version > ? ORDER BY version LIMIT ?";
const TRIM: &str = "DELETE FROM changes WHERE version <= ?";
const SWEEP: &str = "DELETE FROM entries WHERE (collection, partition, id) IN
    (SELECT collection, partition, id FROM entries WHERE expires_at <= ? LIMIT ?)";

/// What the writer is asked for.
pub(super) enum Request {
    Commit(Job),
    Close(oneshot::Sender<()>),
}

/// One commit, and who waits for it.
pub(super) struct Job {
    pub(super) writes: Vec<Write>,
    pub(super) reply: oneshot::Sender<Result<Committed, StoreError>>,
}

pub(super) struct Writer {
    connection: SqliteConnection,
    changes: broadcast::Sender<Change>,
    clock: Clock,
    /// Up to here the changes were told.
    told: i64,
    data_version: i64,
}

impl Writer {
    pub(super) async fn new(
        mut connection: SqliteConnection,
        changes: broadcast::Sender<Change>,
        clock: Clock,
    ) -> Result<Self, sqlx::Error> {
        let data_version = data_version(&mut connection).await?;
        let told = newest(&mut connection).await?;
        Ok(Self { connection, changes, clock, told, data_version })
    }

    /// Runs until it is asked to close, or nobody is left to ask.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut alive_at, mut tidy_at) = (Instant::now(), Instant::now() + TIDY);
        let closed = loop {
            tokio::select! {
                request = requests.recv() => {
                    let mut jobs = Vec::new();
                    let mut next = request;
                    let closed = loop {
                        match next {
                            Some(Request::Commit(job)) => jobs.push(job),
                            Some(Request::Close(done)) => break Some(Some(done)),
                            None => break (jobs.is_empty()).then_some(None),
                        }
                        if jobs.len() >= GROUP {
                            break None;
                        }
                        next = requests.try_recv().ok();
                    };
                    self.commit(jobs).await;
                    if let Some(done) = closed {
                        break done;
                    }
                }
                _ = poll.tick() => {
                    let now = Instant::now();
                    match self.look_for_changes().await {
                        Ok(()) if now >= alive_at => {
                            self.tell(Change::Alive);
                            alive_at = now + ALIVE;
                        }
                        Ok(()) => {}
                        Err(error) => tracing::error!(%error, "the store's file cannot be read"),
                    }
                    if now >= tidy_at {
                        tidy_at = now + TIDY;
                        if let Err(error) = self.tidy().await {
                            tracing::warn!(%error, "expired entries could not be deleted: tried again later");
                        }
                    }
                }
            }
        };
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the store's file was not closed in order");
        }
        if let Some(done) = closed {
            // Whoever asked may have gone.
            _ = done.send(());
        }
    }

    /// Applies commits in one transaction, and answers each once it is on disk.
    async fn commit(&mut self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let (all, replies): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.writes, job.reply)).unzip();
        let answers: Vec<_> = match apply_all(&mut self.connection, all, self.clock.now()).await {
            Ok((written, committed)) => {
                // Told before it is answered: who writes finds it in a watch of its own.
                self.tell_own(written).await;
                committed.into_iter().map(Ok).collect()
            }
            Err(error) => {
                tracing::error!(%error, "the store's file cannot be written");
                let failed = |_| Err(StoreError::Unavailable(error.to_string().into()));
                replies.iter().map(failed).collect()
            }
        };
        for (reply, answer) in replies.into_iter().zip(answers) {
            // A caller that has gone has no use for the answer; what it asked for is done.
            drop(reply.send(answer));
        }
    }

    /// Tells what this process wrote; if others wrote in between, what they wrote comes first.
    async fn tell_own(&mut self, written: Vec<(i64, Key)>) {
        let follows = written.first().is_none_or(|(version, _)| *version == self.told + 1);
        if !follows {
            if let Err(error) = self.read_changes().await {
                tracing::error!(%error, "changes of the store could not be read");
                self.tell(Change::Resync);
            }
            return;
        }
        for (version, key) in written {
            self.told = version;
            self.tell(Change::Changed { key, version: to_version(version) });
        }
    }

    /// Reads what other processes wrote, if they wrote anything.
    async fn look_for_changes(&mut self) -> Result<(), sqlx::Error> {
        let data_version = data_version(&mut self.connection).await?;
        if data_version != self.data_version {
            self.read_changes().await?;
            self.data_version = data_version;
        }
        Ok(())
    }

    async fn read_changes(&mut self) -> Result<(), sqlx::Error> {
        let oldest: Option<i64> = sqlx::query_scalar(OLDEST).fetch_one(&mut self.connection).await?;
        let newest = newest(&mut self.connection).await?;
        if newest > self.told && oldest.is_none_or(|oldest| oldest > self.told + 1) {
            self.told = newest;
            self.tell(Change::Resync);
            return Ok(());
        }
        loop {
            let rows: Vec<(i64, String, String, String)> =
                sqlx::query_as(CHANGES).bind(self.told).bind(PAGE).fetch_all(&mut self.connection).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for (version, collection, partition, id) in rows {
                self.told = version;
                let key = Key::new(collection, partition, id);
                self.tell(Change::Changed { key, version: to_version(version) });
            }
        }
    }

    /// Deletes what has expired and what no process has to read any more.
    async fn tidy(&mut self) -> Result<(), sqlx::Error> {
        let before = to_column(self.clock.now().minus(GRACE));
        sqlx::query(SWEEP).bind(before).bind(PAGE).execute(&mut self.connection).await?;
        let newest = newest(&mut self.connection).await?;
        sqlx::query(TRIM).bind(newest - LOG).execute(&mut self.connection).await?;
        Ok(())
    }

    fn tell(&self, change: Change) {
        // Without a receiver nobody watches.
        drop(self.changes.send(change));
    }
}

/// All commits in one transaction: what was written, with its versions, and how each commit ended.
async fn apply_all(
    connection: &mut SqliteConnection,
    all: Vec<Vec<Write>>,
    now: Timestamp,
) -> Result<(Vec<(i64, Key)>, Vec<Committed>), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (mut written, mut committed) = (Vec::new(), Vec::new());
    for writes in all {
        // Nobody else writes until the end, so what is checked first still holds when it is written.
        if !holds(&mut transaction, &writes, now).await? {
            committed.push(Committed::Conflict);
            continue;
        }
        for write in writes {
            let Write { key, content, .. } = write;
            let version: i64 = sqlx::query_scalar(LOGGED)
                .bind(&*key.collection)
                .bind(&key.partition)
                .bind(&key.id)
                .fetch_one(&mut *transaction)
                .await?;
            let query = match content {
                Some((value, expires_at)) => sqlx::query(PUT)
                    .bind(key.collection.to_string())
                    .bind(key.partition.clone())
                    .bind(key.id.clone())
                    .bind(value.to_vec())
                    .bind(version)
                    .bind(expires_at.map(to_column)),
                None => sqlx::query(DELETE)
                    .bind(key.collection.to_string())
                    .bind(key.partition.clone())
                    .bind(key.id.clone()),
            };
            query.execute(&mut *transaction).await?;
            written.push((version, key));
        }
        committed.push(Committed::Yes);
    }
    transaction.commit().await?;
    Ok((written, committed))
}

/// True if every write's condition holds.
async fn holds(
    connection: &mut SqliteConnection,
    writes: &[Write],
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    for write in writes {
        if write.condition == Condition::Any {
            continue;
        }
        let version: Option<i64> = sqlx::query_scalar(VERSION)
            .bind(&*write.key.collection)
            .bind(&write.key.partition)
            .bind(&write.key.id)
            .bind(to_column(now))
            .fetch_optional(&mut *connection)
            .await?;
        let holds = match write.condition {
            Condition::Absent => version.is_none(),
            Condition::Version(wanted) => version.map(to_version) == Some(wanted),
            Condition::Any => true,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Moves when another connection has written.
async fn data_version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await
}

/// The number of the newest change, 0 before the first.
async fn newest(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    Ok(sqlx::query_scalar(NEWEST).fetch_optional(connection).await?.unwrap_or(0))
}
