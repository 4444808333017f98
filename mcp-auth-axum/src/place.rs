//! The paths by which a request is known.
//!
//! 1. Below `nest` a router hands on what is left of the path; the guard hears what the client asked for, too.
//! 2. A request is outside only if it is so by both: what is in doubt is guarded.

use std::mem::replace;
use std::net::IpAddr;

use axum::extract::OriginalUri;
use bytes::Bytes;
use http::request::Parts;
use http::{Response, Uri};
use mcp_auth_core::guard::Admission;
use mcp_auth_core::{Guard, ScopeSet};

/// The URI that came, if a router has changed it since.
fn asked(parts: &Parts) -> Option<Uri> {
    parts
        .extensions
        .get::<OriginalUri>()
        .map(|OriginalUri(asked)| asked)
        .filter(|asked| **asked != parts.uri)
        .cloned()
}

/// [`Guard::admit`], by the URI that came and by that which is left of it.
pub(crate) async fn admit(guard: &Guard, parts: &mut Parts, peer: Option<IpAddr>) -> Admission {
    if let Some(asked) = asked(parts) {
        let left = replace(&mut parts.uri, asked);
        let admission = guard.admit(parts, peer).await;
        parts.uri = left;
        if !matches!(admission, Admission::Outside) {
            return admission;
        }
    }
    guard.admit(parts, peer).await
}

/// [`Guard::require`], by the URI that came: a proof of possession names it.
pub(crate) async fn require(
    guard: &Guard,
    parts: &mut Parts,
    peer: Option<IpAddr>,
    scopes: &ScopeSet,
) -> Result<(), Response<Bytes>> {
    let asked = asked(parts).unwrap_or_else(|| parts.uri.clone());
    let left = replace(&mut parts.uri, asked);
    let required = guard.require(parts, peer, scopes).await;
    parts.uri = left;
    required
}
