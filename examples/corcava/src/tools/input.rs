//! What several tools take.

use mcp_auth_core::confirm::Confirmed;
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::answer::Refusal;
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

/// Refuses a dry run that comes as far as the tool: the gate before it answers those, and nothing else may.
pub(super) fn runs(dry_run: bool) -> Result<(), Refusal> {
    if dry_run { Err(Refusal::DRY_RUN) } else { Ok(()) }
}

/// The version of the preview that was confirmed.
pub(super) fn confirmed(context: &RequestContext<RoleServer>) -> Option<&str> {
    let parts = context.extensions.get::<http::request::Parts>()?;
    parts.extensions.get::<Confirmed>()?.preview.as_ref()?.version.as_deref()
}

/// The version that the change is meant for: the given one, and that of the preview which was confirmed.
pub(super) fn seen(given: Option<i64>, context: &RequestContext<RoleServer>) -> Result<Option<i64>, Refusal> {
    match (given, confirmed(context).and_then(|version| version.parse().ok())) {
        (Some(given), Some(confirmed)) if given != confirmed => Err(Refusal::CHANGED),
        (given, confirmed) => Ok(confirmed.or(given)),
    }
}
