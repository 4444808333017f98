//! A store in one SQLite file.
//!
//! 1. One task writes: commits that wait together become one transaction with one sync ([`writer`]).
//! 2. Reads have connections of their own and wait for no writer.
//! 3. One task follows the log of changes, whoever wrote them, and tells every watch ([`follower`]).
//! 4. Both tasks run on the host's runtime and end with the last handle.

mod builder;
mod error;
mod follower;
mod schema;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mcp_auth_core::store::{Change, Committed, Entry, Key, MAX_VALUE, Store, StoreError, Watch, Write};
use mcp_auth_core::time::{Clock, Timestamp};
use sqlx::SqlitePool;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

pub use builder::SqliteBuilder;
pub use error::OpenError;

use writer::{Job, Order};

const MAX_NAME: usize = 1024;
const MAX_WRITES: usize = 1024;

type Row = (Vec<u8>, Vec<u8>, i64, Option<i64>);

/// A [`Store`] in one SQLite file, to be shared by processes of one machine. Cheap to clone.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    readers: SqlitePool,
    orders: mpsc::Sender<Order>,
    /// The follower holds the other end: every watch ends with it.
    changes: broadcast::WeakSender<Change>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the file at `path`, or makes it, readable by its owner only. Runs tasks on the current tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`]: what is there is never replaced.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(path).open().await
    }

    /// How to open the file at `path`, to be changed before [`SqliteBuilder::open`].
    pub fn builder(path: impl AsRef<Path>) -> SqliteBuilder {
        SqliteBuilder::new(path.as_ref())
    }

    /// Writes the file anew, without any trace of what was deleted before: after somebody's data was erased. It takes as long as
    /// copying the file does, and commits wait for it.
    ///
    /// # Errors
    /// [`StoreError`] if traces may be left: the disk is full, or another process reads all the time.
    pub async fn compact(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Compact(reply)).await?;
        answer.await.map_err(|_| closed())?
    }

    async fn order(&self, order: Order) -> Result<(), StoreError> {
        self.inner.orders.send(order).await.map_err(|_| closed())
    }

    /// Finishes the commits that were begun and closes the file, for every clone: later calls are
    /// [`StoreError::Unavailable`], watches end. Without it, the file is closed some time after the last handle is
    /// dropped; nothing that was acknowledged is lost either way.
    pub async fn close(&self) {
        // A writer that has ended needs no order to.
        drop(self.inner.orders.send(Order::Close).await);
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if task.await.is_err() {
                tracing::error!("a task of the store ended early");
            }
        }
        self.inner.readers.close().await;
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("clock", &self.inner.clock).finish_non_exhaustive()
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store was closed".into())
}

/// Milliseconds as SQLite counts; what is beyond its integers is never.
fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn entry((id, value, version, expires_at): Row) -> Result<Entry, StoreError> {
    let damaged = |why: Box<dyn std::error::Error + Send + Sync>| StoreError::Damaged(why);
    Ok(Entry {
        id: String::from_utf8(id).map_err(|error| damaged(error.utf8_error().into()))?,
        value: value.into(),
        version: u64::try_from(version).map_err(|error| damaged(error.into()))?,
        expires_at: expires_at.map(timestamp),
    })
}

fn check(writes: &[Write]) -> Result<(), StoreError> {
    let Some(first) = writes.first() else { return Ok(()) };
    let is_apart = |Write { key, .. }: &Write| {
        key.collection != first.key.collection || key.partition != first.key.partition
    };
    if writes.iter().any(is_apart) {
        return Err(StoreError::SpansPartitions);
    }
    let is_within = |Write { key, content, .. }: &Write| {
        key.collection.len() <= MAX_NAME
            && key.partition.len() <= MAX_NAME
            && key.id.len() <= MAX_NAME
            && content.as_ref().is_none_or(|(value, _)| value.len() <= MAX_VALUE)
    };
    if writes.len() > MAX_WRITES || !writes.iter().all(is_within) {
        return Err(StoreError::TooLarge);
    }
    Ok(())
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, value, version, expires_at FROM entries
             WHERE collection = ? AND part = ? AND id = ? AND (expires_at IS NULL OR expires_at > ?)",
        )
        .bind(key.collection.as_bytes())
        .bind(key.partition.as_bytes())
        .bind(key.id.as_bytes())
        .bind(millis(self.inner.clock.now()))
        .fetch_optional(&self.inner.readers)
        .await
        .map_err(error::of_store)?;
        row.map(entry).transpose()
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let sql = if after.is_some() {
            "SELECT id, value, version, expires_at FROM entries
             WHERE collection = ? AND part = ? AND id > ? AND (expires_at IS NULL OR expires_at > ?)
             ORDER BY id LIMIT ?"
        } else {
            "SELECT id, value, version, expires_at FROM entries
             WHERE collection = ? AND part = ? AND id >= ? AND (expires_at IS NULL OR expires_at > ?)
             ORDER BY id LIMIT ?"
        };
        let rows: Vec<Row> = sqlx::query_as(sql)
            .bind(collection.as_bytes())
            .bind(partition.as_bytes())
            .bind(after.unwrap_or_default().as_bytes())
            .bind(millis(self.inner.clock.now()))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.inner.readers)
            .await
            .map_err(error::of_store)?;
        rows.into_iter().map(entry).collect()
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        check(&writes)?;
        if writes.is_empty() {
            return Ok(Committed::Yes);
        }
        let (reply, answer) = oneshot::channel();
        self.order(Order::Commit(Job { writes, reply })).await?;
        answer.await.map_err(|_| closed())?
    }

    fn watch(&self) -> Watch {
        let receiver = self.inner.changes.upgrade().map_or_else(
            // Closed: nothing will be told.
            || broadcast::channel(1).1,
            |changes| changes.subscribe(),
        );
        Watch::new(receiver)
    }
}
