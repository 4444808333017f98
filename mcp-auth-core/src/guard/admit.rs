//! Step one: from the head of a request alone.

use std::net::IpAddr;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body;
use tracing::Instrument;

use super::path::Place;
use super::trail::Trail;
use super::{Exchange, Guard, Refusal, media};
use crate::http::{cors, read_body};
use crate::mcp::Revision;
use crate::principal::Principal;
use crate::scope::ScopeSet;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// What is to be done after the head was read. Exhaustive: an adapter answers every case.
#[derive(Debug)]
#[must_use]
pub enum Admission {
    /// Answer so, after [`drain_body`](crate::http::drain_body).
    Respond(Response<Bytes>),
    /// The path is not a guarded one (only with [`only_under`](super::GuardBuilder::only_under)): forward it untouched.
    Outside,
    /// Forward it with an empty body (GET, DELETE).
    Bodyless(Box<Exchange>),
    /// Read the body with [`Admitted::read`] and go on with [`Admitted::decide`] (POST).
    Body(Admitted),
}

/// A request whose head is in order and whose body is still to be read.
#[derive(Debug)]
#[must_use]
pub struct Admitted {
    pub(super) exchange: Box<Exchange>,
}

impl Admitted {
    /// Reads the whole body: at most [`max_body`](super::GuardBuilder::max_body) bytes, within
    /// [`body_timeout`](super::GuardBuilder::body_timeout). The body need not be `Send`.
    ///
    /// # Errors
    /// The answer to give instead: 413, 408, or 400 if the body broke off.
    pub async fn read<B: Body>(&self, body: B) -> Result<Bytes, Response<Bytes>> {
        let inner = &self.exchange.guard.inner;
        let read = read_body(body, inner.limits.max_bytes, inner.body_timeout).await;
        read.map_err(|error| self.exchange.refuse(&error.into()))
    }
}

impl Guard {
    /// Decides by the head of a request. Removes from `parts` what must not be forwarded and adds the [`Principal`].
    /// `peer` is the address that the connection came from.
    pub async fn admit(&self, parts: &mut Parts, peer: Option<IpAddr>) -> Admission {
        let address = || peer.map(|peer| self.inner.proxies.client(peer, &parts.headers));
        if let Some(guarded) = &self.inner.only_under {
            match guarded.place(parts.uri.path()) {
                Place::Guarded => {}
                Place::Outside => return Admission::Outside,
                Place::Spelling => {
                    let exchange = Exchange::new(self.clone(), address());
                    return Admission::Respond(exchange.refuse(&Refusal::PathSpelling));
                }
            }
        }
        self.warn_without_background();
        let mut exchange = Exchange::new(self.clone(), address());
        if is_preflight(parts) {
            return match exchange.check_source(parts) {
                Ok(()) => Admission::Respond(exchange.preflight(parts)),
                Err(refusal) => Admission::Respond(exchange.refuse(&refusal)),
            };
        }
        let span = exchange.span();
        match exchange.admit(parts).instrument(span).await {
            Ok(()) if parts.method == Method::POST => Admission::Body(Admitted { exchange }),
            Ok(()) => Admission::Bodyless(exchange),
            Err(refusal) => Admission::Respond(exchange.refuse(&refusal)),
        }
    }

    /// Guards an ordinary route with the same tokens: host, origin, credential and `scopes`, no MCP. Adds the
    /// [`Principal`] to `parts` and leaves the method and the body alone.
    ///
    /// # Errors
    /// The answer to give instead: 401 without a good token, 403 without the scopes.
    pub async fn require(
        &self,
        parts: &mut Parts,
        peer: Option<IpAddr>,
        scopes: &ScopeSet,
    ) -> Result<(), Response<Bytes>> {
        self.warn_without_background();
        let address = peer.map(|peer| self.inner.proxies.client(peer, &parts.headers));
        let mut exchange = Exchange::new(self.clone(), address);
        exchange.is_mcp = false;
        exchange.require(parts, scopes).await.map_err(|refusal| exchange.refuse(&refusal))
    }
}

impl Exchange {
    async fn admit(&mut self, parts: &mut Parts) -> Result<(), Refusal> {
        if self.guard.inner.recorder.is_some() {
            self.trail = Trail::of(&parts.headers);
        }
        self.check_source(parts)?;
        let named =
            parts.headers.get(&VERSION).and_then(|value| value.to_str().ok()).and_then(Revision::parse);
        self.revision = named.unwrap_or(Revision::V2025_03_26);
        match parts.method {
            Method::POST => {}
            Method::GET | Method::DELETE if !self.is_modern() => {}
            // Authentication comes first, but what nobody may do needs none.
            _ => return Err(Refusal::MethodNotAllowed),
        }
        self.authenticate(parts, self.guard.inner.policy.has_public()).await?;
        self.open_session(parts)?;
        if parts.method == Method::POST {
            media::check_post(&parts.headers)?;
        } else if parts.method == Method::GET {
            if self.principal.is_none() {
                // A stream without an end is for somebody; clients take this as "there is none here".
                return Err(Refusal::MethodNotAllowed);
            }
            if !media::accepts(&parts.headers, "text", "event-stream") {
                return Err(Refusal::NotAcceptable);
            }
            // A replay would bring back the answer to another request, which nobody here could filter.
            parts.headers.remove("last-event-id");
        }
        Ok(())
    }

    async fn require(&mut self, parts: &mut Parts, scopes: &ScopeSet) -> Result<(), Refusal> {
        self.check_source(parts)?;
        self.authenticate(parts, false).await?;
        let held = self.principal.as_ref().map(Principal::scopes);
        if held.is_some_and(|held| self.guard.inner.policy.covers(held, scopes)) {
            return Ok(());
        }
        Err(Refusal::InsufficientScope { needed: scopes.clone(), denial: crate::policy::Denial::Challenge })
    }

    /// Shutdown, host and origin. Keeps the origin for the answer.
    fn check_source(&mut self, parts: &Parts) -> Result<(), Refusal> {
        if self.guard.is_shutting_down() {
            return Err(Refusal::ShuttingDown);
        }
        let hosts = &self.guard.inner.hosts;
        hosts.check_host(&parts.uri, &parts.headers)?;
        self.origin = hosts.check_origin(&parts.headers)?;
        Ok(())
    }

    /// Opens the session of a legacy request; a modern one has none, whatever it sends.
    fn open_session(&mut self, parts: &mut Parts) -> Result<(), Refusal> {
        let mut ids = parts.headers.get_all(&SESSION).iter();
        let Some(sealed) = ids.next() else { return Ok(()) };
        if self.is_modern() {
            parts.headers.remove(&SESSION);
            return Ok(());
        }
        if ids.next().is_some() {
            return Err(Refusal::Session);
        }
        let opened = self.guard.inner.sessions.open(sealed, self.principal.as_ref());
        let session = opened.ok_or(Refusal::Session)?;
        let inner = HeaderValue::try_from(&session.inner).map_err(|_| Refusal::Session)?;
        parts.headers.insert(SESSION, inner);
        self.span.record("software", tracing::field::display(&session.declared.software));
        self.declared = session.declared;
        self.session = Some(session.inner);
        self.trail.session = Some(session.name);
        Ok(())
    }

    fn preflight(&self, parts: &Parts) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(origin) = &self.origin {
            cors::allow_preflight(response.headers_mut(), &parts.headers, origin.clone());
        }
        response
    }
}

fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ORIGIN)
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
