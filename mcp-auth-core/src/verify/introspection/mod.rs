//! Opaque tokens, asked about at their authorization server (RFC 7662).
//!
//! 1. The token goes in a form, by POST, to one configured endpoint: https, or loopback. This service authenticates there as a
//!    client: by `client_secret_basic`, `client_secret_post` or `private_key_jwt`.
//! 2. The answer has at most 64 KiB and is read strictly. `active` is `true`, or the token is refused.
//! 3. `aud` names the resource, or a configured audience, to the character; an answer without it is refused unless
//!    [`allow_missing_audience`](IntrospectionVerifierBuilder::allow_missing_audience). `iss`, where it is there, is the issuer.
//! 4. `exp`, `nbf`, `iat`, `scope`, `sub`, `client_id`, `jti`, `cnf` and `act` are honoured; a wrong type is refused.
//! 5. A good verdict is used again for a minute and never past `exp`; a refusal is remembered for ten seconds.
//! 6. One question for one token at a time. While the server fails, the answer is 503 with `Retry-After`.
//!
//! ```
//! use mcp_auth_core::verify::introspection::{ClientAuthentication, IntrospectionVerifier};
//!
//! let verifier = IntrospectionVerifier::builder("https://issuer.example", "https://issuer.example/introspect")
//!     .client("mcp-server", ClientAuthentication::basic("secret"))
//!     .build()?;
//! # Ok::<_, mcp_auth_core::config::ConfigErrors>(())
//! ```

mod answer;
mod builder;
mod client;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use url::form_urlencoded::Serializer;

use super::remote::{Asker, RemoteError};
use super::{Revocations, TokenVerifier, Verified, VerifyContext, VerifyError};
use crate::background::Job;
use crate::credential::Credential;
use crate::http::{Fetcher, is_json};
use crate::scope::ScopeSet;
use crate::time::Clock;

pub use builder::IntrospectionVerifierBuilder;
pub use client::{ClientAuthentication, ClientKeyError};

const MAX_ANSWER: usize = 64 * 1024;

/// Verifies the opaque tokens of one issuer by asking it. Cheap to clone; clones ask together.
#[derive(Clone, Debug)]
pub struct IntrospectionVerifier {
    inner: std::sync::Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rules: answer::Rules,
    endpoint: url::Url,
    client: client::Client,
    obtainable: Option<ScopeSet>,
    revocations: Vec<Revocations>,
    clock: Clock,
    fetcher: Fetcher,
    asker: Asker,
}

impl IntrospectionVerifier {
    /// Starts a verifier for the tokens of `issuer` (as its metadata writes it), which answers at `endpoint`.
    pub fn builder(issuer: impl Into<String>, endpoint: impl Into<String>) -> IntrospectionVerifierBuilder {
        IntrospectionVerifierBuilder::new(issuer.into(), endpoint.into())
    }

    /// The verdict on an answer as it came, without asking: for the property tests and the fuzz target of its reader.
    ///
    /// # Errors
    /// As [`verify`](TokenVerifier::verify).
    #[doc(hidden)]
    pub fn verdict_on(&self, answer: &[u8], context: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        Ok(self.inner.rules.read(answer, context)?)
    }
}

impl Inner {
    fn question(&self, token: &str) -> Result<Request<Bytes>, RemoteError> {
        let mut form = Serializer::new(String::new());
        form.append_pair("token", token).append_pair("token_type_hint", "access_token");
        let mut request = Request::post(self.endpoint.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        if let Some(value) = self.client.authenticate(&mut form, self.clock.now())? {
            request = request.header(header::AUTHORIZATION, value);
        }
        let request = request.body(Bytes::from(form.finish()));
        request.map_err(|error| RemoteError::Failed(error.to_string()))
    }

    async fn ask(&self, token: &str, context: VerifyContext<'_>) -> Result<Verified, RemoteError> {
        let request = self.question(token)?;
        let answer = self
            .fetcher
            .send(request, MAX_ANSWER)
            .await
            .map_err(|error| RemoteError::of("introspection", &error))?;
        let status = answer.status();
        match status {
            StatusCode::OK if is_json(answer.headers()) => self.rules.read(answer.body(), context),
            StatusCode::OK => Err(RemoteError::Unclear("introspection: the answer is not JSON".to_owned())),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                tracing::error!(%status, "the authorization server refuses this service's own client: check its id and secret");
                Err(RemoteError::Failed(format!("introspection: {status} for our own client")))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(RemoteError::Failed(format!("introspection: {status}"))),
            status if status.is_server_error() => {
                Err(RemoteError::Failed(format!("introspection: {status}")))
            }
            status => {
                tracing::warn!(%status, "the authorization server does not take the question: check the endpoint and the client");
                Err(RemoteError::Unclear(format!("introspection: {status}")))
            }
        }
    }
}

#[async_trait]
impl TokenVerifier for IntrospectionVerifier {
    async fn verify(
        &self,
        credential: &Credential,
        context: VerifyContext<'_>,
    ) -> Result<Verified, VerifyError> {
        let (inner, credential) = (std::sync::Arc::clone(&self.inner), credential.clone());
        let (resource, now) = (context.resource.to_owned(), context.now);
        let question = {
            let credential = credential.clone();
            async move {
                let context = VerifyContext { resource: &resource, now, address: None };
                inner.ask(credential.expose_token(), context).await
            }
        };
        self.inner.asker.ask(context.resource, credential.expose_token(), question).await
    }

    fn authorization_servers(&self) -> Vec<String> {
        vec![self.inner.rules.issuer.clone()]
    }

    fn obtainable_scopes(&self) -> Option<ScopeSet> {
        self.inner.obtainable.clone()
    }

    fn revocations(&self) -> Vec<Revocations> {
        self.inner.revocations.clone()
    }

    fn background(&self) -> Option<Job> {
        None
    }
}
