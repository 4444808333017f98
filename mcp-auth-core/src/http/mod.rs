//! The wire, without MCP: challenges, metadata, origins, addresses.

mod address;

pub use address::{AddressError, TrustedProxies};
