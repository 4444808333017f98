#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod extract;
mod layer;
mod peer;
mod place;
mod require;
mod routes;
mod service;

pub use extract::{Caller, NoCaller};
pub use layer::McpAuthLayer;
pub use require::{RequireScopes, RequireScopesLayer, require_scopes};
pub use routes::routes;
pub use service::{AfterQuestion, McpAuth};
