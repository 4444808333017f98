//! Tools that a signed-in person approves, on a page of this server: `--approve`.
//!
//! 1. The page is at `/approve`; the provider's users decide, each about their own calls.
//! 2. What waits is sealed in the store, because previews may tell what is private, and outlives the process.

use std::sync::Arc;

use mcp_auth_core::ToolPolicies;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::confirm::approval::ApprovalPage;
use mcp_auth_core::confirm::{Approvals, Confirmation, StoreGate};
use mcp_auth_core::store::Sealed;
use mcp_auth_provider::ProviderApprovers;

use crate::authority::Places;
use crate::state::State;

/// The declarations, with an approval of each of these tools.
pub(crate) fn demand(policies: ToolPolicies, tools: &[String]) -> ToolPolicies {
    tools.iter().fold(policies, |policies, tool| policies.at_least(tool, Confirmation::Approve))
}

/// A gate with a page.
pub(crate) fn gate(
    places: &Places<'_>,
    approvers: ProviderApprovers,
    state: &State,
) -> Result<StoreGate, ConfigErrors> {
    let sealed = Sealed::new(state.store.clone(), state.ring.clone());
    let approvals = Approvals::new(Arc::new(sealed), format!("{}/approve", places.origin));
    let page = ApprovalPage::new(approvals, approvers, state.ring.clone())?;
    Ok(StoreGate::new(places.mcp, state.store.clone(), state.ring.clone()).approval_page(page))
}
