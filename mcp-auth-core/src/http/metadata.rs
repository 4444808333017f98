//! The protected resource's metadata (RFC 9728).
//!
//! 1. It is served at `/.well-known/oauth-protected-resource` followed by the endpoint's path (section 3.1), and at the
//!    bare form where the origin has one MCP endpoint.
//! 2. Its `resource` is the endpoint's URL to the character; `authorization_servers` has at least one entry.
//! 3. `offline_access` is not among `scopes_supported`: it is no scope of a resource.

use serde::Serialize;

use crate::scope::ScopeSet;

/// The well-known path without the endpoint's path.
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The document of RFC 9728, section 2.
#[derive(Clone, Debug, Serialize)]
pub struct ProtectedResourceMetadata {
    /// The resource's identifier: the URL of the MCP endpoint.
    pub resource: String,
    /// The issuers whose tokens are taken.
    pub authorization_servers: Vec<String>,
    /// The scopes that make sense here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// Only the header: tokens in queries and forms are refused.
    pub bearer_methods_supported: [&'static str; 1],
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// The algorithms of DPoP proofs, where those are taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<&'static str>,
    /// True if unbound tokens are refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens_required: bool,
}

impl ProtectedResourceMetadata {
    /// The metadata of `resource`.
    #[must_use]
    pub fn new(
        resource: &str,
        authorization_servers: Vec<String>,
        scopes: &ScopeSet,
        name: Option<String>,
    ) -> Self {
        Self {
            resource: resource.to_owned(),
            authorization_servers,
            scopes_supported: scopes
                .iter()
                .filter(|scope| *scope != "offline_access")
                .map(str::to_owned)
                .collect(),
            bearer_methods_supported: ["header"],
            resource_name: name,
            dpop_signing_alg_values_supported: Vec::new(),
            dpop_bound_access_tokens_required: false,
        }
    }
}
