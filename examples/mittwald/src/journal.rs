//! The record of calls: who did what, and who allowed it.
//!
//! 1. JSON lines in a chain that is signed now and then; the file and its key are their owner's alone (0600).
//! 2. A write whose intent cannot be written does not run.

use std::path::{Path, PathBuf};

use mcp_auth_core::audit::chain::CheckpointKey;
use mcp_auth_core::audit::{Audit, JsonLines};
use mcp_auth_core::background::Background;

/// The record cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the record of calls, {}, cannot be opened: {why}; give another --audit, or --audit off", path.display())]
pub struct JournalError {
    path: PathBuf,
    why: String,
}

/// The open record, and the work that writes it. The guard's shutdown writes its end.
pub(crate) struct Journal {
    pub(crate) audit: Audit,
    pub(crate) background: Background,
}

impl Journal {
    /// Opens the record at `path`, or begins it; its key lies beside it.
    pub(crate) fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |why: String| JournalError { path: path.to_owned(), why };
        let key = CheckpointKey::load_or_create(&path.with_extension("key"));
        let key = key.map_err(|error| failed(error.to_string()))?;
        tracing::info!(path = %path.display(), key = %key.public_key(), "calls are recorded");
        let opened = JsonLines::builder(path).checkpoints(key).open();
        let (lines, background) = opened.map_err(|error| failed(error.to_string()))?;
        Ok(Self { audit: Audit::new(lines), background })
    }
}
