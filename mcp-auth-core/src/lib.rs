#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

pub mod audit;
pub mod background;
#[cfg(feature = "jwt")]
mod base64url;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod bench;
pub mod config;
pub mod confirm;
pub mod credential;
pub mod guard;
pub mod http;
pub mod limit;
pub mod mcp;
pub mod policy;
pub mod principal;
pub mod routes;
pub mod scope;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod verify;

pub use credential::Credential;
pub use guard::Guard;
pub use policy::ToolPolicies;

pub use principal::Principal;
pub use routes::Routes;
pub use scope::{ScopeHierarchy, ScopeSet};
pub use store::Store;
pub use verify::TokenVerifier;
