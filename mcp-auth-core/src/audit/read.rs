//! Lines, read back.
//!
//! 1. One line in memory at a time; a line that is too long or cannot be read is told and skipped.
//! 2. Nothing is checked here: that is [`Verify`](super::chain::Verify).

use std::io::{self, BufRead, Read as _};

use super::AuditEvent;
use super::chain::{Link, Lost, Opened, Own};
use crate::time::Timestamp;

/// What a line holds.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogLine {
    /// An event, or a part of one.
    Event(Box<AuditEvent>),
    /// A process began to write; what it did not end before was cut.
    Opened {
        /// When.
        time: Timestamp,
        /// How many bytes of a torn line were taken away.
        torn: u64,
    },
    /// So many records were lost, because the queue was full.
    Lost {
        /// When that was noted.
        time: Timestamp,
        /// How many.
        count: u64,
    },
    /// A checkpoint.
    Checkpoint,
    /// Something else.
    Unreadable,
}

impl LogLine {
    /// Reads one line.
    #[must_use]
    pub fn read(line: &[u8]) -> Self {
        let rest = Link::read(line).map(|link| link.rest).unwrap_or_default();
        match Own::read(rest) {
            Some(Ok(Own::Checkpoint)) => Self::Checkpoint,
            Some(Ok(Own::Opened(Opened { time, torn }))) => Self::Opened { time, torn },
            Some(Ok(Own::Lost(Lost { time, count }))) => Self::Lost { time, count },
            Some(Err(())) => Self::Unreadable,
            None => {
                serde_json::from_slice(line).map_or(Self::Unreadable, |event| Self::Event(Box::new(event)))
            }
        }
    }
}

/// The lines of a log, one after another.
#[derive(Debug)]
pub struct LogLines<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: BufRead> LogLines<R> {
    /// A longer line is none of ours.
    const LONGEST: u64 = 64 << 20;

    /// Reads from here.
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    /// The next whole line, without its line feed; `None` at the end, and where a line is not whole yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        if self.line.last() == Some(&b'\n') {
            self.line.clear();
        }
        let room = Self::LONGEST.saturating_sub(self.line.len() as u64);
        self.reader.by_ref().take(room).read_until(b'\n', &mut self.line)?;
        if self.line.len() as u64 >= Self::LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
        }
        Ok(self.line.strip_suffix(b"\n"))
    }
}
