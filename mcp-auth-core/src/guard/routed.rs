//! Requests that a framework routed by another path than the one that came.
//!
//! 1. Where routes are found by the decoded path (actix), an MCP service answers to one spelling: what was written otherwise than
//!    it was routed is answered 404, before its body is read, and so before a confirmation or a budget is used up.
//! 2. Below a nested router what is left of the path is routed. The whole URI that came is the one that counts, for the host and
//!    for a proof of possession; a request is outside only if it is so by both: what is in doubt is guarded.

use std::mem::replace;
use std::net::IpAddr;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, Uri};

use super::{Admission, Admitted, Guard, Refusal};
use crate::scope::ScopeSet;

impl Guard {
    /// [`Guard::admit`] where the route was found by the path `routed`, which a framework made of the one that came.
    pub async fn admit_routed(&self, parts: &mut Parts, peer: Option<IpAddr>, routed: &str) -> Admission {
        let admission = self.admit(parts, peer).await;
        match admission {
            Admission::Bodyless(exchange) | Admission::Body(Admitted { exchange })
                if routed != parts.uri.path() =>
            {
                Admission::Respond(exchange.refuse(&Refusal::PathSpelling))
            }
            admission => admission,
        }
    }

    /// [`Guard::admit`] where `parts` holds what a router left of the URI `asked`.
    pub async fn admit_nested(&self, parts: &mut Parts, peer: Option<IpAddr>, asked: Uri) -> Admission {
        let left = replace(&mut parts.uri, asked);
        let admission = self.admit(parts, peer).await;
        parts.uri = left;
        match admission {
            Admission::Outside => self.admit(parts, peer).await,
            admission => admission,
        }
    }

    /// [`Guard::require`] where `parts` holds what a router left of the URI `asked`.
    ///
    /// # Errors
    /// As there.
    pub async fn require_nested(
        &self,
        parts: &mut Parts,
        peer: Option<IpAddr>,
        scopes: &ScopeSet,
        asked: Uri,
    ) -> Result<(), Response<Bytes>> {
        let left = replace(&mut parts.uri, asked);
        let required = self.require(parts, peer, scopes).await;
        parts.uri = left;
        required
    }
}
