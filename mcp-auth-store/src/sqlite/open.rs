//! Opening the file.

use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::time::Clock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::{broadcast, mpsc};

use super::writer::Writer;
use super::{Inner, SqliteStore, schema};

/// How long a process waits for another that writes.
const BUSY: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
/// Commits that wait for the writer; more wait for a place.
const QUEUE: usize = 1024;
/// Changes that a watch may fall behind before it has to scan again.
const WATCH_BUFFER: usize = 4096;

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be made or read.
    #[error("the file {path} cannot be opened: check its directory and its owner")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// SQLite cannot work with it: damaged, no database, or locked for too long.
    #[error("SQLite cannot open the file")]
    Sqlite(#[from] sqlx::Error),
    /// A SQLite file of another program.
    #[error("the file belongs to another program: name another one")]
    Foreign,
    /// Written by a newer release.
    #[error("the file was written by a newer release (schema {found}, known {known}): upgrade this program")]
    Newer {
        /// The file's schema.
        found: i64,
        /// The newest that is known here.
        known: usize,
    },
}

/// Opens a [`SqliteStore`]; see each setting for its default.
#[derive(Clone, Debug)]
#[must_use = "a store is opened by `open`"]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    clock: Clock,
    readers: u32,
}

impl SqliteStoreBuilder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, clock: Clock::system(), readers: READERS }
    }

    /// The clock by which entries expire. The system's by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How many connections read at the same time. 4 by default, at least one.
    pub fn read_connections(mut self, connections: u32) -> Self {
        self.readers = connections.max(1);
        self
    }

    /// Opens the file, or makes it, readable by its owner only; brings its tables up to date. Has to be called on a tokio
    /// runtime, where its writer runs until the last clone is dropped.
    ///
    /// # Errors
    /// [`OpenError`] if it is not a store, or cannot be opened.
    pub async fn open(self) -> Result<SqliteStore, OpenError> {
        // SQLite gives its other files the mode of this one.
        create_private(&self.path).map_err(|source| OpenError::File { path: self.path.clone(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let mut connection: SqliteConnection = options.connect().await?;
        schema::migrate(&mut connection).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(self.readers)
            .acquire_timeout(BUSY)
            .connect_with(options.read_only(true))
            .await?;
        let (writer, requests) = mpsc::channel(QUEUE);
        let changes = broadcast::Sender::new(WATCH_BUFFER);
        let weak = changes.downgrade();
        let task = Writer::new(connection, changes, self.clock.clone()).await?;
        tokio::spawn(task.run(requests));
        Ok(SqliteStore { inner: Arc::new(Inner { readers, writer, changes: weak, clock: self.clock }) })
    }
}

fn create_private(path: &std::path::Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600);
        let mode = options.open(path)?.metadata()?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "others may read the store's file: run chmod 600 on it");
        }
    }
    #[cfg(not(unix))]
    options.open(path)?;
    Ok(())
}
