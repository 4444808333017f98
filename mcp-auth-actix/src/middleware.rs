//! The middleware: carries a request to the guard and acts on its answer.

use std::future::{Future, Ready, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::{ErrorBadRequest, ErrorInternalServerError};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use bytes::Bytes;
use mcp_auth_core::Guard;
use mcp_auth_core::guard::{Admission, Decision, Exchange, Forward, GuardedBody, Rest};
use mcp_auth_core::http::drain_body;
use tracing::Instrument;

use crate::body::{Answer, Incoming};
use crate::convert;
use crate::extract::Guarded;
use crate::presence::{Presence, unless_left};

/// Wraps a resource or a scope in a [`Guard`]: `web::resource("/mcp").wrap(McpAuth::new(guard))`. Everything that is
/// wrapped is guarded.
///
/// actix finds a route by the decoded path: what was written otherwise than it was routed (`/%6dcp`) is answered 404, by
/// [`Guard::admit_routed`].
#[derive(Clone, Debug)]
#[must_use]
pub struct McpAuth {
    guard: Guard,
}

impl McpAuth {
    /// A middleware that asks `guard`.
    pub fn new(guard: Guard) -> Self {
        Self { guard }
    }
}

impl<S, B> Transform<S, ServiceRequest> for McpAuth
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = McpAuthMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(McpAuthMiddleware { guard: self.guard.clone(), inner: Rc::new(service) }))
    }
}

/// A service behind a [`Guard`]. Made by [`McpAuth`].
///
/// It is always ready: the inner service is asked only after a request was found to be allowed, so that nobody without
/// a token can occupy it.
#[derive(Debug)]
pub struct McpAuthMiddleware<S> {
    guard: Guard,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for McpAuthMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        Box::pin(answer(self.guard.clone(), Rc::clone(&self.inner), request))
    }
}

async fn answer<S, B>(
    guard: Guard,
    inner: Rc<S>,
    mut request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let Some(mut parts) = convert::request_head(request.request()) else {
        return Ok(request.into_response(HttpResponse::BadRequest()));
    };
    let peer = request.peer_addr().map(|address| address.ip());
    let (exchange, body, mut presence) =
        match guard.admit_routed(&mut parts, peer, request.match_info().as_str()).await {
            Admission::Respond(response) => {
                let payload = request.take_payload();
                drain_body(Incoming::new(request.headers(), payload)).await;
                return Ok(request.into_response(convert::own_answer(response)));
            }
            Admission::Outside => return Ok(call(&*inner, request).await?.map_into_boxed_body()),
            Admission::Bodyless(exchange) => {
                let payload = request.take_payload();
                let presence = Presence::of(request.request(), Incoming::new(request.headers(), payload));
                (exchange, Bytes::new(), presence)
            }
            Admission::Body(admitted) => {
                let payload = request.take_payload();
                let mut incoming = Incoming::new(request.headers(), payload);
                let bytes = match admitted.read(&mut incoming).await {
                    Ok(bytes) => bytes,
                    Err(response) => return Ok(request.into_response(convert::own_answer(response))),
                };
                let presence = Presence::of(request.request(), incoming);
                match admitted.decide(&mut parts, bytes).await {
                    Decision::Respond(response) => {
                        return Ok(request.into_response(convert::own_answer(response)));
                    }
                    Decision::Forward(Forward { body, exchange }) => (exchange, body, presence),
                    Decision::AskThenForward(asking) => {
                        let outer = convert::likeness(request.request());
                        let response = asking.respond(|settling| -> AfterQuestion {
                            Box::pin(async move {
                                let Forward { body, exchange } = match settling.settle(&mut parts).await {
                                    Ok(forward) => forward,
                                    Err(rest) => return rest,
                                };
                                let Some(request) = forwarded(request, parts, body) else {
                                    return exchange.fail_in_stream();
                                };
                                match ask_service(&*inner, request, &exchange).await {
                                    Ok((_, response)) => exchange.respond_in_stream(response),
                                    Err(_) => exchange.fail_in_stream(),
                                }
                            })
                        });
                        return Ok(ServiceResponse::new(outer, convert::answer(response, presence)));
                    }
                }
            }
        };
    let Some(request) = forwarded(request, parts, body) else {
        return Err(ErrorInternalServerError("a header cannot be forwarded"));
    };
    let asked = unless_left(&mut presence, ask_service(&*inner, request, &exchange)).await;
    let (request, response) = asked.unwrap_or_else(|| Err(ErrorBadRequest("the client has left")))?;
    let response: http::Response<GuardedBody<Answer, AfterQuestion>> = exchange.respond(response);
    Ok(ServiceResponse::new(request, convert::answer(response, presence)))
}

/// The call that follows a question.
type AfterQuestion = Pin<Box<dyn Future<Output = Rest<Answer>>>>;

/// The request as the guard lets it pass; `None` if actix's types cannot hold it.
fn forwarded(
    mut request: ServiceRequest,
    parts: http::request::Parts,
    body: Bytes,
) -> Option<ServiceRequest> {
    convert::replace_request_headers(&mut request, &parts.headers)?;
    request.set_payload(Payload::from(body.clone()));
    request.extensions_mut().insert(Guarded { parts, message: Some(body) });
    Some(request)
}

async fn ask_service<S, B>(
    inner: &S,
    request: ServiceRequest,
    exchange: &Exchange,
) -> Result<(HttpRequest, http::Response<Answer>), Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let answered = call(inner, request).instrument(exchange.span()).await?;
    let (request, response) = answered.map_into_boxed_body().into_parts();
    let head = convert::answer_head(response.head());
    let (_, body) = response.into_parts();
    Ok((request, head.map(|()| Answer(body))))
}

pub(crate) async fn call<S: Service<ServiceRequest>>(
    inner: &S,
    request: ServiceRequest,
) -> Result<S::Response, S::Error> {
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    inner.call(request).await
}
