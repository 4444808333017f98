//! The thread that writes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::chain::{Checkpoint, CheckpointKey, CheckpointKeyError, CheckpointPublicKey, Head};
use super::super::line::Line;
use super::super::queue::{Batch, Item, Queue};
use super::super::sink::{Acknowledgement, AuditError, count_lost};
use super::file::ChainFile;
use super::{OpenError, Settings, SyncPolicy};

/// How often the clock is looked at while nothing happens.
const TICK: Duration = Duration::from_millis(250);
/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_millis(250);
/// How long outcomes are waited for at the end.
const GRACE: Duration = Duration::from_secs(5);
/// How much is handed to the system at once, unless one record is larger.
const CHUNK: usize = 256 << 10;

pub(super) struct Writer {
    settings: Settings,
    queue: Arc<Queue>,
    file: ChainFile,
    head: Head,
    out: Vec<u8>,
    /// Signed in this chunk, told when it is written.
    signed: Vec<Checkpoint>,
    since_checkpoint: u64,
    last_checkpoint: Instant,
    last_sync: Instant,
    unsynced: bool,
    /// A sync failed: nothing is believed any more.
    broken: bool,
    torn: u64,
}

impl Writer {
    pub(super) fn open(mut settings: Settings, queue: Arc<Queue>) -> Result<Self, OpenError> {
        let (file, head, torn) = ChainFile::open(&settings.path)?;
        if settings.key_beside {
            // The file is locked: of two that begin together, one makes the key.
            settings.key = Some(key_beside(&settings.path)?);
        }
        tracing::info!(
            path = %settings.path.display(),
            key = settings.key.as_ref().map(|key| tracing::field::display(key.public_key())),
            "calls are recorded"
        );
        let now = Instant::now();
        Ok(Self {
            settings,
            queue,
            file,
            head,
            out: Vec::with_capacity(CHUNK * 2),
            signed: Vec::new(),
            since_checkpoint: 0,
            last_checkpoint: now,
            last_sync: now,
            unsynced: false,
            broken: false,
            torn,
        })
    }

    pub(super) fn public_key(&self) -> Option<CheckpointPublicKey> {
        self.settings.key.as_ref().map(CheckpointKey::public_key)
    }

    pub(super) fn run(mut self) {
        let mut spare = Vec::new();
        let mut ends_at = None;
        let (mut opened, mut failing) = (false, false);
        loop {
            let Batch { mut items, mut lost, rooms, closing } =
                self.queue.take(std::mem::take(&mut spare), TICK);
            metrics::gauge!("mcp_auth_audit_queue_depth").set((items.len() + rooms) as f64);
            let was_empty = items.is_empty();
            if self.broken {
                let count = items.len() as u64;
                items.drain(..).for_each(|mut item| item.answer(Err(AuditError::NotWritten)));
                count_lost("jsonl", count);
            } else if let Err(error) = self.write(&mut items, &mut opened, &mut lost) {
                let left = items.len();
                if left > 0 || !failing {
                    tracing::error!(%error, left, "the audit cannot be written: writes are refused");
                }
                items.iter_mut().for_each(|item| item.answer(Err(AuditError::NotWritten)));
                self.queue.set_failing(true);
                failing = true;
                if !self.broken {
                    self.queue.give_back(items, lost);
                    items = Vec::new();
                    std::thread::sleep(AGAIN);
                }
            } else if std::mem::take(&mut failing) {
                self.queue.set_failing(false);
            }
            items.clear();
            spare = items;
            if closing {
                let until = *ends_at.get_or_insert_with(|| Instant::now() + GRACE);
                if (was_empty && rooms == 0) || Instant::now() >= until {
                    break;
                }
                if was_empty {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
        self.end();
    }

    fn end(&mut self) {
        let done =
            if self.since_checkpoint > 0 && !self.broken { self.control(Self::checkpoint) } else { Ok(()) };
        if let Err(error) = done.and_then(|()| self.sync()) {
            tracing::error!(%error, "the end of the audit was not written");
        }
    }

    /// Writes what is there. What was written is no longer in `items` afterwards, also after an error.
    fn write(&mut self, items: &mut Vec<Item>, opened: &mut bool, lost: &mut u64) -> std::io::Result<()> {
        self.file.check_place()?;
        if !*opened {
            self.control(Self::opened)?;
            *opened = true;
        }
        if *lost > 0 {
            self.control(|writer| writer.lost(*lost))?;
            *lost = 0;
        }
        let mut done = 0;
        let mut outcome = Ok(());
        while done < items.len() && outcome.is_ok() {
            let rest = items.get_mut(done..).unwrap_or_default();
            match self.chunk(rest) {
                Ok(count) => done += count,
                Err(error) => outcome = Err(error),
            }
        }
        items.drain(..done);
        outcome?;
        let due = self.settings.interval <= self.last_checkpoint.elapsed();
        if due && self.since_checkpoint > 0 {
            self.control(Self::checkpoint)?;
        }
        if let SyncPolicy::Every(interval) = self.settings.sync
            && self.unsynced
            && self.last_sync.elapsed() >= interval
        {
            self.sync()?;
        }
        Ok(())
    }

    /// Writes the first of `items`, as many as go together, and answers who waits for them.
    fn chunk(&mut self, items: &mut [Item]) -> std::io::Result<usize> {
        let before = (self.head, self.since_checkpoint);
        let mut count = 0;
        let mut need = Acknowledgement::Queued;
        for item in items.iter() {
            self.line(item.json.get(1..).unwrap_or_default());
            need = need.max(item.need);
            count += 1;
            if self.out.len() >= CHUNK {
                break;
            }
        }
        self.flush(before)?;
        let sync = match self.settings.sync {
            SyncPolicy::Writes => need >= Acknowledgement::Written,
            SyncPolicy::Never | SyncPolicy::Every(_) => need == Acknowledgement::Synced,
        };
        if sync {
            self.sync()?;
        }
        metrics::counter!("mcp_auth_audit_written_total").increment(count as u64);
        items.iter_mut().take(count).for_each(|item| item.answer(Ok(())));
        Ok(count)
    }

    /// Lines that are the log's own.
    fn control(&mut self, make: impl FnOnce(&mut Self)) -> std::io::Result<()> {
        let before = (self.head, self.since_checkpoint);
        make(self);
        self.flush(before)
    }

    /// Hands over what is in the buffer; if that fails, the chain is where it was.
    fn flush(&mut self, before: (Head, u64)) -> std::io::Result<()> {
        let written = self.file.append(&self.out);
        self.out.clear();
        let signed = std::mem::take(&mut self.signed);
        if let Err(error) = written {
            (self.head, self.since_checkpoint) = before;
            return Err(error);
        }
        self.unsynced = true;
        signed.iter().for_each(|checkpoint| (self.settings.on_checkpoint)(checkpoint));
        if self.file.length() >= self.settings.rotate_at {
            self.sync()?;
            match self.file.rotate(self.head.seq.saturating_add(1)) {
                Ok(()) => self.believe(self.file.sync_directory())?,
                // The file goes on to grow.
                Err(error) => tracing::error!(%error, "the audit's file could not be put aside"),
            }
        }
        Ok(())
    }

    /// Nothing is believed any more after a sync that failed: the next one would say that all is well.
    fn believe(&mut self, synced: std::io::Result<()>) -> std::io::Result<()> {
        self.broken |= synced.is_err();
        synced
    }

    fn sync(&mut self) -> std::io::Result<()> {
        if self.unsynced {
            self.believe(self.file.sync())?;
            self.unsynced = false;
        }
        self.last_sync = Instant::now();
        Ok(())
    }

    fn line(&mut self, members: &[u8]) {
        self.head.push(&mut self.out, members);
        self.since_checkpoint += 1;
        if self.since_checkpoint >= self.settings.every {
            self.checkpoint();
        }
    }

    fn opened(&mut self) {
        let (now, torn) = (self.settings.clock.now(), self.torn);
        let mut line = Line::with_capacity(64);
        line.object("opened", |line| {
            line.number("time", now.as_millis());
            line.number("torn", torn);
        });
        self.line(line.end().get(1..).unwrap_or_default());
        self.checkpoint();
    }

    fn lost(&mut self, count: u64) {
        let now = self.settings.clock.now();
        let mut line = Line::with_capacity(64);
        line.object("lost", |line| {
            line.number("time", now.as_millis());
            line.number("count", count);
        });
        self.line(line.end().get(1..).unwrap_or_default());
    }

    fn checkpoint(&mut self) {
        let now = self.settings.clock.now();
        (self.since_checkpoint, self.last_checkpoint) = (0, Instant::now());
        let Some(key) = &self.settings.key else { return };
        let members = key.sign(&self.head, now, self.settings.every);
        let start = self.out.len();
        self.head.push(&mut self.out, &members);
        let line = self.out.get(start..).unwrap_or_default();
        let line = String::from_utf8_lossy(line).trim_end().to_owned();
        self.signed.push(Checkpoint { head: self.head, time: now, line });
    }
}

fn key_beside(record: &Path) -> Result<CheckpointKey, OpenError> {
    let path = record.with_extension("key");
    let key = if path == record {
        let error =
            io::Error::new(io::ErrorKind::InvalidInput, "the record has the name that its key would have");
        Err(CheckpointKeyError::File(error))
    } else {
        CheckpointKey::load_or_create(&path)
    };
    key.map_err(|error| OpenError::Key { path, error })
}
