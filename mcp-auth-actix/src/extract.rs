//! Reading the verified principal in a handler, and what the guard hands on inside actix.

use std::cell::Ref;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use http::Extensions;
use http::request::Parts;
use mcp_auth_core::Principal;

/// The request as a guard let it pass. actix's extensions cannot be enumerated, so that all of it travels as one type; the
/// innermost guard's is the one that counts.
pub(crate) struct Guarded {
    pub(crate) parts: Parts,
    /// There if the guard decided about a message, and so may it reach an MCP service.
    pub(crate) message: Option<Bytes>,
}

/// What the guard put into the request, as http's extensions: for `UpstreamCredential::from_extensions` and its like. `None`
/// outside a guard. Let go of it before the next `.await`: actix lends its extensions to one at a time.
pub fn guard_extensions(request: &HttpRequest) -> Option<Ref<'_, Extensions>> {
    let guarded = Ref::filter_map(request.extensions(), |all| all.get::<Guarded>()).ok()?;
    Some(Ref::map(guarded, |guarded| &guarded.parts.extensions))
}

/// The principal of a guarded request, as an extractor. `Option<Caller>` where there may be none.
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

/// A handler asked for a [`Caller`] outside a guard, or in an anonymous call. Answered 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCaller;

impl std::fmt::Display for NoCaller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request has no verified principal")
    }
}

impl std::error::Error for NoCaller {}

impl ResponseError for NoCaller {
    fn status_code(&self) -> StatusCode {
        StatusCode::UNAUTHORIZED
    }

    fn error_response(&self) -> HttpResponse {
        tracing::warn!("a handler asked for a Caller on a route that no guard protects: add require_scopes");
        HttpResponse::Unauthorized().finish()
    }
}

impl FromRequest for Caller {
    type Error = NoCaller;
    type Future = Ready<Result<Self, NoCaller>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = guard_extensions(request);
        let principal = extensions.as_deref().and_then(Principal::from_extensions).cloned();
        ready(principal.map(Self).ok_or(NoCaller))
    }
}
