//! Reading the verified principal in a handler.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use mcp_auth_core::Principal;

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

impl IntoResponse for NoCaller {
    fn into_response(self) -> Response {
        tracing::warn!("a handler asked for a Caller on a route that no guard protects: add require_scopes");
        StatusCode::UNAUTHORIZED.into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = NoCaller;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoCaller> {
        Principal::from_extensions(&parts.extensions).cloned().map(Self).ok_or(NoCaller)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Principal::from_extensions(&parts.extensions).cloned().map(Self))
    }
}
