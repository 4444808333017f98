//! The URI that came, where a router has changed it since: below `nest` it hands on what is left of the path.

use std::net::IpAddr;

use axum::extract::OriginalUri;
use bytes::Bytes;
use http::request::Parts;
use http::{Response, Uri};
use mcp_auth_core::guard::Admission;
use mcp_auth_core::{Guard, ScopeSet};

fn asked(parts: &Parts) -> Option<Uri> {
    parts
        .extensions
        .get::<OriginalUri>()
        .map(|OriginalUri(asked)| asked)
        .filter(|asked| **asked != parts.uri)
        .cloned()
}

pub(crate) async fn admit(guard: &Guard, parts: &mut Parts, peer: Option<IpAddr>) -> Admission {
    match asked(parts) {
        Some(asked) => guard.admit_nested(parts, peer, asked).await,
        None => guard.admit(parts, peer).await,
    }
}

pub(crate) async fn require(
    guard: &Guard,
    parts: &mut Parts,
    peer: Option<IpAddr>,
    scopes: &ScopeSet,
) -> Result<(), Response<Bytes>> {
    match asked(parts) {
        Some(asked) => guard.require_nested(parts, peer, scopes, asked).await,
        None => guard.require(parts, peer, scopes).await,
    }
}
