//! The end of the record, joined to events.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::Path;

use mcp_auth_core::audit::{AuditEvent, EventId, LogLine, LogLines, OutcomeKind, RecordKind};

use super::{Read, Rule};

/// The events of `subject` in the last `most` bytes of the file.
pub(super) fn tail(path: &Path, most: u64, subject: &str) -> io::Result<Read> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(start))?;
    let mut lines = LogLines::new(BufReader::with_capacity(1 << 18, file));
    if start > 0 {
        // The rest of a line that begins before.
        lines.next_line()?;
    }
    let mut reading = Reading { subject, open: HashMap::new(), events: Vec::new(), unknown: BTreeMap::new() };
    while let Some(line) = lines.next_line()? {
        reading.take(LogLine::read(line));
    }
    reading.close(OutcomeKind::Allowed);
    let Reading { mut events, unknown, .. } = reading;
    events.sort_by_key(|event| std::cmp::Reverse((event.time, event.id)));
    Ok(Read {
        alerts: Rule::look(&events),
        events,
        unknown: unknown.into_iter().collect(),
        is_cut: start > 0 || has_older(path)?,
    })
}

fn has_older(path: &Path) -> io::Result<bool> {
    Ok(mcp_auth_core::audit::chain::files(path)?.len() > 1)
}

struct Reading<'a> {
    subject: &'a str,
    open: HashMap<EventId, AuditEvent>,
    events: Vec<AuditEvent>,
    unknown: BTreeMap<String, usize>,
}

impl Reading<'_> {
    fn take(&mut self, line: LogLine) {
        match line {
            LogLine::Event(event) if event.record == RecordKind::Outcome => {
                if let Some(intent) = self.open.remove(&event.id) {
                    self.events.push(intent.join(*event));
                }
            }
            LogLine::Event(event) => match &event.principal {
                Some(principal) if principal.subject == self.subject => {
                    if event.record == RecordKind::Intent {
                        self.open.insert(event.id, *event);
                    } else {
                        self.events.push(*event);
                    }
                }
                Some(_) => {}
                None => {
                    let kind = event.kind.unwrap_or_else(|| "refused".to_owned());
                    *self.unknown.entry(kind).or_default() += 1;
                }
            },
            // The process before ended without saying what became of them.
            LogLine::Opened { .. } => self.close(OutcomeKind::Cut),
            _ => {}
        }
    }

    fn close(&mut self, outcome: OutcomeKind) {
        let left = self.open.drain().map(|(_, event)| event);
        self.events.extend(left.map(|mut event| {
            event.outcome = Some(outcome);
            event
        }));
    }
}
