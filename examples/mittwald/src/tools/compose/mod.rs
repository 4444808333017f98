//! A Compose file, turned into what a stack is declared to run.
//!
//! 1. What is not understood is refused by name: nothing that was asked for is left out silently.
//! 2. It is bounded before it is read: bytes, depth, entries. Anchors, aliases and merge keys are refused, so nothing
//!    can be written once and stand a million times.
//! 3. Variables are not replaced: `$$` is a dollar sign, a single `$` is refused. No file is ever read.
//! 4. It runs at least one service: an empty file must not remove everything.

mod convert;
mod yaml;

use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};

use crate::api::Declaration;

const MAX_BYTES: usize = 64 * 1024;
const MAX_DEPTH: usize = 12;
const MAX_NODES: usize = 4000;

/// Why a Compose file cannot be deployed. It may quote the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ComposeError {
    #[error("is over 64 KiB")]
    TooLong,
    #[error("is not understood: {0}")]
    Yaml(String),
    #[error("has no services; to remove them all, delete the stack")]
    Empty,
    #[error("has more than 50 services or volumes")]
    TooMany,
    #[error("has a name that is none: `{0}` (1 to 63 letters, digits, `-`, `_`)")]
    Name(String),
    #[error("has in service `{service}` {what}")]
    Service { service: String, what: String },
}

/// Reads a Compose file.
pub(super) fn read(text: &str) -> Result<Declaration, ComposeError> {
    if text.len() > MAX_BYTES {
        return Err(ComposeError::TooLong);
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 2 * MAX_NODES,
            max_nodes: MAX_NODES,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_documents: 1,
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
            max_recorded_anchor_events: 0,
            max_recorded_anchor_bytes: 0,
            max_total_scalar_bytes: MAX_BYTES,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
    };
    let file: yaml::File = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ComposeError::Yaml(error.to_string()))?;
    convert::declaration(file)
}

#[cfg(test)]
mod tests;
