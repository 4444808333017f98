//! Who issues the tokens: the embedded provider, or another authorization server.

use axum::Router;
use mcp_auth_core::background::Background;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::guard::GuardBuilder;
use mcp_auth_core::http::TrustedProxies;
use mcp_auth_core::verify::jwt::JwtVerifier;
use mcp_auth_provider::{Client, LocalUsers, Provider};
use secrecy::ExposeSecret;

use crate::options::{AuthorityOptions, ClientOptions, Embedded};
use crate::policies::SCOPES;

/// Redirects with a private scheme that a known client registers; it gives up if one of its redirects is refused.
const PRIVATE_REDIRECTS: [&str; 1] = ["cursor://anysphere.cursor-mcp/oauth/callback"];

/// What the choice of an authority brings along.
pub(crate) struct Authority {
    /// The guard's builder, with its verifier.
    pub(crate) guard: GuardBuilder,
    /// The provider's endpoints; none if tokens come from elsewhere.
    pub(crate) routes: Router,
    /// The provider's work beside the requests.
    pub(crate) background: Option<Background>,
}

/// Gives the guard for `mcp_url` its verifier.
pub(crate) fn attach(
    guard: GuardBuilder,
    options: &AuthorityOptions,
    origin: &str,
    mcp_url: &str,
    proxies: &TrustedProxies,
) -> Result<Authority, ConfigErrors> {
    match options {
        AuthorityOptions::External { issuer, audiences, jwks_uri } => {
            let verifier = JwtVerifier::builder(issuer.as_str());
            let verifier = audiences.iter().fold(verifier, |verifier, audience| verifier.audience(audience));
            let verifier = match jwks_uri {
                Some(uri) => verifier.jwks_uri(uri),
                None => verifier,
            };
            let guard = guard.verifier(verifier.build()?);
            Ok(Authority { guard, routes: Router::new(), background: None })
        }
        AuthorityOptions::Embedded(embedded) => {
            let (provider, background) = provider(embedded, origin, mcp_url, proxies)?;
            let guard = guard.verifier(provider.verifier());
            Ok(Authority { guard, routes: mcp_auth_axum::routes(&provider), background: Some(background) })
        }
    }
}

fn provider(
    embedded: &Embedded,
    origin: &str,
    mcp_url: &str,
    proxies: &TrustedProxies,
) -> Result<(Provider, Background), ConfigErrors> {
    let users = embedded
        .users
        .iter()
        .fold(LocalUsers::new(), |users, user| users.user(&user.name, user.password.clone()));
    let mut builder = Provider::builder(origin)
        .resource(mcp_url)
        .scopes(SCOPES)
        .default_scope(crate::policies::DEFAULT_CHALLENGE)
        .sign_in(users)
        .trusted_proxies(proxies.clone())
        .allowed_private_redirects(PRIVATE_REDIRECTS);
    for client in &embedded.clients {
        builder = builder.client(known(client));
    }
    if let Some(ttl) = embedded.access_token_ttl {
        builder = builder.access_token_ttl(ttl);
    }
    if let Some(ttl) = embedded.refresh_token_ttl {
        builder = builder.refresh_token_ttl(ttl);
    }
    if let Some(ttl) = embedded.code_ttl {
        builder = builder.code_ttl(ttl);
    }
    builder.build()
}

fn known(client: &ClientOptions) -> Client {
    match &client.secret {
        Some(secret) => Client::confidential(&client.id, secret.expose_secret(), &client.redirects),
        None => Client::public(&client.id, &client.redirects),
    }
}
