//! The one task that tells every watch what changed, whoever changed it.
//!
//! 1. It is woken by each transaction of this process, and asks every 250 ms whether another process wrote:
//!    `PRAGMA data_version` costs no read. Rows are read only where it changed.
//! 2. What the log does not hold any more, or holds too much of, is told as [`Change::Resync`].
//! 3. [`Change::Alive`] is told every second, after the database answered and all was told: a database that does not
//!    answer is silent.

use mcp_auth_core::store::{Change, Key};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{broadcast, watch};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

/// Changes that wait for a watch; one that is further behind has to read all again.
pub(super) const BUFFER: usize = 2048;
const AT_ONCE: i64 = 1000;
const ASK_EVERY: Duration = Duration::from_millis(250);
/// A second, less what an interval may be early.
const ALIVE_EVERY: Duration = Duration::from_millis(990);

/// Version, collection, partition, id.
type Row = (i64, Vec<u8>, Vec<u8>, Vec<u8>);

pub(super) struct Follower {
    connection: SqliteConnection,
    changes: broadcast::Sender<Change>,
    /// What `data_version` was when all was told; the connection never changes it itself.
    data: Option<i64>,
    /// The last version that was told.
    seen: i64,
}

impl Follower {
    /// Follows from now on.
    pub(super) async fn new(
        mut connection: SqliteConnection,
        changes: broadcast::Sender<Change>,
    ) -> Result<Self, sqlx::Error> {
        let seen = sqlx::query_scalar("SELECT version FROM sequence").fetch_one(&mut connection).await?;
        Ok(Self { connection, changes, data: None, seen })
    }

    /// Follows until the writer, who holds the other end of `committed`, has ended.
    pub(super) async fn run(mut self, mut committed: watch::Receiver<u64>) {
        let mut ask = interval(ASK_EVERY);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut alive, mut answers) = (Instant::now(), true);
        loop {
            let has_ended = tokio::select! {
                changed = committed.changed() => changed.is_err(),
                _ = ask.tick() => false,
            };
            match self.tell().await {
                Ok(()) => {
                    answers = true;
                    if alive.elapsed() >= ALIVE_EVERY {
                        self.send(Change::Alive);
                        alive = Instant::now();
                    }
                }
                Err(error) if answers => {
                    answers = false;
                    tracing::error!(%error, "changes of the store cannot be read: tried again");
                }
                Err(_) => {}
            }
            if has_ended {
                break;
            }
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the store's file was not closed cleanly");
        }
    }

    fn send(&self, change: Change) {
        // No receiver is no failure: nobody watches.
        drop(self.changes.send(change));
    }

    async fn tell(&mut self) -> Result<(), sqlx::Error> {
        let data: i64 = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut self.connection).await?;
        if self.data == Some(data) {
            return Ok(());
        }
        let mut transaction = self.connection.begin().await?;
        let last: i64 =
            sqlx::query_scalar("SELECT version FROM sequence").fetch_one(&mut *transaction).await?;
        let behind = last.saturating_sub(self.seen);
        let mut rows: Vec<Row> = Vec::new();
        // Who begins to watch after this was asked needs only what comes after `last`, read before.
        let is_watched = self.changes.receiver_count() > 0;
        if is_watched && (1..=AT_ONCE).contains(&behind) {
            rows = sqlx::query_as(
                "SELECT version, collection, part, id FROM changes WHERE version > ? ORDER BY version",
            )
            .bind(self.seen)
            .fetch_all(&mut *transaction)
            .await?;
        }
        transaction.rollback().await?;
        if is_watched && behind != 0 {
            let told: Option<Vec<_>> = rows.into_iter().map(change).collect();
            match told {
                // Each version is one row: as many as it is behind, or some are gone.
                Some(told) if i64::try_from(told.len()) == Ok(behind) => {
                    told.into_iter().for_each(|change| self.send(change));
                }
                _ => self.send(Change::Resync),
            }
        }
        (self.seen, self.data) = (last, Some(data));
        Ok(())
    }
}

fn change((version, collection, part, id): Row) -> Option<Change> {
    let text = |bytes| String::from_utf8(bytes).ok();
    let key = Key::new(text(collection)?, text(part)?, text(id)?);
    Some(Change::Changed { key, version: u64::try_from(version).ok()? })
}
