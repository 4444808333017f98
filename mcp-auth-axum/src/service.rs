//! The guarded service: carries a request to the guard and acts on its answer.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use mcp_auth_core::Guard;
use mcp_auth_core::guard::{Admission, Decision, Forward, GuardedBody, Rest};
use mcp_auth_core::http::drain_body;
use tower_service::Service;
use tracing::Instrument;

use crate::peer::peer;
use crate::place;

/// A service behind a [`Guard`]. Made by [`McpAuthLayer`](crate::McpAuthLayer).
///
/// It is always ready: the inner service is asked only after a request was found to be allowed, so that nobody without
/// a token can occupy it.
#[derive(Clone, Debug)]
pub struct McpAuth<S> {
    guard: Guard,
    /// Routers clone a service for each request, and a service may be much to clone: this one is cloned when it is called.
    inner: Arc<S>,
}

impl<S> McpAuth<S> {
    pub(crate) fn new(guard: Guard, inner: S) -> Self {
        Self { guard, inner: Arc::new(inner) }
    }
}

impl<S, B, R> Service<Request<B>> for McpAuth<S>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
    R: http_body::Body<Data = Bytes> + 'static,
{
    type Response = Response<GuardedBody<R, AfterQuestion<R>>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (guard, inner) = (self.guard.clone(), S::clone(&self.inner));
        Box::pin(answer(guard, inner, request))
    }
}

/// The call that follows a question.
pub type AfterQuestion<R> = Pin<Box<dyn Future<Output = Rest<R>> + Send>>;

async fn answer<S, B, R>(
    guard: Guard,
    mut inner: S,
    request: Request<B>,
) -> Result<Response<GuardedBody<R, AfterQuestion<R>>>, S::Error>
where
    S: Service<Request<Body>, Response = Response<R>> + Send + 'static,
    S::Future: Send,
    R: 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let (mut parts, body) = request.into_parts();
    let peer = peer(&parts.extensions);
    let (exchange, body) = match place::admit(&guard, &mut parts, peer).await {
        Admission::Respond(response) => {
            drain_body(body).await;
            return Ok(response.map(GuardedBody::full));
        }
        Admission::Outside => {
            let response = call(&mut inner, Request::from_parts(parts, Body::new(body))).await?;
            return Ok(response.map(GuardedBody::outside));
        }
        Admission::Bodyless(exchange) => (exchange, Body::empty()),
        Admission::Body(admitted) => {
            let bytes = match admitted.read(body).await {
                Ok(bytes) => bytes,
                Err(response) => return Ok(response.map(GuardedBody::full)),
            };
            match admitted.decide(&mut parts, bytes).await {
                Decision::Respond(response) => return Ok(response.map(GuardedBody::full)),
                Decision::Forward(Forward { body, exchange }) => (exchange, Body::from(body)),
                Decision::AskThenForward(asking) => {
                    return Ok(asking.respond(|settling| -> AfterQuestion<R> {
                        Box::pin(async move {
                            let Forward { body, exchange } = match settling.settle(&mut parts).await {
                                Ok(forward) => forward,
                                Err(rest) => return rest,
                            };
                            let request = Request::from_parts(parts, Body::from(body));
                            match call(&mut inner, request).instrument(exchange.span()).await {
                                Ok(response) => exchange.respond_in_stream(response),
                                Err(_) => exchange.fail_in_stream(),
                            }
                        })
                    }));
                }
            }
        }
    };
    let response = call(&mut inner, Request::from_parts(parts, body)).instrument(exchange.span()).await?;
    Ok(exchange.respond(response))
}

async fn call<S: Service<Request<Body>>>(
    inner: &mut S,
    request: Request<Body>,
) -> Result<S::Response, S::Error> {
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    inner.call(request).await
}
