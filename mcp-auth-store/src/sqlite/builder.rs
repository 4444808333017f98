//! Opening the file.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_auth_core::time::Clock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, watch};

use super::follower::{self, Follower};
use super::{Inner, OpenError, SqliteStore, error, schema, writer};

/// How long a lock of another process is waited for.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const OPEN_ATTEMPTS: u32 = 20;
const READ_CONNECTIONS: u32 = 4;

/// How a [`SqliteStore`] is opened.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteBuilder {
    path: PathBuf,
    clock: Clock,
    read_connections: u32,
}

impl SqliteBuilder {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), clock: Clock::system(), read_connections: READ_CONNECTIONS }
    }

    /// The clock by which entries expire; the system's if not set.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How many reads go on at the same time, each on a thread of its own: 1 to 64, 4 if not set.
    pub fn read_connections(mut self, count: u32) -> Self {
        self.read_connections = count.clamp(1, 64);
        self
    }

    /// Opens the file, or makes it, and brings it to the newest schema.
    ///
    /// # Errors
    /// [`OpenError`]: what is there is never replaced.
    pub async fn open(self) -> Result<SqliteStore, OpenError> {
        let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        create(&self.path).map_err(OpenError::File)?;
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("trusted_schema", "OFF")
            .pragma("secure_delete", "ON")
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        // Looked at before anything, and be it the journal's mode, is set in it.
        let mut looking = connect(&options).await?;
        schema::inspect(&mut looking).await?;
        looking.close().await?;
        let mut writing = connect(&options.clone().journal_mode(SqliteJournalMode::Wal)).await?;
        schema::migrate(&mut writing).await?;
        let reading = options.pragma("query_only", "ON");
        let readers = SqlitePoolOptions::new()
            .max_connections(self.read_connections)
            .min_connections(1)
            .acquire_timeout(BUSY_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(reading.clone())
            .await?;
        let changes = broadcast::Sender::new(follower::BUFFER);
        let weak = changes.downgrade();
        let follower = Follower::new(connect(&reading).await?, changes).await?;
        let (orders, ordered) = mpsc::channel(writer::QUEUE);
        let (committed, follows) = watch::channel(0);
        let tasks = vec![
            runtime.spawn(writer::run(writing, ordered, self.clock.clone(), committed)),
            runtime.spawn(follower.run(follows)),
        ];
        let inner = Inner { clock: self.clock, readers, orders, changes: weak, tasks: Mutex::new(tasks) };
        Ok(SqliteStore { inner: Arc::new(inner) })
    }
}

/// A new file is readable by its owner only; so are the two that SQLite makes beside it.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Two processes that open a new file at once are in each other's way for a moment, which no timeout covers.
async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    let mut attempt = 0;
    loop {
        match options.connect().await {
            Err(error) if error::is_busy(&error) && attempt < OPEN_ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            connected => return connected,
        }
    }
}
