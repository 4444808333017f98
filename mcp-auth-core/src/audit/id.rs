//! The name of an event.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::time::Timestamp;

/// A UUID of version 7 (RFC 9562, section 5.7): ids sort by the time of their events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId(Uuid);

/// Randomness for some ids: asking for each alone would cost more than all the rest of an id.
struct Random {
    bytes: [u8; 640],
    used: usize,
}

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random { bytes: [0; 640], used: usize::MAX }) };
}

impl Random {
    fn next(&mut self) -> [u8; 10] {
        if self.bytes.get(self.used..).is_none_or(|rest| rest.len() < 10) {
            self.used = 0;
            if rand::fill(&mut self.bytes).is_err() {
                tracing::error!("no randomness for the ids of audit events");
            }
        }
        let random = self.bytes.get(self.used..).and_then(|rest| rest.first_chunk()).copied();
        self.used += 10;
        random.unwrap_or_default()
    }
}

impl EventId {
    /// A new id of an event at `at`. Where the system has no randomness it is unique by its time only.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        let random = RANDOM.with_borrow_mut(Random::next);
        Self(Builder::from_unix_timestamp_millis(at.as_millis(), &random).into_uuid())
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// Writes it at the end of `out`, without an allocation.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        let mut text = [0; 36];
        out.extend_from_slice(self.0.hyphenated().encode_lower(&mut text).as_bytes());
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no event's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event")]
pub struct NoEventId;

impl FromStr for EventId {
    type Err = NoEventId;

    fn from_str(text: &str) -> Result<Self, NoEventId> {
        Uuid::try_parse(text).map(Self).map_err(|_| NoEventId)
    }
}

impl TryFrom<String> for EventId {
    type Error = NoEventId;

    fn try_from(text: String) -> Result<Self, NoEventId> {
        text.parse()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}
