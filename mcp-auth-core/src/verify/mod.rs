//! From a credential to a principal.
//!
//! 1. A [`TokenVerifier`] either names a [`Principal`](crate::Principal) or refuses; it never asks another verifier after a refusal.
//! 2. A refusal is about the token ([`VerifyError::Refused`], answered 401); not being able to tell is
//!    [`VerifyError::Unavailable`], answered 503 and never 401.
//! 3. The audience is the resource that the guard protects, handed over with every call.

pub mod api_key;
#[cfg_attr(not(feature = "jwt"), expect(dead_code, reason = "only claims are read for it"))]
mod binding;
mod cache;
mod certificate;
#[cfg(feature = "jwt")]
pub mod dpop;
#[cfg(feature = "fetch")]
pub mod introspection;
#[cfg(feature = "jwt")]
pub mod jwt;
#[cfg(feature = "fetch")]
mod remote;
mod revocations;
mod router;
#[cfg(feature = "fetch")]
pub mod upstream;
mod upstream_credential;
mod verified;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::background::Job;
use crate::credential::Credential;
use crate::scope::ScopeSet;
use crate::store::StoreError;
use crate::time::Timestamp;

pub use binding::{Binding, Thumbprint};
pub(crate) use cache::TokenCache;
pub use cache::{CacheKey, CacheSettings};
pub use certificate::ClientCertificate;
pub use revocations::{Revocation, Revocations};
pub use router::{VerifierRouter, is_jwt_shaped};
pub use upstream_credential::UpstreamCredential;
pub use verified::Verified;

/// What a verifier is told beside the credential.
#[derive(Clone, Copy, Debug)]
pub struct VerifyContext<'a> {
    /// The canonical URL of the protected resource (RFC 8707): what an audience must name.
    pub resource: &'a str,
    /// The time by the guard's clock.
    pub now: Timestamp,
    /// Where the request came from, if that is known: to be noted, never to be decided by.
    pub address: Option<IpAddr>,
}

/// Turns a credential into a [`Principal`](crate::Principal), or refuses it.
#[async_trait]
pub trait TokenVerifier: Send + Sync + 'static {
    /// Verifies one credential.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] if the token is not good here, [`VerifyError::Unavailable`] if that cannot be told now.
    async fn verify(
        &self,
        credential: &Credential,
        context: VerifyContext<'_>,
    ) -> Result<Verified, VerifyError>;

    /// The issuers whose tokens are taken, for `authorization_servers` (RFC 9728). At least one.
    fn authorization_servers(&self) -> Vec<String>;

    /// The scopes a client could obtain there, where that is known: only these are offered in a challenge.
    fn obtainable_scopes(&self) -> Option<ScopeSet> {
        None
    }

    /// What was revoked before its time; the guard asks on every request and ends streams by it.
    fn revocations(&self) -> Vec<Revocations> {
        Vec::new()
    }

    /// Grows whenever verdicts that were given before must not be used again: a key was withdrawn, a record changed.
    fn epoch(&self) -> u64 {
        0
    }

    /// False while no token could be verified (for readiness).
    fn is_ready(&self) -> bool {
        true
    }

    /// Work to be done beside the requests, taken once by the guard.
    fn background(&self) -> Option<Job> {
        None
    }
}

#[async_trait]
impl<V: TokenVerifier + ?Sized> TokenVerifier for Arc<V> {
    async fn verify(
        &self,
        credential: &Credential,
        context: VerifyContext<'_>,
    ) -> Result<Verified, VerifyError> {
        (**self).verify(credential, context).await
    }
    fn authorization_servers(&self) -> Vec<String> {
        (**self).authorization_servers()
    }
    fn obtainable_scopes(&self) -> Option<ScopeSet> {
        (**self).obtainable_scopes()
    }
    fn revocations(&self) -> Vec<Revocations> {
        (**self).revocations()
    }
    fn epoch(&self) -> u64 {
        (**self).epoch()
    }
    fn is_ready(&self) -> bool {
        (**self).is_ready()
    }
    fn background(&self) -> Option<Job> {
        (**self).background()
    }
}

/// Why there is no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is not good here.
    #[error("the token is refused: {0}")]
    Refused(#[from] TokenRefusal),
    /// It cannot be told now: keys or a server are missing.
    #[error("no verdict is possible: {reason}")]
    Unavailable {
        /// For the operator's log; never shown to a client.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Unavailable { reason: format!("{error}{cause}"), retry_after: Duration::from_secs(5) }
    }
}

/// Why a token is refused. The kind is for the log; a client learns only `invalid_token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// Not a token of the expected form.
    #[error("not a well-formed token")]
    Malformed,
    /// `alg` is not one that is taken from this issuer.
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// `typ` is not that of an access token (RFC 9068, section 2.1).
    #[error("the type is not that of an access token")]
    Type,
    /// `crit` is present (RFC 7515, section 4.1.11): we know no critical extension.
    #[error("a critical header is not understood")]
    Critical,
    /// No key of the issuer fits.
    #[error("no key of the issuer has this key id")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// `iss` is missing, of another type, or not one that is trusted.
    #[error("the issuer is not trusted")]
    Issuer,
    /// `aud` does not name this resource.
    #[error("the audience is another one")]
    Audience,
    /// The client is not one of those that are allowed.
    #[error("the client is not allowed")]
    Client,
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf` or `iat`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A claim is missing, repeated, or of the wrong type.
    #[error("a claim is missing or of the wrong type")]
    Claim,
    /// The token is bound to a key that was not shown (RFC 9449, RFC 8705).
    #[error("the token is bound to a key and was sent without proof")]
    Binding,
    /// The token, its grant or its principal was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// No such token is known (opaque tokens, keys).
    #[error("the token is not known")]
    Unknown,
}

impl TokenRefusal {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::Type => "token_type",
            Self::Critical => "token_critical",
            Self::UnknownKey => "token_unknown_key",
            Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Client => "token_client",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Claim => "token_claim",
            Self::Binding => "token_binding",
            Self::Revoked => "token_revoked",
            Self::Unknown => "token_unknown",
        }
    }
}
