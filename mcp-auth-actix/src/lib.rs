#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod body;
mod bridge;
mod convert;
mod extract;
mod middleware;
mod routes;

pub use bridge::mcp_service;
pub use extract::{Caller, NoCaller};
pub use middleware::{McpAuth, McpAuthMiddleware};
pub use routes::routes;
