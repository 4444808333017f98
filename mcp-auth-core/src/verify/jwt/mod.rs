//! JWT access tokens (RFC 9068), checked here from the first byte to the last.
//!
//! 1. Three parts of strict base64url; header and claims are read by the strict reader: a duplicate name is refused.
//! 2. `crit`, `b64`, `zip`, `enc`, and keys that travel in the header (`jwk`, `jku`, `x5u`) are refused.
//! 3. `alg` is one of the allowed asymmetric ones; `none` and HMAC have no representation here.
//! 4. `iss` is a string and chooses one of the issuers by equality to the character, before any key is looked up: each
//!    issuer has its own rules and keys, and a key of one never verifies another's token.
//! 5. The key is found by `kid` among that issuer's keys, and must be for the token's `alg`.
//! 6. `typ` is `at+jwt`; `aud` names the resource to the character; `exp` is there and a number; `nbf` and `iat`, where
//!    they are there, have passed; `sub` is a string. To whom a token is bound (`cnf`) is handed to the guard.
//! 7. A verdict may be used again until the token expires or the keys become too old; [`epoch`](TokenVerifier::epoch) grows
//!    when a key is withdrawn.
//!
//! ```
//! use mcp_auth_core::verify::jwt::JwtVerifier;
//!
//! let verifier = JwtVerifier::builder("https://issuer.example")
//!     .jwks(r#"{"keys":[]}"#)
//!     .build();
//! assert!(verifier.unwrap_err().to_string().contains("no usable key"));
//! ```

mod algorithm;
mod build;
mod builder;
mod check;
pub(crate) mod claims;
mod header;
mod issuer;
mod key;
mod keys;
mod known;
mod presets;
mod proof_key;
#[cfg(feature = "fetch")]
mod refresh;
mod rules;
mod slot;

use async_trait::async_trait;

use super::{Revocations, TokenVerifier, Verified, VerifyContext, VerifyError};
use crate::background::{Background, Job};
use crate::credential::Credential;
use crate::scope::ScopeSet;

pub use algorithm::Algorithm;
pub use builder::JwtVerifierBuilder;
pub use keys::KeysError;
pub use presets::{AudienceRule, Form, Parameter, Preset};
pub use rules::TypRule;
pub use slot::JwtKeys;

pub(crate) use proof_key::ProofKey;

/// Verifies the JWT access tokens of one issuer, or of several.
#[derive(Debug)]
pub struct JwtVerifier {
    issuers: Vec<issuer::Issuer>,
    known: known::Known,
}

impl JwtVerifier {
    /// Starts a verifier for the tokens of `issuer`, written exactly as its tokens and its metadata write it. Others are
    /// added with [`JwtVerifierBuilder::and`].
    pub fn builder(issuer: impl Into<String>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(issuer.into())
    }
}

#[async_trait]
impl TokenVerifier for JwtVerifier {
    async fn verify(
        &self,
        credential: &Credential,
        context: VerifyContext<'_>,
    ) -> Result<Verified, VerifyError> {
        let decoded = check::Decoded::read(credential.expose_token(), &self.known)?;
        let (token, issuer) = check::Token::read(&decoded, &self.issuers)?;
        let key = issuer.keys.find(token.kid(), token.algorithm()).await?;
        let verified = token.verify(&key, &issuer.rules, &self.known, context)?;
        decoded.is_good(&self.known);
        Ok(verified)
    }

    fn authorization_servers(&self) -> Vec<String> {
        self.issuers.iter().map(|issuer| issuer.rules.issuer.clone()).collect()
    }

    /// The scopes of all issuers together, or `None` if those of one are not known.
    fn obtainable_scopes(&self) -> Option<ScopeSet> {
        let mut scopes = self.issuers.iter().map(|issuer| issuer.rules.obtainable.as_ref());
        scopes.try_fold(ScopeSet::default(), |all, scopes| scopes.map(|scopes| all.union(scopes)))
    }

    fn revocations(&self) -> Vec<Revocations> {
        self.issuers.iter().filter_map(|issuer| issuer.rules.revocations.clone()).collect()
    }

    fn epoch(&self) -> u64 {
        self.issuers.iter().map(|issuer| issuer.keys.withdrawals()).fold(0, u64::saturating_add)
    }

    /// True as soon as the tokens of one issuer can be verified.
    fn is_ready(&self) -> bool {
        self.issuers.iter().any(|issuer| issuer.keys.has_keys())
    }

    fn background(&self) -> Option<Job> {
        #[cfg(feature = "fetch")]
        let mut jobs: Vec<Job> = self
            .issuers
            .iter()
            .filter_map(|issuer| Some((issuer.refresher.clone()?, issuer.keys.clone())))
            .map(|(refresher, keys)| -> Job { Box::pin(refresher.run(keys)) })
            .collect();
        #[cfg(not(feature = "fetch"))]
        let mut jobs: Vec<Job> = Vec::new();
        if jobs.len() > 1 { Some(Box::pin(Background::new(jobs))) } else { jobs.pop() }
    }
}
