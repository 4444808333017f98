#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod body;
mod bridge;
mod convert;
mod extract;
mod middleware;
mod presence;
mod require;
mod routes;

pub use bridge::mcp_service;
pub use extract::{Caller, NoCaller, guard_extensions};
pub use middleware::{McpAuth, McpAuthMiddleware};
pub use require::{RequireScopes, RequireScopesMiddleware, require_scopes};
pub use routes::routes;
