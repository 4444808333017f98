//! Step three: the answer on its way back.
//!
//! 1. A list keeps what the principal may see, and tools that are confirmed in two steps get their argument; lists, `resources/read` and `server/discover` are marked private.
//! 2. A session id that the service gives is sealed for the principal.
//! 3. Event streams are leased and never buffered. Where the guard ends a `subscriptions/listen`, its response comes in place of the
//!    event that is not complete, and the record reads it as any other.
//! 4. A confirmed tool that asks questions of its own has its state put into ours.
//! 5. An answer that should be rewritten and is not understood is replaced by an error. Compressed it cannot be read: the service
//!    is not told that the client takes that, and if it compresses all the same, its answer is withheld.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use tracing::Span;

use super::body::{GuardedBody, Rest, Rewrite};
use super::lease::Term;
use super::outcome::Running;
use super::session::Declared;
use super::trail::Trail;
use super::{Guard, Lease, lease};
use crate::confirm::{Client, Continuation, add_token_arguments};
use crate::http::cors;
use crate::limit::Permit;
use crate::mcp::{Era, Id, ListKind, Revision, filter_list, mark_private};
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
    /// What the client can do, known once the body was read.
    pub(super) client: Client,
    /// What it declared in `initialize`: this one, or the session's.
    pub(super) declared: Declared,
    /// The session's own id.
    pub(super) session: Option<String>,
    pub(super) id: Option<Id>,
    pub(super) method: &'static str,
    pub(super) target: Option<String>,
    /// What the answer to a confirmed call goes through.
    pub(super) continuation: Option<Continuation>,
    /// False for an ordinary route.
    pub(super) is_mcp: bool,
    /// Headers that the answer carries, whatever it is.
    pub(super) notices: Vec<(HeaderName, HeaderValue)>,
    /// Held until the answer was sent.
    pub(super) permit: Option<Permit>,
    /// What the record needs.
    pub(super) trail: Trail,
    /// The call, once it was taken down.
    pub(super) running: Option<Running>,
}

impl Exchange {
    /// In a box: it is handed from step to step, and each would copy it.
    pub(super) fn new(guard: Guard, address: Option<IpAddr>) -> Box<Self> {
        Box::new(Self {
            guard,
            span: super::span::of(address),
            address,
            origin: None,
            principal: None,
            revision: Revision::V2025_03_26,
            client: Declared::default().client(Era::Legacy(Revision::V2025_03_26), false),
            declared: Declared::default(),
            session: None,
            id: None,
            method: "",
            target: None,
            continuation: None,
            is_mcp: true,
            notices: Vec::new(),
            permit: None,
            trail: Trail::default(),
            running: None,
        })
    }

    pub(super) fn is_modern(&self) -> bool {
        self.revision.is_modern()
    }

    /// The span of the request: who asks for what, nothing secret. Adapters run the service's call inside it.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Prepares the service's answer: its head now, its body as it comes.
    pub fn respond<B, F>(mut self, response: Response<B>) -> Response<GuardedBody<B, F>> {
        let (mut parts, body) = response.into_parts();
        self.seal_session(&mut parts.headers);
        if let Some(origin) = &self.origin {
            cors::allow(&mut parts.headers, origin.clone());
        }
        parts.headers.extend(std::mem::take(&mut self.notices));
        parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        let permit = self.permit.take();
        let encoded = is_encoded(&parts.headers);
        let (is_stream, is_json) =
            (has_type(&parts.headers, "text/event-stream"), has_type(&parts.headers, "application/json"));
        if !parts.status.is_success() {
            self.failed_with(parts.status);
        }
        let is_readable = !encoded && (is_stream || is_json);
        let listens = is_stream && !encoded && self.method == "subscriptions/listen" && self.is_leased();
        let farewell = if listens { self.id.as_ref().map(listen_ended) } else { None };
        // Between its events there is a place for the last one.
        let as_it_is = || Box::new(|body: &Bytes| Ok(body.clone())) as Rewrite;
        let rewrite = self.rewrite().or_else(|| farewell.is_some().then(as_it_is));
        let mut rest = match (rewrite, self.id.clone()) {
            // The body of a failure that is neither is for people: nothing in it is a list, or a state.
            (Some(_), Some(id)) if !is_readable && (encoded || parts.status.is_success()) => {
                self.failed("the answer cannot be read");
                parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                for header in [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::ETAG] {
                    parts.headers.remove(header);
                }
                Rest::not_understood(&id, encoded)
            }
            (rewrite, Some(id)) if is_readable => match self.watch(rewrite) {
                Some(rewrite) => {
                    parts.headers.remove(header::CONTENT_LENGTH);
                    parts.headers.remove(header::ETAG);
                    let max = self.guard.inner.max_answer;
                    if is_stream {
                        Rest::events(body, id, rewrite, max)
                    } else {
                        Rest::json(body, id, rewrite, max)
                    }
                }
                None => Rest::pass(body),
            },
            _ => {
                self.unread();
                Rest::pass(body)
            }
        };
        if is_stream && self.is_leased() {
            rest = rest.leased(self.term(), farewell);
        }
        Response::from_parts(parts, rest.holding(permit).into())
    }

    /// Prepares the service's answer as the rest of a stream that began with a question.
    pub fn respond_in_stream<B>(mut self, response: Response<B>) -> Rest<B> {
        let (parts, body) = response.into_parts();
        let permit = self.permit.take();
        let Some(id) = self.id.clone() else { return Rest::ended() };
        if !parts.status.is_success() {
            self.failed_with(parts.status);
        }
        let encoded = is_encoded(&parts.headers);
        if encoded {
            self.failed("the answer cannot be read");
        }
        let rewrite = self.rewrite();
        let (rewrite, max) = (self.watch(rewrite), self.guard.inner.max_answer);
        let rest = if has_type(&parts.headers, "text/event-stream") && !encoded {
            match rewrite {
                Some(rewrite) => Rest::events(body, id, rewrite, max),
                None => Rest::pass(body),
            }
        } else if has_type(&parts.headers, "application/json") && !encoded {
            Rest::json_as_event(body, id, rewrite, max)
        } else {
            tracing::error!(status = %parts.status, encoded, "the service's answer fits in no stream: it is withheld");
            Rest::failed(&id)
        };
        let leased = self.guard.inner.lease == Lease::All;
        let rest = if leased { rest.leased(self.term(), None) } else { rest };
        rest.holding(permit)
    }

    /// The end of a stream that began with a question, where the service failed.
    pub fn fail_in_stream<B>(mut self) -> Rest<B> {
        self.failed("the service failed");
        tracing::error!("the service failed after a question");
        self.id.as_ref().map_or_else(Rest::ended, Rest::failed)
    }

    /// Completes when what opened a stream ends.
    pub(super) fn term(&self) -> Term {
        let inner = &self.guard.inner;
        lease::term(
            self.principal.clone(),
            inner.revocations.clone(),
            inner.clock.clone(),
            inner.shutdown.subscribe(),
        )
    }

    fn seal_session(&self, headers: &mut HeaderMap) {
        let Some(inner) = headers.remove(SESSION) else { return };
        if self.is_modern() {
            return;
        }
        match self.guard.inner.sessions.seal(&inner, &self.declared, self.principal.as_ref()) {
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

    /// True if the answer has to be read: it may be rewritten, taken down, or end with an event of ours.
    pub(super) fn reads_answer(&self) -> bool {
        self.continuation.is_some()
            || self.running.is_some()
            || ListKind::of(self.method).is_some()
            || matches!(self.method, "resources/read" | "server/discover" | "subscriptions/listen")
    }

    fn rewrite(&self) -> Option<Rewrite> {
        let modern = self.is_modern();
        if let Some(list) = ListKind::of(self.method) {
            let (guard, principal, client) = (self.guard.clone(), self.principal.clone(), self.client);
            return Some(Box::new(move |body: &Bytes| {
                let inner = &guard.inner;
                let kept = filter_list(body, list, modern, |name| {
                    inner.policy.is_listed(principal.as_ref(), list, name)
                })?;
                if list != ListKind::Tools {
                    return Ok(kept);
                }
                add_token_arguments(&kept, |name| {
                    inner.policy.rule(name).is_some_and(|rule| inner.gate.uses_tokens(rule, client))
                })
            }));
        }
        if let Some(continuation) = self.continuation.clone() {
            return Some(Box::new(move |body: &Bytes| continuation.wrap(body)));
        }
        match self.method {
            "resources/read" | "server/discover" => {
                Some(Box::new(move |body: &Bytes| mark_private(body, modern)))
            }
            _ => None,
        }
    }
}

/// The service is not told that the client takes compressed answers, where it takes them.
pub(super) fn accept_plain(headers: &mut HeaderMap) {
    if headers.contains_key(header::ACCEPT_ENCODING) {
        // Without the header, any encoding would be acceptable (RFC 9110, section 12.5.3).
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let is_identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    !headers.get_all(header::CONTENT_ENCODING).iter().all(is_identity)
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
