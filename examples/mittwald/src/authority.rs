//! Who issues the tokens: the embedded provider, or another authorization server.

use axum::Router;
use mcp_auth_core::background::Background;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::http::TrustedProxies;
use mcp_auth_core::store::StoreError;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::{Revocations, VerifierRouter};
use mcp_auth_provider::{Client, Provider, ProviderApprovers, SigningKey, SigningKeyError};
use secrecy::ExposeSecret;
use url::Url;

use crate::logins::Logins;
use crate::options::{AuthorityOptions, ClientOptions, Embedded};
use crate::policies::{DEFAULT_CHALLENGE, SCOPES, hierarchy};
use crate::state::State;
use crate::verifiers;

/// Redirects with a private scheme that a known client registers; it gives up if one of its redirects is refused.
const PRIVATE_REDIRECTS: [&str; 1] = ["cursor://anysphere.cursor-mcp/oauth/callback"];

/// Why nobody can issue tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The key that signs tokens.
    #[error("{0}; was the store sealed with another --key?")]
    SigningKey(#[from] SigningKeyError),
    /// Whoever was signed in before cannot be signed out.
    #[error("what users had before cannot be ended: {0}")]
    Store(#[from] StoreError),
}

/// Where this server is, to clients and beside the API behind it.
pub(crate) struct Places<'a> {
    pub(crate) origin: &'a str,
    pub(crate) mcp: &'a str,
    pub(crate) api: &'a Url,
    pub(crate) proxies: &'a TrustedProxies,
}

/// What the choice of an authority brings along.
pub(crate) struct Authority {
    /// Who verifies what a caller brings.
    pub(crate) verifier: VerifierRouter,
    /// What ends before its time.
    pub(crate) revocations: Revocations,
    /// Its users, as those who approve; none if tokens come from elsewhere.
    pub(crate) approvers: Option<ProviderApprovers>,
    /// The provider's endpoints; none if tokens come from elsewhere.
    pub(crate) routes: Router,
    /// The provider's work beside the requests.
    pub(crate) background: Option<Background>,
}

impl Authority {
    pub(crate) async fn new(
        options: &AuthorityOptions,
        logins: Logins,
        places: &Places<'_>,
        state: &State,
    ) -> Result<Self, AuthorityError> {
        match options {
            AuthorityOptions::Embedded(embedded) => Self::embedded(embedded, logins, places, state).await,
            AuthorityOptions::External { issuer, audiences, jwks_uri, introspection } => {
                let revocations = Revocations::over(state.store.clone(), Clock::system());
                let jwt = verifiers::external(issuer, audiences, jwks_uri.as_deref(), &revocations)?;
                let mut verifier = verifiers::router(jwt, places.api, &revocations)?;
                if let Some(introspection) = introspection {
                    let opaque = verifiers::introspected(issuer, audiences, introspection, &revocations)?;
                    verifier = verifier.opaque(opaque);
                }
                Ok(Self { verifier, revocations, approvers: None, routes: Router::new(), background: None })
            }
        }
    }

    async fn embedded(
        options: &Embedded,
        logins: Logins,
        places: &Places<'_>,
        state: &State,
    ) -> Result<Self, AuthorityError> {
        let key = SigningKey::load(state.store.clone(), state.ring.clone()).await?;
        let mut builder = Provider::builder(places.origin)
            .resource(places.mcp)
            .scopes(SCOPES)
            .default_scope(DEFAULT_CHALLENGE)
            .hierarchy(hierarchy())
            .sign_in(logins.users)
            .store(state.store.clone())
            .signing_key(key)
            .trusted_proxies(places.proxies.clone())
            .allowed_private_redirects(PRIVATE_REDIRECTS);
        for client in &options.clients {
            builder = builder.client(known(client));
        }
        if let Some(ttl) = options.access_token_ttl {
            builder = builder.access_token_ttl(ttl);
        }
        if let Some(ttl) = options.refresh_token_ttl {
            builder = builder.refresh_token_ttl(ttl);
        }
        if let Some(ttl) = options.code_ttl {
            builder = builder.code_ttl(ttl);
        }
        let (provider, background) = builder.build()?;
        for user in logins.changed {
            provider.revoke_user(&user.name).await?;
            user.done().await?;
        }
        let revocations = provider.revocations();
        Ok(Self {
            verifier: verifiers::router(provider.verifier(), places.api, &revocations)?,
            revocations,
            approvers: Some(provider.approvers()),
            routes: mcp_auth_axum::routes(&provider),
            background: Some(background),
        })
    }
}

fn known(client: &ClientOptions) -> Client {
    match &client.secret {
        Some(secret) => Client::confidential(&client.id, secret.expose_secret(), &client.redirects),
        None => Client::public(&client.id, &client.redirects),
    }
}
