//! Events from lines: intent and outcome put together, one pass, bounded memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::Path;

use mcp_auth_core::audit::{AuditEvent, EventId, LogLine, LogLines, OutcomeKind, RecordKind};

use super::Log;
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

pub(super) fn open(file: &Path) -> Result<LogLines<BufReader<File>>, Failure> {
    let file = File::open(file).map_err(|error| unreadable(file, &error))?;
    Ok(LogLines::new(BufReader::with_capacity(1 << 18, file)))
}

pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("{} cannot be read: {error}", file.display()),
        "see that you may read the server's log",
    )
}

/// Calls `give` with each event until it says that it has enough.
pub(super) async fn each(
    log: &mut Log,
    mut give: impl FnMut(&AuditEvent) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let mut joiner = Joiner::default();
    let mut count = 0_u64;
    let tells = std::io::stderr().is_terminal();
    for file in &log.files {
        let mut lines = open(file)?;
        while let Some(line) = lines.next_line().map_err(|error| unreadable(file, &error))? {
            count += 1;
            if tells && count.is_multiple_of(TOLD_EVERY) {
                eprint!("\r{count} lines");
            }
            let line = log.reveal.line(line).await?;
            if !joiner.take(LogLine::read(&line), &mut give)? {
                return Ok(());
            }
        }
    }
    joiner.give_open(OutcomeKind::Allowed, &mut give)?;
    if tells && count >= TOLD_EVERY {
        eprintln!("\r{count} lines");
    }
    if joiner.lost > 0 {
        eprintln!("{} records were lost, because the server's queue was full.", joiner.lost);
    }
    if joiner.unreadable > 0 {
        eprintln!("{} lines cannot be read: see `mcp-auth audit verify`.", joiner.unreadable);
    }
    Ok(())
}
