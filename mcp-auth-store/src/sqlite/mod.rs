//! [`Store`] in one SQLite file.
//!
//! 1. One task writes. What comes while it writes is gathered and committed together, and acknowledged once it is on disk
//!    (WAL, `synchronous=FULL`).
//! 2. Reads go through connections of their own and see what was acknowledged.
//! 3. Each write takes the next number of one sequence in the file: it is the entry's version, and its place in the log of
//!    changes. Numbers are never used again.
//! 4. A watch tells this process's changes at once. Those of others are looked for every 250 ms by `PRAGMA data_version`; rows
//!    are read only when it moved. Where the log was trimmed before it was read, the watch yields `Resync`.
//! 5. An entry that has expired by the store's clock is not there; it is deleted five minutes later.

mod open;
mod read;
mod schema;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use mcp_auth_core::store::{Committed, Entry, Key, MAX_VALUE, Store, StoreError, Watch, Write};
use mcp_auth_core::time::{Clock, Timestamp};
use sqlx::SqlitePool;
use tokio::sync::{broadcast, mpsc, oneshot};

pub use open::{OpenError, SqliteStoreBuilder};
use writer::{Job, Request};

/// A store in one SQLite file. Cheap to clone; clones are the same store. Several processes may open the same file.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    readers: SqlitePool,
    writer: mpsc::Sender<Request>,
    /// Held by the writer too; when it has ended, watches end.
    changes: broadcast::WeakSender<mcp_auth_core::store::Change>,
    clock: Clock,
}

impl SqliteStore {
    /// Opens the file at `path`, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// [`OpenError`] if it is not a store, or cannot be opened.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(path).open().await
    }

    /// Opens the file at `path` with choices.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder::new(path.as_ref().to_owned())
    }

    /// Commits what is under way and closes the file; from then on the store does not answer.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        // If the writer has gone already, there is nothing to wait for.
        if self.inner.writer.send(Request::Close(done)).await.is_ok() {
            drop(closed.await);
        }
        self.inner.readers.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        read::get(&self.inner.readers, key, self.inner.clock.now()).await
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let now = self.inner.clock.now();
        read::scan(&self.inner.readers, (collection, partition), after, limit, now).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        if let [first, rest @ ..] = writes.as_slice() {
            let same = |write: &Write| {
                write.key.collection == first.key.collection && write.key.partition == first.key.partition
            };
            if !rest.iter().all(same) {
                return Err(StoreError::SpansPartitions);
            }
        }
        if writes.iter().filter_map(|write| write.content.as_ref()).any(|(value, _)| value.len() > MAX_VALUE)
        {
            return Err(StoreError::TooLarge);
        }
        let (reply, committed) = oneshot::channel();
        let gone = || StoreError::Unavailable("the store is closed".into());
        let sent = self.inner.writer.send(Request::Commit(Job { writes, reply })).await;
        sent.map_err(|_| gone())?;
        committed.await.map_err(|_| gone())?
    }

    fn watch(&self) -> Watch {
        match self.inner.changes.upgrade() {
            Some(changes) => Watch::new(changes.subscribe()),
            // A closed store has no changes: the watch ends at once.
            None => Watch::new(broadcast::channel(1).1),
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// A moment as the file holds it: milliseconds, at most those of an `i64`.
fn to_column(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn from_column(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn to_version(version: i64) -> u64 {
    u64::try_from(version).unwrap_or(0)
}
