//! The service's own credentials, checked by the service's own API.
//!
//! 1. Only tokens of the shape that the service names; a JWT never, so that no OAuth access token leaves this process.
//! 2. They are shown to one configured origin: https, or loopback; redirects are not followed.
//! 3. 401 and 403 refuse the token, which is remembered for ten seconds. Whatever else is no answer is the API's failure: 503.
//! 4. Roles become scopes by a table; a role that is not in it grants nothing.
//! 5. Tools get the token as [`UpstreamCredential`] and nothing else: sealed to the origin that it was checked at.
//!
//! This is no token passthrough. What MCP forbids is to accept a token that was issued for somebody else and to forward it;
//! here the user hands over a credential *of this very service*, made for whoever acts for them, and it goes only to the API
//! that issued it.
//!
//! ```
//! use mcp_auth_core::verify::upstream::{UpstreamPrincipal, UpstreamVerifier};
//!
//! #[derive(serde::Deserialize)]
//! struct User { id: String, roles: Vec<String> }
//!
//! let verifier = UpstreamVerifier::builder("https://api.example/v2/users/self")
//!     .shape(|token| token.split(':').count() == 3)
//!     .principal(|answers| {
//!         let user: User = answers.json(0)?;
//!         Some(UpstreamPrincipal::new(user.id).roles(user.roles))
//!     })
//!     .role("api_read", "project:read app:read")
//!     .build()?;
//! # Ok::<_, mcp_auth_core::config::ConfigErrors>(())
//! ```

mod answers;
mod builder;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use url::Url;

use super::remote::{Asker, RemoteError};
use super::{
    Revocations, TokenRefusal, TokenVerifier, UpstreamCredential, Verified, VerifyContext, VerifyError,
    is_jwt_shaped,
};
use crate::credential::{Credential, Scheme};
use crate::http::Fetcher;
use crate::principal::{CredentialKind, Principal};
use crate::scope::ScopeSet;
use crate::time::Timestamp;

pub use answers::{UpstreamAnswers, UpstreamPrincipal};
pub use builder::UpstreamVerifierBuilder;

const MAX_ANSWER: usize = 256 * 1024;
const MAX_SUBJECT: usize = 1024;

/// One question, in the order of the answers.
enum Step {
    Ask(Method, Url),
    Then(Next),
}

type Next = Box<dyn Fn(&UpstreamAnswers) -> Option<String> + Send + Sync>;
type Shape = Box<dyn Fn(&str) -> bool + Send + Sync>;
type Reader = Box<dyn Fn(&UpstreamAnswers) -> Option<UpstreamPrincipal> + Send + Sync>;

/// Verifies the service's own API tokens by showing them to its API. Cheap to clone; clones ask together.
#[derive(Clone)]
pub struct UpstreamVerifier {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    origin: Url,
    steps: Vec<Step>,
    header: Option<HeaderName>,
    shape: Shape,
    reader: Reader,
    roles: HashMap<String, ScopeSet>,
    cache_for: Duration,
    revocations: Vec<Revocations>,
    fetcher: Fetcher,
    asker: Asker,
}

impl UpstreamVerifier {
    /// Starts a verifier that shows tokens to this URL, by GET.
    pub fn builder(url: impl Into<String>) -> UpstreamVerifierBuilder {
        UpstreamVerifierBuilder::new(url.into())
    }

    /// True for a token of the service's own: what [`VerifierRouter::shape`](super::VerifierRouter::shape) asks.
    #[must_use]
    pub fn is_for(&self, token: &str) -> bool {
        !is_jwt_shaped(token) && (self.inner.shape)(token)
    }
}

impl Inner {
    async fn ask(&self, credential: &Credential, now: Timestamp) -> Result<Verified, RemoteError> {
        let mut answers = UpstreamAnswers::new(credential.clone());
        for step in &self.steps {
            let (method, url) = match step {
                Step::Ask(method, url) => (method.clone(), url.clone()),
                Step::Then(next) => (Method::GET, self.next(next(&answers))?),
            };
            answers.add(self.question(method, &url, credential.expose_token()).await?);
        }
        let found = (self.reader)(&answers);
        let unclear = || RemoteError::Unclear("upstream: the answer is not understood".to_owned());
        let found =
            found.filter(|found| (1..=MAX_SUBJECT).contains(&found.subject.len())).ok_or_else(unclear)?;
        if found.expires_at.is_some_and(|at| at <= now) {
            return Err(TokenRefusal::Expired.into());
        }
        let granted = found.roles.iter().filter_map(|role| self.roles.get(role));
        let scopes = granted.fold(ScopeSet::default(), |all, scopes| all.union(scopes));
        let mut principal = Principal::builder(self.issuer.as_str(), found.subject)
            .scopes(scopes)
            .credential_kind(CredentialKind::Upstream);
        if let Some(id) = found.token_id {
            principal = principal.token_id(id);
        }
        if let Some(at) = found.expires_at {
            principal = principal.expires_at(at);
        }
        let upstream = UpstreamCredential::new(self.origin.as_str(), credential.expose_token());
        let upstream = upstream.ok_or_else(|| RemoteError::Failed("upstream: no origin".to_owned()))?;
        let verified = Verified::from(principal.build()).with_upstream(upstream);
        Ok(verified.reusable_until(now.plus(self.cache_for)))
    }

    /// A URL that was made of an answer: of the same origin, or nothing is asked.
    fn next(&self, url: Option<String>) -> Result<Url, RemoteError> {
        let url =
            url.and_then(|url| Url::parse(&url).ok()).filter(|url| url.origin() == self.origin.origin());
        url.ok_or_else(|| {
            RemoteError::Unclear("upstream: the answer leads to no URL of its origin".to_owned())
        })
    }

    async fn question(&self, method: Method, url: &Url, token: &str) -> Result<Bytes, RemoteError> {
        let failed = |error: String| RemoteError::Failed(format!("upstream: {error}"));
        let (name, value) = match &self.header {
            Some(name) => (name.clone(), HeaderValue::from_str(token)),
            None => (header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))),
        };
        let mut value = value.map_err(|error| failed(error.to_string()))?;
        value.set_sensitive(true);
        let request = Request::builder().method(method).uri(url.as_str());
        let request = request.header(name, value).header(header::ACCEPT, "application/json");
        let request = request.body(Bytes::new()).map_err(|error| failed(error.to_string()))?;
        let answer = self.fetcher.send(request, MAX_ANSWER).await;
        let answer = answer.map_err(|error| RemoteError::of("upstream", &error))?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(TokenRefusal::Unknown.into()),
            StatusCode::TOO_MANY_REQUESTS => Err(failed("429".to_owned())),
            status if status.is_server_error() => Err(failed(status.to_string())),
            status => Err(RemoteError::Unclear(format!("upstream: {status}"))),
        }
    }
}

#[async_trait]
impl TokenVerifier for UpstreamVerifier {
    async fn verify(
        &self,
        credential: &Credential,
        context: VerifyContext<'_>,
    ) -> Result<Verified, VerifyError> {
        let token = credential.expose_token();
        // Before anything is sent anywhere.
        if credential.scheme() != Scheme::Bearer || !self.is_for(token) {
            return Err(TokenRefusal::Malformed.into());
        }
        let (inner, asked, now) = (Arc::clone(&self.inner), credential.clone(), context.now);
        self.inner.asker.ask(context.resource, token, async move { inner.ask(&asked, now).await }).await
    }

    /// None: such tokens are made by hand, at the service.
    fn authorization_servers(&self) -> Vec<String> {
        Vec::new()
    }

    fn revocations(&self) -> Vec<Revocations> {
        self.inner.revocations.clone()
    }
}

impl std::fmt::Debug for UpstreamVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamVerifier").field("issuer", &self.inner.issuer).finish_non_exhaustive()
    }
}
