//! Events from lines: intent and outcome put together, one pass, bounded memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::PathBuf;

use mcp_auth_core::audit::chain::{Verify, VerifyError};
use mcp_auth_core::audit::{AuditEvent, EventId, LogLine, LogLines, OutcomeKind, RecordKind};

use super::personal::Revealer;
use super::{Log, READABLE};
use crate::failure::Failure;

/// More intents are not waited for; the oldest are shown as they are.
const MOST_OPEN: usize = 100_000;
const TOLD_EVERY: u64 = 100_000;

/// Puts parts together.
#[derive(Default)]
pub(super) struct Joiner {
    open: HashMap<EventId, AuditEvent>,
    /// Records that the log says are lost.
    pub(super) lost: u64,
    pub(super) unreadable: u64,
}

impl Joiner {
    /// Takes a line in; gives out the events that are complete with it.
    pub(super) fn take(
        &mut self,
        line: LogLine,
        give: &mut impl FnMut(&AuditEvent) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        match line {
            LogLine::Event(event) => match event.record {
                RecordKind::Event => return give(&event),
                RecordKind::Intent => {
                    if self.open.len() >= MOST_OPEN && !self.give_open(OutcomeKind::Allowed, give)? {
                        return Ok(false);
                    }
                    self.open.insert(event.id, *event);
                }
                RecordKind::Outcome => {
                    return match self.open.remove(&event.id) {
                        Some(intent) => give(&intent.join(*event)),
                        // Its intent was lost, or is in a file that is not here.
                        None => give(&event),
                    };
                }
            },
            // The process before ended without saying what became of them.
            LogLine::Opened { .. } => return self.give_open(OutcomeKind::Cut, give),
            LogLine::Lost { count, .. } => self.lost += count,
            LogLine::Unreadable => self.unreadable += 1,
            _ => {}
        }
        Ok(true)
    }

    /// Gives out what has no outcome, in the order of its beginning.
    pub(super) fn give_open(
        &mut self,
        outcome: OutcomeKind,
        give: &mut impl FnMut(&AuditEvent) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        let mut open: Vec<_> = self.open.drain().map(|(_, event)| event).collect();
        open.sort_by_key(|event| event.id);
        for mut event in open {
            event.outcome = Some(outcome);
            if !give(&event)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What is read: all files in their order, each line once.
pub(super) struct Reading {
    files: Box<dyn Iterator<Item = Result<(PathBuf, File), VerifyError>>>,
    current: Option<(PathBuf, LogLines<BufReader<File>>)>,
    reveal: Revealer,
    count: u64,
    pub(super) joiner: Joiner,
}

impl Reading {
    pub(super) fn new(log: Log) -> Self {
        let files = Box::new(Verify::log_files(&log.path));
        Self { files, current: None, reveal: log.reveal, count: 0, joiner: Joiner::default() }
    }

    /// Reads on to what is the end now; calls `give` with each event until it says that it has enough.
    pub(super) async fn on(
        &mut self,
        give: &mut impl FnMut(&AuditEvent) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        loop {
            let next = self.files.next();
            // If another follows, nothing comes any more into the one that was read: this is its end.
            if !self.lines(give).await? {
                return Ok(false);
            }
            let Some(next) = next else { return Ok(true) };
            let (name, file) = next.map_err(|error| Failure::new(error.to_string(), READABLE))?;
            self.current = Some((name, LogLines::new(BufReader::with_capacity(1 << 18, file))));
        }
    }

    async fn lines(
        &mut self,
        give: &mut impl FnMut(&AuditEvent) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        let Some((name, lines)) = &mut self.current else { return Ok(true) };
        let failed = |error| Failure::new(format!("{} cannot be read: {error}", name.display()), READABLE);
        while let Some(line) = lines.next_line().map_err(failed)? {
            self.count += 1;
            if self.count.is_multiple_of(TOLD_EVERY) && std::io::stderr().is_terminal() {
                eprint!("\r{} lines", self.count);
            }
            let line = self.reveal.line(line).await?;
            if !self.joiner.take(LogLine::read(&line), give)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says what could not be shown.
    pub(super) fn tell(&self) {
        if self.count >= TOLD_EVERY && std::io::stderr().is_terminal() {
            eprintln!("\r{} lines", self.count);
        }
        if self.joiner.lost > 0 {
            eprintln!("{} records were lost, because the server's queue was full.", self.joiner.lost);
        }
        if self.joiner.unreadable > 0 {
            eprintln!("{} lines cannot be read: see `mcp-auth audit verify`.", self.joiner.unreadable);
        }
    }
}

/// Calls `give` with each event until it says that it has enough.
pub(super) async fn each(
    log: Log,
    mut give: impl FnMut(&AuditEvent) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let mut reading = Reading::new(log);
    if reading.on(&mut give).await? && reading.joiner.give_open(OutcomeKind::Allowed, &mut give)? {
        reading.tell();
    }
    Ok(())
}
