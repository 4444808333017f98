//! The page on which a person decides.
//!
//! 1. A GET shows and decides nothing; a POST decides, once, with a code that fits this person and this call, from this
//!    page's own origin.
//! 2. Who is signed in is the service's to say ([`Approvers`]); a call that is not this person's looks like none.
//! 3. No script; nobody may frame it; one style sheet, inside the page, allowed by its hash. English and German.

mod answer;
mod words;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use url::Url;

use super::{Approvals, Approver, DecideError, Pending};
use crate::config::ConfigErrors;
use crate::confirm::Digest;
use crate::confirm::seal::{Binding, Purpose, Seal, State};
use crate::confirm::text::safe;
use crate::http::is_loopback;
use crate::routes::Routes;
use crate::store::KeyRing;
use answer::{Answers, Form, Visitor};
use words::Words;

/// How long a page may be looked at before it is answered.
const FORM_LIFE: Duration = Duration::from_secs(1800);
/// The most parameters of a query or form.
const MAX_PARAMETERS: usize = 16;

/// Who is signed in at the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// This person.
    As(Approver),
    /// Nobody; this is where to sign in, with the way back in it.
    SignInAt(String),
    /// It cannot be told now.
    Unavailable,
}

/// Knows who is signed in: by the service's own session, or the embedded provider's.
#[async_trait]
pub trait Approvers: Send + Sync + 'static {
    /// Who sent this request, from its cookies alone.
    async fn signed_in(&self, request: &Parts) -> SignedIn;

    /// Where somebody else can sign in and come back to this request: for whoever holds a link that is not theirs.
    fn sign_in_at(&self, request: &Parts) -> Option<String> {
        let _ = request;
        None
    }

    /// What this client is called, where that is known: people know applications by their names.
    async fn client_name(&self, client: &str) -> Option<String> {
        let _ = client;
        None
    }

    /// True if those whom this issuer names can sign in. A call of anybody else's is refused at once and does not wait for
    /// somebody who cannot come.
    fn vouches_for(&self, issuer: &str) -> bool {
        let _ = issuer;
        true
    }

    /// Adds what is wrong with these approvers for a page at this URL.
    fn report(&self, page: &Url, errors: &mut ConfigErrors) {
        let _ = (page, errors);
    }
}

/// The approval page, as [`Routes`].
#[derive(Clone)]
pub struct ApprovalPage {
    inner: Arc<Inner>,
}

struct Inner {
    approvals: Approvals,
    approvers: Arc<dyn Approvers>,
    seal: Seal,
    origin: String,
    path: String,
    answers: Answers,
}

impl ApprovalPage {
    /// The page of `approvals`, at the path of their URL. Replicas share the keys.
    ///
    /// # Errors
    /// The URL is none, has a query or fragment, or is neither https nor on a loopback host.
    pub fn new(approvals: Approvals, approvers: impl Approvers, keys: KeyRing) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let url = Url::parse(&approvals.url).ok().filter(|url| {
            let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
            plain && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
        });
        let (origin, path) = match &url {
            Some(url) => {
                approvers.report(url, &mut errors);
                (url.origin().ascii_serialization(), url.path().to_owned())
            }
            None => {
                errors.push(
                    format!("`{}` is no URL of an approval page", approvals.url),
                    "give an https URL without a query (http on a loopback host)",
                );
                (String::new(), String::new())
            }
        };
        let inner = Inner {
            approvals,
            approvers: Arc::new(approvers),
            seal: Seal::new(keys),
            origin,
            path,
            answers: Answers::new(),
        };
        errors.into_result(Self { inner: Arc::new(inner) })
    }

    pub(in super::super) fn approvals(&self) -> &Approvals {
        &self.inner.approvals
    }

    pub(in super::super) fn vouches_for(&self, issuer: &str) -> bool {
        self.inner.approvers.vouches_for(issuer)
    }
}

#[async_trait]
impl Routes for ApprovalPage {
    fn paths(&self) -> Vec<String> {
        vec![self.inner.path.clone()]
    }

    fn max_body(&self) -> usize {
        8 * 1024
    }

    async fn respond(&self, request: Request<Bytes>, _: Option<IpAddr>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let inner = &self.inner;
        let words = words::of(&parts.headers);
        let approver = match inner.approvers.signed_in(&parts).await {
            SignedIn::As(approver) => approver,
            SignedIn::SignInAt(url) if parts.method == Method::GET => return inner.answers.redirect(&url),
            SignedIn::SignInAt(_) => {
                return inner.answers.message(StatusCode::FORBIDDEN, words, words.signed_out, None);
            }
            SignedIn::Unavailable => {
                return inner.answers.message(
                    StatusCode::SERVICE_UNAVAILABLE,
                    words,
                    words.unavailable,
                    None,
                );
            }
        };
        let name = safe(&approver.subject, 200);
        let visitor = Visitor { name, other: inner.approvers.sign_in_at(&parts) };
        let visit = Visit { approver, visitor, words };
        match parts.method {
            Method::GET => {
                let id = parameters(parts.uri.query().unwrap_or_default().as_bytes())
                    .and_then(|mut query| query.remove("id"))
                    .unwrap_or_default();
                inner.show(&id, &visit, None).await
            }
            Method::POST => inner.decide(&parts, &body, &visit).await,
            _ => inner.answers.not_allowed(words),
        }
    }
}

/// One request of somebody who is signed in.
struct Visit {
    approver: Approver,
    visitor: Visitor,
    words: &'static Words,
}

impl Inner {
    async fn show(&self, id: &str, visit: &Visit, problem: Option<&str>) -> Response<Bytes> {
        let Visit { approver, visitor, words } = visit;
        let asked = match self.approvals.pending(id, approver).await {
            Ok(asked) => asked,
            Err(error) => return self.failed(&error, visit),
        };
        if let Some(verdict) = &asked.verdict {
            let text = if verdict.approved { words.approved } else { words.declined };
            return self.answers.message(StatusCode::OK, words, text, None);
        }
        match self.code(id, approver) {
            Some(code) => {
                let client_name = match &asked.client {
                    Some(client) => self.approvers.client_name(client).await.map(|name| safe(&name, 200)),
                    None => None,
                };
                let action = &self.path;
                let form = Form { asked: &asked, client_name, action, id, code: &code, problem };
                self.answers.question(words, &form, visitor)
            }
            None => {
                self.answers.message(StatusCode::SERVICE_UNAVAILABLE, words, words.unavailable, Some(visitor))
            }
        }
    }

    async fn decide(&self, parts: &Parts, body: &[u8], visit: &Visit) -> Response<Bytes> {
        let Visit { approver, visitor, words } = visit;
        let stale = || self.answers.message(StatusCode::FORBIDDEN, words, words.stale, Some(visitor));
        let form = if self.is_own(parts) { parameters(body) } else { None };
        let Some(form) = form else { return stale() };
        let get = |name: &str| form.get(name).map(String::as_str);
        let (id, code) = (get("id").unwrap_or_default(), get("form").unwrap_or_default());
        let now = self.approvals.clock.now();
        if self.seal.open(code, &[Purpose::Page], &self.binding(id, approver), now).is_err() {
            return stale();
        }
        let decided = match get("decision") {
            Some("approve") => self.approvals.approve(id, approver, get("typed"), get("reason")).await,
            Some("decline") => self.approvals.decline(id, approver, get("reason")).await,
            _ => return self.show(id, visit, None).await,
        };
        match decided {
            // What was decided is shown by a GET, so that a reload sends nothing again.
            Ok(()) | Err(DecideError::Decided) => self.answers.redirect(&self.approvals.link(id)),
            Err(DecideError::Phrase) => self.show(id, visit, Some(words.not_typed)).await,
            Err(error) => self.failed(&error, visit),
        }
    }

    fn failed(&self, error: &DecideError, visit: &Visit) -> Response<Bytes> {
        let Visit { visitor, words, .. } = visit;
        let (status, text) = match error {
            DecideError::Store(error) => {
                tracing::warn!(%error, "an approval cannot be read");
                (StatusCode::SERVICE_UNAVAILABLE, words.unavailable)
            }
            _ => (StatusCode::NOT_FOUND, words.nothing),
        };
        self.answers.message(status, words, text, Some(visitor))
    }

    /// A form of this page's origin, as far as the browser says.
    fn is_own(&self, parts: &Parts) -> bool {
        let header = |name: &str| parts.headers.get(name).map(|value| value.as_bytes());
        let is_form = header("content-type").is_some_and(|kind| {
            let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
            essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        });
        let origin = header(header::ORIGIN.as_str()).is_none_or(|origin| origin == self.origin.as_bytes());
        let site = header("sec-fetch-site").is_none_or(|site| site == b"same-origin");
        is_form && origin && site
    }

    /// The code of a form: it fits this person, this call, and half an hour.
    fn code(&self, id: &str, approver: &Approver) -> Option<String> {
        let expires_at = self.approvals.clock.now().plus(FORM_LIFE);
        self.seal.seal(&State::new(Purpose::Page, expires_at, None)?, &self.binding(id, approver))
    }

    fn binding(&self, id: &str, approver: &Approver) -> Binding {
        let who = format!("{}:{}{}", approver.issuer.len(), approver.issuer, approver.subject);
        Binding::new(&self.approvals.url, Some(&who), "approval", id, Digest::of_nothing())
    }
}

/// Named parameters, each once; `None` for anything else.
fn parameters(bytes: &[u8]) -> Option<HashMap<String, String>> {
    let mut values = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        if values.len() >= MAX_PARAMETERS || values.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(values)
}

impl fmt::Debug for ApprovalPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApprovalPage").field("path", &self.inner.path).finish_non_exhaustive()
    }
}
