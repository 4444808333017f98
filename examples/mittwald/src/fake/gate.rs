//! What every request passes first: the token, its roles, then the rate limit.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::answer::Problem;
use super::world::Shared;

/// Asks which token is presented: a POST that changes nothing.
const CHECK: &str = "/users/self/credentials/token";

/// Refuses bad tokens with 401, tokens without the role with 403 and requests over the limit with 429.
pub(super) async fn gate(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let Some(presented) = token(request.headers()).and_then(|token| shared.presented(token)) else {
        return Problem::unauthorized().into_response();
    };
    let reads = request.method().is_safe() || request.uri().path() == CHECK;
    if !(presented.may_read() && (reads || presented.may_write())) {
        return Problem::forbidden().into_response();
    }
    request.extensions_mut().insert(presented);
    let Some(allowance) = shared.take() else { return next.run(request).await };
    let mut response =
        if allowance.granted { next.run(request).await } else { Problem::too_many().into_response() };
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", allowance.limit.into());
    headers.insert("x-ratelimit-remaining", allowance.remaining.into());
    headers.insert("x-ratelimit-reset", 1.into());
    response
}

fn token(headers: &HeaderMap) -> Option<&str> {
    if let Some(token) = headers.get("x-access-token") {
        return token.to_str().ok();
    }
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
