//! Ordinary routes, guarded by the same tokens.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage, HttpResponse};
use mcp_auth_core::http::drain_body;
use mcp_auth_core::scope::ScopeError;
use mcp_auth_core::{Guard, ScopeSet};

use crate::body::Incoming;
use crate::convert;
use crate::extract::Guarded;
use crate::middleware::call;

/// A middleware for ordinary routes: a request needs a token of `guard`'s with all of `scopes`. The handler reads who it is
/// with [`Caller`](crate::Caller).
///
/// ```
/// # use actix_web::{App, web};
/// # use mcp_auth_core::{Guard, scope::ScopeError};
/// use mcp_auth_actix::{Caller, require_scopes};
///
/// async fn export(Caller(who): Caller) -> String {
///     format!("everything of {}", who.subject())
/// }
///
/// # fn app(guard: &Guard) -> Result<(), ScopeError> {
/// let readers = require_scopes(guard, ["notes:read"])?;
/// let app = App::new().service(web::resource("/export").wrap(readers).route(web::get().to(export)));
/// # let _: App<_> = app;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ScopeError`] if one of them is no scope.
pub fn require_scopes<'a>(
    guard: &Guard,
    scopes: impl IntoIterator<Item = &'a str>,
) -> Result<RequireScopes, ScopeError> {
    Ok(RequireScopes { guard: guard.clone(), scopes: ScopeSet::from_tokens(scopes)? })
}

/// Made by [`require_scopes`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireScopes {
    guard: Guard,
    scopes: ScopeSet,
}

impl<S, B> Transform<S, ServiceRequest> for RequireScopes
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = RequireScopesMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequireScopesMiddleware { required: self.clone(), inner: Rc::new(service) }))
    }
}

/// A service that only requests with a good token and the scopes reach.
#[derive(Debug)]
pub struct RequireScopesMiddleware<S> {
    required: RequireScopes,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for RequireScopesMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (RequireScopes { guard, scopes }, inner) = (self.required.clone(), Rc::clone(&self.inner));
        Box::pin(async move {
            let Some(mut parts) = convert::request_head(request.request()) else {
                return Ok(request.into_response(HttpResponse::BadRequest()).map_into_right_body());
            };
            let peer = request.peer_addr().map(|address| address.ip());
            if let Err(response) = guard.require(&mut parts, peer, &scopes).await {
                let payload = request.take_payload();
                drain_body(Incoming::new(request.headers(), payload)).await;
                return Ok(request.into_response(convert::own_answer(response)).map_into_right_body());
            }
            if convert::replace_request_headers(&mut request, &parts.headers).is_none() {
                return Ok(request.into_response(HttpResponse::InternalServerError()).map_into_right_body());
            }
            request.extensions_mut().insert(Guarded { parts, message: None });
            Ok(call(&*inner, request).await?.map_into_left_body())
        })
    }
}
