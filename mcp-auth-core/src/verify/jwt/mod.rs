//! JWT access tokens (RFC 9068), checked here from the first byte to the last.
//!
//! 1. Three parts of strict base64url; header and claims are read by the strict reader: a duplicate name is refused.
//! 2. `crit`, `b64`, `zip`, `enc`, and keys that travel in the header (`jwk`, `jku`, `x5u`) are refused.
//! 3. `alg` is one of the allowed asymmetric ones; `none` and HMAC have no representation here.
//! 4. `iss` is a string and equal to the configured issuer to the character, before any key is looked up.
//! 5. The key is found by `kid` among the issuer's keys, and must be of the algorithm's kind.
//! 6. `typ` is `at+jwt`; `aud` names the resource to the character; `exp` is there and a number; `nbf` and `iat`, where
//!    they are there, have passed; `sub` is a string; a token that is bound to a key (`cnf`) is no bearer token.
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
mod builder;
mod check;
mod claims;
mod key;
mod keys;
#[cfg(feature = "fetch")]
mod refresh;
mod slot;

use async_trait::async_trait;

use super::{Revocations, TokenVerifier, Verified, VerifyContext, VerifyError};
use crate::background::Job;
use crate::credential::Credential;
use crate::scope::ScopeSet;

pub use algorithm::Algorithm;
pub use builder::{JwtVerifierBuilder, TypRule};
pub use keys::KeysError;
pub use slot::JwtKeys;

/// Verifies the JWT access tokens of one issuer.
#[derive(Debug)]
pub struct JwtVerifier {
    rules: builder::Rules,
    keys: JwtKeys,
    #[cfg(feature = "fetch")]
    refresher: Option<refresh::Refresher>,
}

impl JwtVerifier {
    /// Starts a verifier for the tokens of `issuer`, written exactly as its tokens and its metadata write it.
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
        let token = check::Token::read(credential.expose_token(), &self.rules)?;
        let key = self.keys.find(token.kid(), token.algorithm()).await?;
        token.verify(&key, &self.rules, context).map_err(Into::into)
    }

    fn authorization_servers(&self) -> Vec<String> {
        vec![self.rules.issuer.clone()]
    }

    fn obtainable_scopes(&self) -> Option<ScopeSet> {
        self.rules.obtainable.clone()
    }

    fn revocations(&self) -> Vec<Revocations> {
        self.rules.revocations.iter().cloned().collect()
    }

    fn is_ready(&self) -> bool {
        self.keys.has_keys()
    }

    fn background(&self) -> Option<Job> {
        #[cfg(feature = "fetch")]
        if let Some(refresher) = &self.refresher {
            return Some(Box::pin(refresher.clone().run(self.keys.clone())));
        }
        None
    }
}
