//! The `WWW-Authenticate` header of a refusal (RFC 6750, section 3; RFC 9728, section 5.1).
//!
//! 1. A request without a token is told where the metadata is and which scopes to begin with, and no error.
//! 2. A refused token is `invalid_token`, whatever was wrong with it.
//! 3. A missing scope is `insufficient_scope`, with every scope the operation needs at once.
//! 4. `offline_access` is never asked for in a challenge.

use http::HeaderValue;

use crate::scope::ScopeSet;

/// The scheme that a client is challenged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeScheme<'a> {
    /// RFC 6750.
    Bearer,
    /// RFC 9449, section 7.1, with the algorithms of proofs, space-separated.
    Dpop(&'a str),
}

/// What a client is told to do about its authorization. Display form is the header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// How the token is to be presented.
    pub scheme: ChallengeScheme<'a>,
    /// Where the protected resource metadata is served; none where no authorization server issues tokens.
    pub resource_metadata: Option<&'a str>,
    /// The error code of RFC 6750, section 3.1; none where no token was sent.
    pub error: Option<ChallengeError>,
    /// The scopes to ask for.
    pub scope: Option<&'a ScopeSet>,
}

/// The error codes of RFC 6750, section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeError {
    /// The request is malformed: 400.
    InvalidRequest,
    /// The token is refused: 401.
    InvalidToken,
    /// The token lacks a scope: 403.
    InsufficientScope,
    /// The proof is refused: 401 (RFC 9449, section 7.1).
    InvalidDpopProof,
    /// The proof lacks a nonce: 401 (RFC 9449, section 9).
    UseDpopNonce,
}

impl ChallengeError {
    /// The code as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
        }
    }
}

impl Challenge<'_> {
    /// The header's value. Everything in it comes from configuration and from parsed scopes, so it is always valid;
    /// should it not be, the bare scheme is sent.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        let (mut value, mut before) = match self.scheme {
            ChallengeScheme::Bearer => (String::from("Bearer"), " "),
            ChallengeScheme::Dpop(algorithms) => (format!("DPoP algs=\"{algorithms}\""), ", "),
        };
        let scope = self.scope.map(|scope| scope.filtered(|scope| scope != "offline_access"));
        let scope = scope.filter(|scope| !scope.is_empty()).map(|scope| scope.to_string());
        for (name, text) in [
            ("error", self.error.map(ChallengeError::as_str)),
            ("scope", scope.as_deref()),
            ("resource_metadata", self.resource_metadata),
        ] {
            let Some(text) = text else { continue };
            for part in [before, name, "=\"", text, "\""] {
                value.push_str(part);
            }
            before = ", ";
        }
        HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn offline_access_is_not_asked_for() {
        let scope = ScopeSet::parse("offline_access a:read").unwrap();
        let scheme = ChallengeScheme::Bearer;
        let challenge =
            Challenge { scheme, resource_metadata: Some("https://x/y"), error: None, scope: Some(&scope) };
        assert_eq!(challenge.header(), "Bearer scope=\"a:read\", resource_metadata=\"https://x/y\"");
    }

    #[test]
    fn what_there_is_is_separated_by_commas() {
        let bare = Challenge {
            scheme: ChallengeScheme::Bearer,
            resource_metadata: None,
            error: None,
            scope: Some(&ScopeSet::default()),
        };
        assert_eq!(bare.header(), "Bearer");
        let refused = Challenge { error: Some(ChallengeError::InvalidToken), ..bare.clone() };
        assert_eq!(refused.header(), "Bearer error=\"invalid_token\"");
        let proof = Challenge { scheme: ChallengeScheme::Dpop("ES256"), ..refused };
        assert_eq!(proof.header(), "DPoP algs=\"ES256\", error=\"invalid_token\"");
    }
}
