//! What a caller may bring, and who verifies it.
//!
//! 1. A JWT goes to whoever issues tokens; what has the form of an mStudio API token, and nothing else, to mittwald's API;
//!    the rest is asked about at the external authorization server, if it can be.
//! 2. An API token has roles, not scopes: `api_read` is every `…:read`, `api_write` every `…:write` and `…:delete`.
//! 3. Whose token it is, and which roles it has, the API itself says: who presents it, which token it is, and what it may.

use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::introspection::{ClientAuthentication, IntrospectionVerifier};
use mcp_auth_core::verify::jwt::JwtVerifier;
use mcp_auth_core::verify::upstream::{UpstreamAnswers, UpstreamPrincipal, UpstreamVerifier};
use mcp_auth_core::verify::{Revocations, TokenVerifier, VerifierRouter};
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use crate::options::Introspection;
use crate::policies::SCOPES;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_id: Uuid,
}

#[derive(Deserialize)]
struct Presented {
    id: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiToken {
    roles: Vec<String>,
    expires_at: Option<String>,
}

/// Takes JWTs by `jwt`, and API tokens.
pub(crate) fn router(
    jwt: impl TokenVerifier,
    api: &Url,
    revocations: &Revocations,
) -> Result<VerifierRouter, ConfigErrors> {
    let tokens = api_tokens(api, revocations)?;
    let is_for = tokens.clone();
    Ok(VerifierRouter::new().jwt(jwt).shape(move |token| is_for.is_for(token), tokens))
}

/// The verifier of JWTs of an external authorization server.
pub(crate) fn external(
    issuer: &str,
    audiences: &[String],
    jwks_uri: Option<&str>,
    revocations: &Revocations,
) -> Result<JwtVerifier, ConfigErrors> {
    let verifier = JwtVerifier::builder(issuer).revocations(revocations.clone());
    let verifier = audiences.iter().fold(verifier, |verifier, audience| verifier.audience(audience));
    match jwks_uri {
        Some(uri) => verifier.jwks_uri(uri),
        None => verifier,
    }
    .build()
}

/// The verifier of its other tokens.
pub(crate) fn introspected(
    issuer: &str,
    audiences: &[String],
    introspection: &Introspection,
    revocations: &Revocations,
) -> Result<IntrospectionVerifier, ConfigErrors> {
    let verifier = IntrospectionVerifier::builder(issuer, &introspection.url)
        .client(&introspection.client_id, ClientAuthentication::basic(introspection.client_secret.clone()))
        .revocations(revocations.clone());
    audiences.iter().fold(verifier, |verifier, audience| verifier.audience(audience)).build()
}

fn api_tokens(api: &Url, revocations: &Revocations) -> Result<UpstreamVerifier, ConfigErrors> {
    let base = api.as_str().trim_end_matches('/').to_owned();
    let scopes = |actions: &[&str]| {
        let of_role =
            |scope: &&str| scope.split_once(':').is_some_and(|(_, action)| actions.contains(&action));
        SCOPES.iter().map(|(scope, _)| *scope).filter(of_role).collect::<Vec<_>>().join(" ")
    };
    UpstreamVerifier::builder(format!("{base}/users/self"))
        .also_post(format!("{base}/users/self/credentials/token"))
        .then(move |answers| {
            let presented: Presented = answers.json(1)?;
            Some(format!("{base}/users/self/api-tokens/{}", presented.id))
        })
        .header("x-access-token")
        .shape(is_api_token)
        .principal(principal)
        .role("api_read", scopes(&["read"]))
        .role("api_write", scopes(&["write", "delete"]))
        .revocations(revocations.clone())
        .build()
}

/// `uuid:text:suffix`
fn is_api_token(token: &str) -> bool {
    let mut parts = token.split(':');
    let (Some(id), Some(text), Some(suffix), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    id.len() == 36 && Uuid::try_parse(id).is_ok() && !text.is_empty() && !suffix.is_empty()
}

fn principal(answers: &UpstreamAnswers) -> Option<UpstreamPrincipal> {
    let user: User = answers.json(0)?;
    let presented: Presented = answers.json(1)?;
    let token: ApiToken = answers.json(2)?;
    let principal = UpstreamPrincipal::new(user.user_id).roles(token.roles).token_id(presented.id);
    match token.expires_at {
        Some(at) => Some(principal.expires_at(timestamp(&at)?)),
        None => Some(principal),
    }
}

/// A time of RFC 3339; fractions of a second are cut off.
fn timestamp(text: &str) -> Option<Timestamp> {
    let time = humantime::parse_rfc3339(text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::is_api_token;

    #[test]
    fn what_an_api_token_looks_like() {
        assert!(is_api_token("11111111-1111-4111-8111-111111111111:demo:rw"));
        for other in [
            "",
            "::",
            "11111111-1111-4111-8111-111111111111",
            "11111111-1111-4111-8111-111111111111:demo",
            "11111111-1111-4111-8111-111111111111:demo:",
            "11111111-1111-4111-8111-111111111111:demo:rw:x",
            "11111111111141118111111111111111:demo:rw",
            "user:demo:rw",
            "eyJhbGciOiJub25lIn0.e30.c2ln",
        ] {
            assert!(!is_api_token(other), "{other}");
        }
    }
}
