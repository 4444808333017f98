//! What several tools take.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::domain::{Id, PageRequest};

/// A task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTask {
    /// The task's id.
    pub(super) task_id: Id,
}

/// A field that may be absent, and may not be `null`.
pub(super) fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

pub(super) fn page(limit: Option<u32>, offset: Option<u32>) -> PageRequest {
    PageRequest { limit, offset }
}
