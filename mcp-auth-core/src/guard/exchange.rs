//! Step three: the answer on its way back.
//!
//! 1. A list keeps what the principal may see; lists, `resources/read` and `server/discover` are marked private.
//! 2. A session id that the service gives is sealed for the principal.
//! 3. Event streams are leased and never buffered.
//! 4. An answer that should be rewritten and is not understood is replaced by an error.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use tracing::Span;
use tracing::field::Empty;

use super::body::{GuardedBody, Rewrite};
use super::{Guard, Lease, lease};
use crate::http::cors;
use crate::limit::Permit;
use crate::mcp::{Id, ListKind, Revision, filter_list, mark_private};
use crate::principal::Principal;

const SESSION: &str = "mcp-session-id";

/// One request and its answer, as the guard follows them.
#[derive(Debug)]
#[must_use = "hand the service's answer to `respond`"]
pub struct Exchange {
    pub(super) guard: Guard,
    pub(super) span: Span,
    pub(super) address: Option<IpAddr>,
    pub(super) origin: Option<HeaderValue>,
    pub(super) principal: Option<Principal>,
    pub(super) revision: Revision,
    pub(super) in_session: bool,
    pub(super) id: Option<Id>,
    pub(super) method: &'static str,
    pub(super) target: Option<String>,
    /// False for an ordinary route.
    pub(super) is_mcp: bool,
    /// Headers that the answer carries, whatever it is.
    pub(super) notices: Vec<(HeaderName, HeaderValue)>,
    /// Held until the answer was sent.
    pub(super) permit: Option<Permit>,
}

impl Exchange {
    pub(super) fn new(guard: Guard, address: Option<IpAddr>) -> Self {
        let span = tracing::info_span!(
            "mcp_request",
            address = address.map(tracing::field::display),
            subject = Empty,
            client = Empty,
            method = Empty,
            target = Empty
        );
        Self {
            guard,
            span,
            address,
            origin: None,
            principal: None,
            revision: Revision::V2025_03_26,
            in_session: false,
            id: None,
            method: "",
            target: None,
            is_mcp: true,
            notices: Vec::new(),
            permit: None,
        }
    }

    pub(super) fn is_modern(&self) -> bool {
        self.revision.is_modern()
    }

    /// The span of the request: who asks for what, nothing secret. Adapters run the service's call inside it.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Prepares the service's answer: its head now, its body as it comes.
    pub fn respond<B>(mut self, response: Response<B>) -> Response<GuardedBody<B>> {
        let (mut parts, body) = response.into_parts();
        self.seal_session(&mut parts.headers);
        if let Some(origin) = &self.origin {
            cors::allow(&mut parts.headers, origin.clone());
        }
        parts.headers.extend(std::mem::take(&mut self.notices));
        parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        let permit = self.permit.take();
        let is_stream = has_type(&parts.headers, "text/event-stream");
        let rewrite = self.rewrite();
        let mut guarded = match (rewrite, self.id.clone()) {
            (Some(rewrite), Some(id)) => {
                parts.headers.remove(header::CONTENT_LENGTH);
                parts.headers.remove(header::ETAG);
                let max = self.guard.inner.max_answer;
                let encoded = parts.headers.contains_key(header::CONTENT_ENCODING);
                if is_stream && !encoded {
                    GuardedBody::events(body, id, rewrite, max)
                } else if has_type(&parts.headers, "application/json") && !encoded {
                    GuardedBody::json(body, id, rewrite, max)
                } else if parts.status.is_success() {
                    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                    parts.headers.remove(header::CONTENT_ENCODING);
                    GuardedBody::not_understood(&id)
                } else {
                    GuardedBody::pass(body)
                }
            }
            _ => GuardedBody::pass(body),
        };
        if is_stream && self.is_leased() {
            let inner = &self.guard.inner;
            let term = lease::term(
                self.principal,
                inner.revocations.clone(),
                inner.clock.clone(),
                inner.shutdown.subscribe(),
            );
            let farewell =
                if self.method == "subscriptions/listen" { self.id.as_ref().map(listen_ended) } else { None };
            guarded = guarded.leased(term, farewell);
        }
        Response::from_parts(parts, guarded.holding(permit))
    }

    fn seal_session(&self, headers: &mut HeaderMap) {
        let Some(inner) = headers.remove(SESSION) else { return };
        if self.is_modern() {
            return;
        }
        match self.guard.inner.sessions.seal(&inner, self.principal.as_ref()) {
            Some(sealed) => drop(headers.insert(SESSION, sealed)),
            None => tracing::error!("the service gave a session id that cannot be sealed: it is withheld"),
        }
    }

    /// A GET stream, or `subscriptions/listen`, only carries notices.
    fn is_leased(&self) -> bool {
        match self.guard.inner.lease {
            Lease::All => true,
            Lease::SubscriptionsOnly => matches!(self.method, "" | "subscriptions/listen"),
            Lease::Never => false,
        }
    }

    fn rewrite(&self) -> Option<Rewrite> {
        let modern = self.is_modern();
        if let Some(list) = ListKind::of(self.method) {
            let (guard, principal) = (self.guard.clone(), self.principal.clone());
            return Some(Box::new(move |body: &Bytes| {
                filter_list(body, list, modern, |name| {
                    guard.inner.policy.is_listed(principal.as_ref(), list, name)
                })
            }));
        }
        match self.method {
            "resources/read" | "server/discover" => {
                Some(Box::new(move |body: &Bytes| mark_private(body, modern)))
            }
            _ => None,
        }
    }
}

fn has_type(headers: &HeaderMap, essence: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(essence))
}

/// The event that ends a `subscriptions/listen` stream in order.
fn listen_ended(id: &Id) -> Bytes {
    let id = id.json();
    [
        br#"data: {"jsonrpc":"2.0","id":"#,
        id,
        br#","result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"#,
        id,
        b"}}}\n\n",
    ]
    .concat()
    .into()
}
