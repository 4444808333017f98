//! The record on disk: JSON lines in a chain, written by one thread.
//!
//! 1. New files are `0600`. One process writes a file at a time: a second one is refused.
//! 2. `Written` is said after the operating system has the line, `Synced` after the disk has it. [`SyncPolicy`] says when
//!    the disk is asked beyond that; records that wait together share one sync.
//! 3. A write that fails is taken back whole and tried again; meanwhile writes are refused. A sync that fails is never
//!    believed again: nothing that writes runs until a restart.
//!    A file that was moved or deleted is not written: writes are refused until it is back.
//! 4. A file that has grown to its bound is put aside under its first record's number; the chain goes on in the next.
//! 5. Each start is a line (`opened`), so is a loss (`lost`), and so is a checkpoint.
//!
//! ```
//! use mcp_auth_core::audit::{Audit, Effect, Intent, JsonLines, Outcome};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let directory = std::env::temp_dir().join(format!("mcp-auth-jsonl-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! // `audit.jsonl`, and the key that signs its checkpoints in `audit.key`; both are made the first time.
//! let (lines, background) = JsonLines::builder(directory.join("audit.jsonl")).key_beside().open()?;
//! tokio::spawn(background);
//! let public = lines.public_key().expect("there is a key"); // for `mcp-auth audit verify --public-key`
//! let audit = Audit::new(lines);
//! let intent = Intent { target: Some("delete_task"), effect: Effect::Destructive, ..Intent::default() };
//! audit.begin(&intent).await?.finish(&Outcome::succeeded());
//! audit.close().await; // at the end
//! # let record = std::fs::read_to_string(directory.join("audit.jsonl"))?;
//! # assert!(record.contains(&public.id()) && record.contains("delete_task"), "{record}");
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod file;
mod writer;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::Record;
use super::chain::{Checkpoint, CheckpointKey, CheckpointKeyError, CheckpointPublicKey};
use super::queue::{Bounds, Overflow, Queue};
use super::sink::{Acknowledged, Acknowledgement, AuditError, AuditSink, Begun, Closing};
use crate::background::{Background, Job};
use crate::time::Clock;
use writer::Writer;

/// When the disk is asked to keep what was written, beyond what `Synced` demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// When the operating system likes. Survives a killed process, not a power cut.
    Never,
    /// At least so often.
    Every(Duration),
    /// Before any write's intent is acknowledged; those that wait together share one sync.
    Writes,
}

/// Why the file was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be read or made.
    #[error("{} cannot be opened: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process writes it.
    #[error("{} is written by another process", .path.display())]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// Its last line is not one of ours: the chain cannot be gone on with.
    #[error("the last line of {} is not part of a chain", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// There is no key beside it, and none can be made.
    #[error("{}: {error}", .path.display())]
    Key {
        /// Where the key should be.
        path: PathBuf,
        /// Why.
        error: CheckpointKeyError,
    },
}

/// Keeps records in a file. Cheap to clone.
#[derive(Clone)]
pub struct JsonLines {
    queue: Arc<Queue>,
    life: watch::Receiver<Life>,
    key: Option<CheckpointPublicKey>,
}

/// A disk that hangs does not keep a service from ending.
const CLOSES_WITHIN: Duration = Duration::from_secs(10);

/// Of the thread that writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Unborn,
    Running,
    Ended,
}

/// Opens a [`JsonLines`].
#[must_use = "`open` opens the file"]
pub struct JsonLinesBuilder {
    settings: Settings,
    bounds: Bounds,
}

pub(super) type OnCheckpoint = Box<dyn Fn(&Checkpoint) + Send>;

pub(super) struct Settings {
    path: PathBuf,
    sync: SyncPolicy,
    rotate_at: u64,
    key: Option<CheckpointKey>,
    key_beside: bool,
    every: u64,
    interval: Duration,
    on_checkpoint: OnCheckpoint,
    clock: Clock,
}

impl JsonLines {
    /// Records go to the file at `path`.
    pub fn builder(path: impl Into<PathBuf>) -> JsonLinesBuilder {
        let settings = Settings {
            path: path.into(),
            sync: SyncPolicy::Every(Duration::from_secs(1)),
            rotate_at: 1 << 30,
            key: None,
            key_beside: false,
            every: 1000,
            interval: Duration::from_secs(60),
            on_checkpoint: Box::new(|_| {}),
            clock: Clock::system(),
        };
        let bounds = Bounds { records: 65_536, bytes: 64 << 20, overflow: Overflow::default() };
        JsonLinesBuilder { settings, bounds }
    }

    /// What checks the checkpoints; `None` if none are signed.
    #[must_use]
    pub fn public_key(&self) -> Option<CheckpointPublicKey> {
        self.key
    }

    /// How many records wait, rooms for outcomes included.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.queue.depth()
    }

    /// Takes no more intents, waits five seconds for the outcomes of calls under way, writes and syncs everything; gives
    /// up after ten. Ends at once if the [`Background`] never ran.
    pub async fn close(&self) {
        self.queue.close();
        let mut life = self.life.clone();
        // Whoever is gone has ended, too.
        let ended = life.wait_for(|life| *life != Life::Running);
        if tokio::time::timeout(CLOSES_WITHIN, ended).await.is_err() {
            tracing::error!("the audit could not be written to its end in time");
        }
    }
}

impl JsonLinesBuilder {
    /// When the disk is asked; every second unless told.
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.settings.sync = policy;
        self
    }

    /// Puts a file aside when it has so many bytes; 1 GiB unless told.
    pub fn rotate_at(mut self, bytes: u64) -> Self {
        self.settings.rotate_at = bytes.max(1);
        self
    }

    /// Signs checkpoints.
    pub fn checkpoints(mut self, key: CheckpointKey) -> Self {
        self.settings.key = Some(key);
        self.settings.key_beside = false;
        self
    }

    /// Signs checkpoints with the key in a file beside the record, `audit.key` beside `audit.jsonl`; a new key, `0600`,
    /// the first time. Whoever may write both can make the record anew: keep a head elsewhere
    /// ([`on_checkpoint`](Self::on_checkpoint)), or the key ([`checkpoints`](Self::checkpoints)).
    pub fn key_beside(mut self) -> Self {
        self.settings.key = None;
        self.settings.key_beside = true;
        self
    }

    /// Signs one after so many records, or so long after a record; 1000 and a minute unless told.
    pub fn checkpoint_every(mut self, records: u64, interval: Duration) -> Self {
        self.settings.every = records.max(1);
        self.settings.interval = interval;
        self
    }

    /// Is told each checkpoint that was written, to keep it elsewhere. Runs on the writer's thread: hand it on.
    pub fn on_checkpoint(mut self, tell: impl Fn(&Checkpoint) + Send + 'static) -> Self {
        self.settings.on_checkpoint = Box::new(tell);
        self
    }

    /// How many records, rooms for outcomes included, and bytes may wait; 65,536 and 64 MiB unless told.
    pub fn queue(mut self, records: usize, bytes: usize) -> Self {
        self.bounds.records = records.max(2);
        self.bounds.bytes = bytes;
        self
    }

    /// What happens to reads that find the queue full.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.bounds.overflow = overflow;
        self
    }

    /// Reads the time here.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Opens or makes the file and goes on with its chain. The [`Background`] writes: spawn it.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be written, another process writes it, it is none of ours, or its key is missing.
    pub fn open(self) -> Result<(JsonLines, Background), OpenError> {
        let queue = Queue::new(self.bounds);
        let writer = Writer::open(self.settings, Arc::clone(&queue))?;
        let key = writer.public_key();
        let (tell, life) = watch::channel(Life::Unborn);
        let ends = Ends { queue: Arc::clone(&queue), tell: Some(tell) };
        Ok((JsonLines { queue, life, key }, Background::new(vec![job(writer, ends)])))
    }
}

/// Closes the queue when the job is dropped; if the writer never ran, ends it, too.
struct Ends {
    queue: Arc<Queue>,
    tell: Option<watch::Sender<Life>>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(tell) = self.tell.take() {
            self.queue.end();
            tell.send_replace(Life::Ended);
        }
    }
}

fn job(writer: Writer, mut ends: Ends) -> Job {
    Box::pin(async move {
        let Some(tell) = ends.tell.take() else { return };
        tell.send_replace(Life::Running);
        let (done, wait) = oneshot::channel::<()>();
        let queue = Arc::clone(&ends.queue);
        let thread = Ends { queue: Arc::clone(&queue), tell: Some(tell) };
        let spawned = thread::Builder::new().name("mcp-auth-audit".to_owned()).spawn(move || {
            // Dropped last, whatever happens inside.
            let _thread = thread;
            let _done = done;
            writer.run();
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "the audit's thread could not be started");
            return;
        }
        // The sender is dropped when the thread ends.
        wait.await.ok();
        drop(ends);
    })
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").field("depth", &self.depth()).finish_non_exhaustive()
    }
}

impl fmt::Debug for JsonLinesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLinesBuilder").field("path", &self.settings.path).finish_non_exhaustive()
    }
}

impl AuditSink for JsonLines {
    fn begin(&self, intent: Record, need: Acknowledgement) -> Result<Begun, AuditError> {
        if need == Acknowledgement::Queued {
            return Ok(Begun { room: self.queue.begin(intent, need, None)?, acknowledged: None });
        }
        let (sender, receiver) = oneshot::channel();
        let room = self.queue.begin(intent, need, Some(sender))?;
        let told = async { receiver.await.unwrap_or(Err(AuditError::NotRunning)) };
        Ok(Begun { room, acknowledged: Some(Box::pin(told) as Acknowledged) })
    }

    fn record(&self, event: Record) {
        self.queue.record(event);
    }

    fn close(&self) -> Closing {
        let lines = self.clone();
        Box::pin(async move { Self::close(&lines).await })
    }
}
