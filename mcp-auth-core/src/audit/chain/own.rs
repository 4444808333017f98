//! The records of a log's own, among its events.
//!
//! 1. A line is an event or a record of the log's own, never both: one that says something else besides is neither.
//! 2. Which it is shows behind its link: events begin with their id.

use serde::Deserialize;

use crate::time::Timestamp;

const CHECKPOINT: &[u8] = b"\"checkpoint\":";
const OPENED: &[u8] = b"\"opened\":";
const LOST: &[u8] = b"\"lost\":";

/// A process began to write.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::audit) struct Opened {
    pub(in crate::audit) time: Timestamp,
    pub(in crate::audit) torn: u64,
}

/// Records were lost.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::audit) struct Lost {
    pub(in crate::audit) time: Timestamp,
    pub(in crate::audit) count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::audit) enum Own {
    Opened(Opened),
    Lost(Lost),
    /// What it signs is read where it is checked.
    #[serde(skip)]
    Checkpoint,
}

impl Own {
    /// Reads what stands behind a link; `None` if it is not a record of the log's own, `Err` if it is no proper one.
    pub(in crate::audit) fn read(rest: &[u8]) -> Option<Result<Self, ()>> {
        if rest.starts_with(CHECKPOINT) {
            return Some(Ok(Self::Checkpoint));
        }
        (rest.starts_with(OPENED) || rest.starts_with(LOST))
            .then(|| serde_json::from_slice(&[b"{", rest].concat()).map_err(drop))
    }
}
