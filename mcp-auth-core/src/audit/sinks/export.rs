//! Records in another format, a line for each event, for whoever collects them.
//!
//! 1. Intent and outcome are one line, written when the call has ended; so is a refusal.
//! 2. An export is no record: it acknowledges nothing. Alone it lets nothing run that writes; stand it beside a sink that keeps, as an
//!    optional one of a [`FanOut`](super::FanOut).
//! 3. One thread maps and writes. What finds 16,384 events waiting, rooms of running calls included, or cannot be written is counted as
//!    lost.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::audit::sink::{Acknowledgement, AuditError, AuditSink, Begun, Closing, NoRoom, Room, count_lost};
use crate::audit::{AuditEvent, Record};
use crate::background::{Background, Job};

const WAITING: usize = 16_384;

/// Writes each event as a line of JSON. Cheap to clone.
#[derive(Clone)]
pub struct Export {
    queue: mpsc::Sender<Item>,
    runs: Arc<AtomicBool>,
}

enum Item {
    /// What was begun, and how it ended.
    Call(Record, Record),
    Event(Record),
    /// Everything before this is to be written.
    End(oneshot::Sender<()>),
}

impl Export {
    /// `map` makes of an event what is written to `out`. The [`Background`] writes: spawn it.
    pub fn new<T: Serialize>(
        map: impl Fn(&AuditEvent) -> T + Send + 'static,
        out: impl Write + Send + 'static,
    ) -> (Self, Background) {
        let (queue, items) = mpsc::channel(WAITING);
        let background = Background::new(vec![job(Writer { map, out, failing: false }, items)]);
        (Self { queue, runs: background.running() }, background)
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

struct ExportRoom {
    intent: Record,
    place: mpsc::OwnedPermit<Item>,
}

impl Room for ExportRoom {
    fn finish(self: Box<Self>, outcome: Record) {
        self.place.send(Item::Call(self.intent, outcome));
    }
}

impl AuditSink for Export {
    fn begin(&self, intent: Record, need: Acknowledgement) -> Result<Begun, AuditError> {
        if need > Acknowledgement::Queued {
            return Err(AuditError::NotKept);
        }
        let room: Box<dyn Room> = match self.queue.clone().try_reserve_owned() {
            Ok(place) => Box::new(ExportRoom { intent, place }),
            Err(_) => {
                count_lost("export", 1);
                Box::new(NoRoom)
            }
        };
        Ok(Begun { room, acknowledged: None })
    }

    fn record(&self, event: Record) {
        if self.queue.try_send(Item::Event(event)).is_err() {
            count_lost("export", 1);
        }
    }

    fn close(&self) -> Closing {
        let Self { queue, runs } = self.clone();
        Box::pin(async move {
            let (end, ended) = oneshot::channel();
            if runs.load(Ordering::Acquire) && queue.send(Item::End(end)).await.is_ok() {
                // Who is gone has ended, too.
                ended.await.ok();
            }
        })
    }
}

fn job<M, T, W>(mut writer: Writer<M, W>, mut items: mpsc::Receiver<Item>) -> Job
where
    M: Fn(&AuditEvent) -> T + Send + 'static,
    T: Serialize,
    W: Write + Send + 'static,
{
    Box::pin(async move {
        let (done, wait) = oneshot::channel::<()>();
        let spawned = thread::Builder::new().name("mcp-auth-export".to_owned()).spawn(move || {
            let _done = done;
            while let Some(item) = items.blocking_recv() {
                writer.take(item, items.is_empty());
            }
        });
        match spawned {
            // The sender is dropped when the thread ends.
            Ok(_) => drop(wait.await),
            Err(error) => tracing::error!(%error, "the export's thread could not be started"),
        }
    })
}

struct Writer<M, W> {
    map: M,
    out: W,
    failing: bool,
}

impl<M: Fn(&AuditEvent) -> T, T: Serialize, W: Write> Writer<M, W> {
    fn take(&mut self, item: Item, is_last: bool) {
        let written = match item {
            Item::Call(intent, outcome) => {
                read(&intent).and_then(|intent| self.write(&intent.join(read(&outcome)?)))
            }
            Item::Event(event) => read(&event).and_then(|event| self.write(&event)),
            Item::End(end) => {
                let flushed = self.out.flush();
                // Who stopped waiting does not need it.
                end.send(()).ok();
                flushed
            }
        };
        let written = written.and_then(|()| if is_last { self.out.flush() } else { Ok(()) });
        if let Err(error) = &written {
            count_lost("export", 1);
            if !self.failing {
                tracing::error!(%error, "audit events cannot be exported");
            }
        }
        self.failing = written.is_err();
    }

    fn write(&mut self, event: &AuditEvent) -> io::Result<()> {
        let mut line = serde_json::to_vec(&(self.map)(event))?;
        line.push(b'\n');
        self.out.write_all(&line)
    }
}

fn read(record: &Record) -> io::Result<AuditEvent> {
    Ok(serde_json::from_slice(record.json())?)
}
