//! What the record says of one user, read back for the pages.
//!
//! 1. A user sees their own calls only; of callers whom nobody knows, how many were refused and why.
//! 2. At most [`TAIL`] bytes of the newest file are read for a page: whatever lies further back is the operator's
//!    (`mcp-auth audit query`). The chain is checked on a page up to [`CHECKED`] bytes. Each happens once at a time; users take turns.
//! 3. A chain that does not begin with its first record is broken, unless the operator says that older files were put aside.
//! 4. Where an intent has no outcome, the call is shown as under way, or as cut if the process ended since.

mod read;
mod rules;
mod turns;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_auth_core::audit::chain::{self, CheckpointPublicKey, Verify};
use mcp_auth_core::audit::{Audit, AuditEvent};
use tokio::sync::OwnedSemaphorePermit;

use crate::journal::Journal;

use rules::Rule;
pub(crate) use rules::{Alert, RULES, actor};
use turns::Turns;
pub(crate) use write::{Deed, finish, finish_change, finish_created};

/// So much of the record is read for a page.
const TAIL: u64 = 8 << 20;
/// A longer chain is checked by the operator's tool.
const CHECKED: u64 = 64 << 20;

/// The record, as the pages use it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Activity {
    path: PathBuf,
    key: Option<CheckpointPublicKey>,
    /// The oldest files may be elsewhere.
    is_archived: bool,
    audit: Audit,
    /// Reading costs; who only wants the calls does not wait for a check of the chain.
    calls: Arc<Turns>,
    chain: Arc<Turns>,
    exports: Arc<Turns>,
}

/// What was read.
#[derive(Default)]
pub(crate) struct Read {
    /// The user's calls, the newest first.
    pub(crate) events: Vec<AuditEvent>,
    /// What is unusual about them.
    pub(crate) alerts: Vec<Alert>,
    /// Refusals of callers whom nobody knows, by kind.
    pub(crate) unknown: Vec<(String, usize)>,
    /// True if there is more further back.
    pub(crate) is_cut: bool,
}

/// Whether the record is what was written.
pub(crate) enum Chain {
    /// All of it, so many records.
    Whole { records: u64, checkpoints: u64 },
    /// It is not: the first problem.
    Broken(String),
    /// It was not checked: it is too long for a page.
    TooLong,
}

/// Why the record is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Others read it, or this user does.
    #[error("the record is being read")]
    Busy,
    /// It cannot be.
    #[error("the record cannot be read: {0}")]
    Failed(String),
}

impl Activity {
    pub(crate) fn new(path: &Path, journal: &Journal, is_archived: bool) -> Self {
        let (path, key, audit) = (path.to_owned(), journal.lines.public_key(), journal.audit.clone());
        let (calls, chain, exports) = (Arc::default(), Arc::default(), Arc::default());
        Self { path, key, is_archived, audit, calls, chain, exports }
    }

    /// The user's calls, as far as a page looks back.
    pub(crate) async fn of(&self, subject: &str) -> Result<Read, Unreadable> {
        let (path, of) = (self.path.clone(), subject.to_owned());
        in_turn(&self.calls, subject, move || read::tail(&path, TAIL, &of)).await
    }

    /// Held for as long as `subject` takes an export.
    pub(crate) async fn exporting(&self, subject: &str) -> Result<OwnedSemaphorePermit, Unreadable> {
        self.exports.own(subject).await.ok_or(Unreadable::Busy)
    }

    /// Whether the chain is whole, for a page of `subject`'s.
    pub(crate) async fn chain(&self, subject: &str) -> Result<Chain, Unreadable> {
        let (path, key, is_archived) = (self.path.clone(), self.key, self.is_archived);
        in_turn(&self.chain, subject, move || {
            let files = chain::files(&path)?;
            let length: u64 = files.iter().map(|file| file.metadata().map_or(0, |meta| meta.len())).sum();
            if length > CHECKED {
                return Ok(Chain::TooLong);
            }
            let verify = key.into_iter().fold(Verify::default(), Verify::key);
            Ok(match verify.log(&path, |_| {}) {
                Ok(report) if report.first > 1 && !is_archived => Chain::Broken(format!(
                    "The record begins with number {}: what was before is missing.",
                    report.first
                )),
                Ok(report) => Chain::Whole { records: report.records, checkpoints: report.checkpoints },
                Err(error) => Chain::Broken(error.to_string()),
            })
        })
        .await
    }
}

/// Reads when it is `subject`'s turn. The turn is the reading's: it goes on when nobody waits for the answer any more.
async fn in_turn<T: Send + 'static>(
    turns: &Turns,
    subject: &str,
    read: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Unreadable> {
    let turn = turns.next(subject).await.ok_or(Unreadable::Busy)?;
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        read()
    });
    let read = read.await.map_err(|error| Unreadable::Failed(error.to_string()))?;
    read.map_err(|error| Unreadable::Failed(error.to_string()))
}
