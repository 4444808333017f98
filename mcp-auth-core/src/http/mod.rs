//! The wire, without MCP: challenges, metadata, origins, addresses.

mod address;
mod body;
mod challenge;
pub mod cors;
#[cfg(feature = "fetch")]
mod fetch;
mod metadata;
mod origin;
mod resource;

pub use address::{AddressError, TrustedProxies};
pub use body::{BodyError, drain_body, read_body};
pub use challenge::{Challenge, ChallengeError, ChallengeScheme};
#[cfg(feature = "fetch")]
pub use fetch::{FetchError, Fetched, Fetcher};
#[cfg(feature = "fetch")]
pub(crate) use fetch::{is_json, is_secure};
pub use metadata::{ProtectedResourceMetadata, WELL_KNOWN};
pub use origin::{HostRefusal, HostRules};
pub use resource::{ResourceUrl, ResourceUrlError, is_loopback};
