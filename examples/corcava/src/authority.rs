//! Who vouches for users: the embedded authorization server, or another one.

use std::sync::Arc;

use mcp_auth_core::background::Background;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::http::TrustedProxies;
use mcp_auth_core::store::Store;
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::jwt::JwtVerifier;
use mcp_auth_provider::{Client, HostSession, Provider, SigningKey, User};
use secrecy::ExposeSecret;

use crate::options::{ClientOptions, Embedded};
use crate::policies::{DEFAULT_CHALLENGE, SCOPES, hierarchy};
use crate::sessions::Sessions;

/// Redirects with a private scheme that a known client registers; it gives up if one of its redirects is refused.
const PRIVATE_REDIRECTS: [&str; 1] = ["cursor://anysphere.cursor-mcp/oauth/callback"];

/// Where users sign in, and the query parameter that says where they go then.
pub(crate) const LOGIN: &str = "/login";
pub(crate) const NEXT: &str = "next";

/// What an embedded provider is made of.
pub(crate) struct Parts<'a> {
    pub(crate) embedded: &'a Embedded,
    pub(crate) origin: &'a str,
    pub(crate) mcp_url: &'a str,
    pub(crate) proxies: &'a TrustedProxies,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) signing: SigningKey,
    pub(crate) sessions: Sessions,
}

/// The embedded authorization server. Users are signed in by the session of the settings pages.
pub(crate) fn provider(parts: Parts<'_>) -> Result<(Provider, Background), ConfigErrors> {
    let Parts { embedded, origin, mcp_url, proxies, store, signing, sessions } = parts;
    let session = HostSession::new(move |request| {
        let (sessions, browser) = (sessions.clone(), sessions.browser(&request.headers));
        async move {
            // Nobody, where it cannot be told.
            let user = sessions.user(&browser.ok()?).await.ok()?;
            user.map(User::new)
        }
    });
    let mut builder = Provider::builder(origin)
        .resource(mcp_url)
        .scopes(SCOPES)
        .default_scope(DEFAULT_CHALLENGE)
        .hierarchy(hierarchy())
        .sign_in(session.login_page(LOGIN, NEXT))
        .store(store)
        .signing_key(signing)
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

/// Takes the tokens of another authorization server.
pub(crate) fn external(
    issuer: &str,
    audiences: &[String],
    jwks_uri: Option<&str>,
) -> Result<VerifierRouter, ConfigErrors> {
    let verifier = JwtVerifier::builder(issuer);
    let verifier = audiences.iter().fold(verifier, |verifier, audience| verifier.audience(audience));
    let verifier = match jwks_uri {
        Some(uri) => verifier.jwks_uri(uri),
        None => verifier,
    };
    Ok(VerifierRouter::new().jwt(verifier.build()?))
}
