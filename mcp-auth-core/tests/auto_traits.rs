//! What crosses threads and what stands behind `dyn` is said once, here, and cannot change unnoticed.

use mcp_auth_core::confirm::ConfirmationGate;
use mcp_auth_core::guard::{Admission, Decision, Exchange, Guard, GuardedBody, Rest};
use mcp_auth_core::store::{MemoryStore, Store};
use mcp_auth_core::verify::jwt::{JwtKeys, JwtVerifier};
use mcp_auth_core::{Credential, Principal, Routes, ScopeHierarchy, ScopeSet, TokenVerifier, ToolPolicies};

fn is_send<T: Send>() {}
fn is_send_and_sync<T: Send + Sync + 'static>() {}
fn is_clone<T: Clone>() {}

#[test]
fn what_is_shared_can_be_shared() {
    is_send_and_sync::<Guard>();
    is_send_and_sync::<Principal>();
    is_send_and_sync::<Credential>();
    is_send_and_sync::<ScopeSet>();
    is_send_and_sync::<ScopeHierarchy>();
    is_send_and_sync::<ToolPolicies>();
    is_send_and_sync::<MemoryStore>();
    is_send_and_sync::<JwtVerifier>();
    is_send_and_sync::<JwtKeys>();
    is_send_and_sync::<Exchange>();
    is_send::<Admission>();
    is_send::<Decision>();
    is_send::<GuardedBody<Vec<u8>, std::future::Ready<Rest<Vec<u8>>>>>();
    is_send::<mcp_auth_core::background::Background>();
    is_clone::<Guard>();
    is_clone::<Principal>();
}

#[test]
fn traits_stand_behind_dyn() {
    is_send_and_sync::<Box<dyn TokenVerifier>>();
    is_send_and_sync::<Box<dyn Store>>();
    is_send_and_sync::<Box<dyn Routes>>();
    is_send_and_sync::<Box<dyn ConfirmationGate>>();
    is_send_and_sync::<Box<dyn mcp_auth_core::policy::ScopePolicy>>();
}
