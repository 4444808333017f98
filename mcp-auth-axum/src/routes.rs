//! Mounting what core and provider answer themselves.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::any;
use http::Response;
use mcp_auth_core::Routes;
use mcp_auth_core::routes::serve;

use crate::peer::peer;

/// A router with every path of `routes`: a guard's documents, a provider's endpoints. Merge it at the root of the
/// application: well-known documents have no other place.
pub fn routes<S, R>(routes: &R) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    R: Routes + Clone,
{
    let shared = Arc::new(routes.clone());
    shared.paths().into_iter().fold(Router::new(), |router, path| {
        let shared = Arc::clone(&shared);
        let answer = move |request: Request| async move {
            let (parts, body) = request.into_parts();
            let peer = peer(&parts.extensions);
            Ok::<Response<Body>, Infallible>(serve(&*shared, parts, body, peer).await.map(Body::from))
        };
        router.route(&path, any(answer))
    })
}
