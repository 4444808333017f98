//! The record of calls: who did what, and who allowed it.
//!
//! 1. JSON lines in a chain that is signed now and then; the file and its key are their owner's alone (0600).
//! 2. A write whose intent cannot be written does not run.
//! 3. What is done on the settings pages is recorded in the same file.

use std::path::Path;

use mcp_auth_core::audit::{Audit, JsonLines, OpenError, Redactor};
use mcp_auth_core::background::Background;

use crate::keys::PREFIX;

/// The open record, and the work that writes it.
pub(crate) struct Journal {
    pub(crate) audit: Audit,
    pub(crate) lines: JsonLines,
    pub(crate) background: Background,
}

impl Journal {
    /// Opens the record at `path`, or begins it; its key lies beside it.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let (lines, background) = JsonLines::builder(path).key_beside().open()?;
        let redactor = Redactor::default().beginning(format!("{PREFIX}_"));
        Ok(Self { audit: Audit::new(lines.clone()).redactor(redactor), lines, background })
    }
}
