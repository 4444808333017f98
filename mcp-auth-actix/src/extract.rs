//! Reading the verified principal in a handler, and what the guard hands on inside actix.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, ResponseError};
use bytes::Bytes;
use mcp_auth_core::Principal;

/// The request as the guard let it pass. actix's extensions cannot be enumerated, so that all of it travels as one type.
#[derive(Clone)]
pub(crate) struct Guarded(pub(crate) http::Request<Bytes>);

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
}

impl FromRequest for Caller {
    type Error = NoCaller;
    type Future = Ready<Result<Self, NoCaller>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let principal = extensions
            .get::<Guarded>()
            .and_then(|Guarded(request)| Principal::from_extensions(request.extensions()));
        ready(principal.cloned().map(Self).ok_or(NoCaller))
    }
}
