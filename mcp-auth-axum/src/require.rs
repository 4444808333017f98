//! Ordinary routes, guarded by the same tokens.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use mcp_auth_core::http::drain_body;
use mcp_auth_core::scope::ScopeError;
use mcp_auth_core::{Guard, ScopeSet};
use tower_layer::Layer;
use tower_service::Service;

use crate::peer::peer;
use crate::place;

/// A layer for ordinary routes: a request needs a token of `guard`'s with all of `scopes`.
///
/// # Errors
/// [`ScopeError`] if one of them is no scope.
pub fn require_scopes<'a>(
    guard: &Guard,
    scopes: impl IntoIterator<Item = &'a str>,
) -> Result<RequireScopesLayer, ScopeError> {
    Ok(RequireScopesLayer { guard: guard.clone(), scopes: ScopeSet::from_tokens(scopes)? })
}

/// Made by [`require_scopes`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireScopesLayer {
    guard: Guard,
    scopes: ScopeSet,
}

impl<S> Layer<S> for RequireScopesLayer {
    type Service = RequireScopes<S>;

    fn layer(&self, inner: S) -> RequireScopes<S> {
        RequireScopes { guard: self.guard.clone(), scopes: self.scopes.clone(), inner }
    }
}

/// A service that only requests with a good token and the scopes reach.
#[derive(Clone, Debug)]
pub struct RequireScopes<S> {
    guard: Guard,
    scopes: ScopeSet,
    inner: S,
}

impl<S> Service<Request<Body>> for RequireScopes<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { guard, scopes, mut inner } = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let peer = peer(&parts.extensions);
            if let Err(response) = place::require(&guard, &mut parts, peer, &scopes).await {
                drain_body(body).await;
                return Ok(response.map(Body::from));
            }
            poll_fn(|cx| inner.poll_ready(cx)).await?;
            inner.call(Request::from_parts(parts, body)).await
        })
    }
}
