//! The service: workspaces with projects, boards, tasks, comments and time entries, in one SQLite file.
//!
//! 1. Everything is reached through a [`Workspace`], and there is no way to one but [`Domain::workspace_of`] a subject. Every
//!    statement names the workspace; the schema's references lead through it, too.
//! 2. What belongs to another workspace is answered exactly as what does not exist.
//! 3. A change is one transaction, with the note of who made it and of the states before and after: after a crash all of it
//!    is there, or nothing.
//! 4. A task has a version that grows with every change, comment and time entry. Who says which version was read is refused if it is no longer so.
//! 5. Text is text: bounded, bound as a parameter, and never read as SQL or markup.

mod boards;
mod change;
mod comments;
mod due;
mod error;
mod history;
mod id;
mod page;
mod patch;
mod plan;
mod projects;
mod schema;
mod seed;
mod tasks;
mod text;
mod timer;
mod types;
mod undo;
mod workspace;

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use mcp_auth_core::time::Clock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlitePool};

pub use boards::{BoardDetails, Column};
pub use change::{NewTask, TaskPatch};
pub use due::{DueFilter, DueFilterError};
pub use error::DomainError;
pub use history::{Change, ChangeFilter, Difference, Kind, Resource, States, differences};
pub use id::{Id, IdError};
pub use page::{Page, PageRequest};
pub use patch::Patch;
pub use plan::Planned;
pub use projects::{Member, ProjectCounts, ProjectDetails, ProjectSettings};
pub use schema::OpenError;
pub use tasks::TaskFilter;
pub use timer::{Stopped, Tracking};
pub use types::{Board, Comment, Date, DateError, Priority, Project, Status, Task};
pub use workspace::{Actor, Workspace};

const CONNECTIONS: u32 = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The service's data. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Domain {
    pool: SqlitePool,
    clock: Clock,
}

impl Domain {
    /// Opens the file, or makes it, and brings it to the newest schema.
    ///
    /// # Errors
    /// [`OpenError`]: what is there is never replaced.
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        create(path).map_err(OpenError::File)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .pragma("trusted_schema", "OFF")
            .synchronous(SqliteSynchronous::Full);
        // Looked at before anything, and be it the journal's mode, is set in it.
        let mut first = options.connect().await?;
        schema::migrate(&mut first).await?;
        first.close().await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options.journal_mode(SqliteJournalMode::Wal))
            .await?;
        Ok(Self { pool, clock })
    }

    /// Waits for what is under way, and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
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
