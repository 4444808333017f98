//! `/domains`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Problem;
use super::page::Window;
use super::world::Shared;

/// A domain, with the code that lets whoever knows it take the domain away.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Domain {
    pub(super) domain_id: String,
    pub(super) domain: &'static str,
    pub(super) project_id: String,
    pub(super) connected: bool,
    pub(super) deleted: bool,
    pub(super) uses_default_nameserver: bool,
    pub(super) nameservers: [&'static str; 2],
    pub(super) handles: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_code: Option<AuthCode>,
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Domain").field("domain", &self.domain).finish_non_exhaustive()
    }
}

#[derive(Clone, Serialize)]
pub(super) struct AuthCode {
    pub(super) value: &'static str,
    pub(super) expires: &'static str,
}

/// Whose domains; all of the account's without it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    project_id: Option<String>,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(filter): Query<Filter>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let world = shared.world();
    let project = filter.project_id.map(|project| world.project_id(&project)).transpose()?;
    let of = |domain: &&Domain| project.as_ref().is_none_or(|id| domain.project_id == *id);
    window.cut(world.domains.iter().filter(of).cloned())
}
