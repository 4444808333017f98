//! The provider: what is shared, and which path is answered by what.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use mcp_auth_core::http::TrustedProxies;
use mcp_auth_core::store::{Store, StoreError};
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::jwt::JwtVerifier;
use mcp_auth_core::verify::{Revocations, TokenVerifier};
use mcp_auth_core::{Routes, ScopeHierarchy, ScopeSet};

use crate::answer::{allow_any_origin, empty, method_not_allowed};
use crate::browser::Browsers;
use crate::builder::ProviderBuilder;
use crate::clients::{Clients, Registration};
use crate::grants::Grants;
use crate::limits::Limits;
use crate::metadata::Paths;
use crate::pages::Pages;
use crate::sign_in::SignIn;
use crate::signing::SigningKey;

/// An embedded authorization server. Cheap to clone; clones are the same provider.
#[derive(Clone)]
pub struct Provider {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) issuer: String,
    pub(crate) origin: String,
    pub(crate) paths: Paths,
    pub(crate) document: Bytes,
    pub(crate) jwks: Bytes,
    pub(crate) resources: Vec<String>,
    pub(crate) scopes: Vec<(String, String)>,
    pub(crate) default_scope: ScopeSet,
    pub(crate) hierarchy: ScopeHierarchy,
    pub(crate) sign_in: Arc<dyn SignIn>,
    pub(crate) clients: Clients,
    pub(crate) registration: Registration,
    pub(crate) browsers: Browsers,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) pages: Pages,
    pub(crate) signing: SigningKey,
    pub(crate) verifier: Arc<JwtVerifier>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) proxies: TrustedProxies,
    pub(crate) access_ttl: Duration,
    pub(crate) refresh_ttl: Duration,
    pub(crate) code_ttl: Duration,
}

/// The address of the connection, put beside a request for those who count by it.
#[derive(Clone, Copy)]
struct Peer(Option<IpAddr>);

impl Provider {
    /// Starts a provider with this issuer: https, or http on a loopback host; in most cases the origin of your service.
    pub fn builder(issuer: impl Into<String>) -> ProviderBuilder {
        ProviderBuilder::new(issuer.into())
    }

    /// Verifies this provider's tokens in this process: it shares keys and revocations, without a way over HTTP.
    #[must_use]
    pub fn verifier(&self) -> impl TokenVerifier + Clone + use<> {
        Arc::clone(&self.inner.verifier)
    }

    /// What ended before its time, as [`verifier`](Self::verifier) sees it; for verifiers of other credentials, too.
    #[must_use]
    pub fn revocations(&self) -> Revocations {
        self.inner.grants.revocations.clone()
    }

    /// Ends everything that a user was issued until now, in this process at once and in others as soon as the store tells:
    /// the provider's own sessions, grants and tokens. The user can sign in again.
    ///
    /// Two things are ended by whoever made them, and first:
    /// - A session of the host's ([`HostSession`](crate::HostSession)): whoever has it can consent anew at once.
    /// - API keys: over the same store and issuer they are refused too, but only as long as the mark is kept, which is as long as
    ///   the longest token may live: 366 days. After that they may work again, unless each was revoked by itself.
    ///
    /// # Errors
    /// If it cannot be kept; then it counts in this process only, and should be tried again.
    pub async fn revoke_user(&self, subject: &str) -> Result<(), StoreError> {
        self.inner.grants.revoke_user(subject).await
    }

    /// The issuer's identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }
}

impl Inner {
    /// The client's address, behind configured proxies.
    pub(crate) fn address(&self, parts: &Parts) -> Option<IpAddr> {
        let Peer(peer) = parts.extensions.get::<Peer>().copied()?;
        peer.map(|peer| self.proxies.client(peer, &parts.headers))
    }

    async fn respond(&self, parts: &Parts, body: &Bytes) -> Response<Bytes> {
        let path = parts.uri.path();
        if path == self.paths.authorize {
            return self.authorize(parts, body).await;
        }
        if path == self.paths.sign_in && self.has_sign_in_page() {
            return self.visit(parts, body).await;
        }
        let post = "POST, OPTIONS";
        let is_post_endpoint =
            [&self.paths.token, &self.paths.register, &self.paths.revoke].iter().any(|p| *p == path);
        if parts.method == Method::OPTIONS {
            return allow_any_origin(
                empty(StatusCode::NO_CONTENT),
                if is_post_endpoint { post } else { "GET, HEAD, OPTIONS" },
            );
        }
        if path == self.paths.token {
            allow_any_origin(self.token(parts, body).await, post)
        } else if path == self.paths.revoke {
            allow_any_origin(self.revoke(parts, body).await, post)
        } else if path == self.paths.register {
            allow_any_origin(self.register(parts, body).await, post)
        } else if path == self.paths.jwks {
            allow_any_origin(document(parts, &self.jwks), "GET, HEAD, OPTIONS")
        } else if self.paths.documents.iter().any(|document| document == path) {
            allow_any_origin(document(parts, &self.document), "GET, HEAD, OPTIONS")
        } else {
            empty(StatusCode::NOT_FOUND)
        }
    }

    async fn register(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        if parts.method != Method::POST {
            return method_not_allowed("POST, OPTIONS");
        }
        match self.registration.register(&self.clients, self.address(parts), body).await {
            Ok(response) => response,
            Err(refused) => {
                refused.record("register", None);
                refused.into_response()
            }
        }
    }
}

/// A public document, kept for five minutes.
fn document(parts: &Parts, json: &Bytes) -> Response<Bytes> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return method_not_allowed("GET, HEAD, OPTIONS");
    }
    let mut response = Response::new(json.clone());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

#[async_trait]
impl Routes for Provider {
    fn paths(&self) -> Vec<String> {
        let Paths { authorize, token, register, revoke, jwks, sign_in, documents } = &self.inner.paths;
        // A host that signs its users in itself may have a page of that name.
        let sign_in = self.inner.has_sign_in_page().then_some(sign_in);
        [authorize, token, register, revoke, jwks]
            .into_iter()
            .chain(sign_in)
            .chain(documents)
            .cloned()
            .collect()
    }

    async fn respond(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(Peer(peer));
        self.inner.respond(&parts, &body).await
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.inner.issuer).finish_non_exhaustive()
    }
}
