//! Several kinds of credential at one endpoint.
//!
//! 1. The verifier is chosen by the credential's shape alone, before anything is asked; its verdict is final: no other is tried
//!    after a refusal.
//! 2. A JWT (three parts of base64url, the first of which holds a JSON object) goes to the verifier for JWTs and nowhere
//!    else: never to the service's own API.
//! 3. Then come the shapes that the service names, in their order, then whatever else there is (opaque tokens). A shape without
//!    a verifier is refused.
//!
//! ```
//! use mcp_auth_core::verify::VerifierRouter;
//! use mcp_auth_core::verify::jwt::{JwtKeys, JwtVerifier};
//! # use mcp_auth_core::{Credential, Principal, TokenVerifier};
//! # use mcp_auth_core::verify::{Verified, VerifyContext, VerifyError};
//! # struct ApiTokens;
//! # #[async_trait::async_trait]
//! # impl TokenVerifier for ApiTokens {
//! #     async fn verify(&self, _: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
//! #         Ok(Principal::builder("https://api.example", "ada").build().into())
//! #     }
//! #     fn authorization_servers(&self) -> Vec<String> { Vec::new() }
//! # }
//! # let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
//! let jwt = JwtVerifier::builder("https://issuer.example").keys(JwtKeys::new(jwks)?).build()?;
//! let verifier = VerifierRouter::new().jwt(jwt).shape(|token| token.starts_with("svc_"), ApiTokens);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Revocations, TokenRefusal, TokenVerifier, Verified, VerifyContext, VerifyError};
use crate::background::{Background, Job};
use crate::credential::Credential;
use crate::scope::ScopeSet;

type Shape = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Hands each credential to the one verifier for its shape.
#[derive(Default)]
#[must_use]
pub struct VerifierRouter {
    jwt: Option<Box<dyn TokenVerifier>>,
    shapes: Vec<(Shape, Box<dyn TokenVerifier>)>,
    opaque: Option<Box<dyn TokenVerifier>>,
}

impl VerifierRouter {
    /// Without any verifier: everything is refused.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who verifies JWTs.
    pub fn jwt(mut self, verifier: impl TokenVerifier) -> Self {
        self.jwt = Some(Box::new(verifier));
        self
    }

    /// Who verifies credentials for which `is_shape` is true; JWTs are never among them. Repeatable: the first that is true
    /// decides.
    pub fn shape(
        mut self,
        is_shape: impl Fn(&str) -> bool + Send + Sync + 'static,
        verifier: impl TokenVerifier,
    ) -> Self {
        self.shapes.push((Box::new(is_shape), Box::new(verifier)));
        self
    }

    /// Who verifies what has no other shape.
    pub fn opaque(mut self, verifier: impl TokenVerifier) -> Self {
        self.opaque = Some(Box::new(verifier));
        self
    }

    fn choose(&self, token: &str) -> Option<&dyn TokenVerifier> {
        if is_jwt_shaped(token) {
            return self.jwt.as_deref();
        }
        let shaped = self.shapes.iter().find(|(is_shape, _)| is_shape(token)).map(|(_, verifier)| verifier);
        shaped.or(self.opaque.as_ref()).map(|verifier| &**verifier)
    }

    fn all(&self) -> impl Iterator<Item = &dyn TokenVerifier> {
        let shaped = self.shapes.iter().map(|(_, verifier)| verifier);
        self.jwt.iter().chain(shaped).chain(&self.opaque).map(|verifier| &**verifier)
    }
}

/// True for what looks like a signed JWT (RFC 7515, section 3.1): three parts of base64url, the first of which holds an object.
#[must_use]
pub fn is_jwt_shaped(token: &str) -> bool {
    let is_part =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let begins_as_object =
        || URL_SAFE_NO_PAD.decode(header).is_ok_and(|json| json.trim_ascii_start().starts_with(b"{"));
    is_part(claims) && is_part(signature) && begins_as_object()
}

#[async_trait]
impl TokenVerifier for VerifierRouter {
    async fn verify(
        &self,
        credential: &Credential,
        context: VerifyContext<'_>,
    ) -> Result<Verified, VerifyError> {
        match self.choose(credential.expose_token()) {
            Some(verifier) => verifier.verify(credential, context).await,
            None => Err(TokenRefusal::Malformed.into()),
        }
    }

    fn authorization_servers(&self) -> Vec<String> {
        let mut servers: Vec<String> = Vec::new();
        for server in self.all().flat_map(TokenVerifier::authorization_servers) {
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        servers
    }

    /// What clients could obtain: from those verifiers that have an authorization server. Unknown if one of them does not know.
    fn obtainable_scopes(&self) -> Option<ScopeSet> {
        self.all()
            .filter(|verifier| !verifier.authorization_servers().is_empty())
            .map(TokenVerifier::obtainable_scopes)
            .reduce(|one, other| Some(one?.union(&other?)))
            .flatten()
    }

    fn revocations(&self) -> Vec<Revocations> {
        self.all().flat_map(TokenVerifier::revocations).collect()
    }

    /// All of them only grow, so their sum changes with each.
    fn epoch(&self) -> u64 {
        self.all().map(TokenVerifier::epoch).fold(0, u64::wrapping_add)
    }

    /// True while every kind of credential can be verified, so that a process which has no keys yet gets no traffic. (A verifier
    /// that has keys stays ready while its issuer fails, and so does one that asks for each token: an outage elsewhere takes no
    /// running process out of service.)
    fn is_ready(&self) -> bool {
        self.all().all(TokenVerifier::is_ready)
    }

    fn background(&self) -> Option<Job> {
        let jobs: Vec<Job> = self.all().filter_map(TokenVerifier::background).collect();
        (!jobs.is_empty()).then(|| Box::pin(Background::new(jobs)) as Job)
    }
}

impl std::fmt::Debug for VerifierRouter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifierRouter")
            .field("jwt", &self.jwt.is_some())
            .field("shapes", &self.shapes.len())
            .field("opaque", &self.opaque.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ready(bool);

    #[async_trait]
    impl TokenVerifier for Ready {
        async fn verify(&self, _: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
            Err(TokenRefusal::Unknown.into())
        }
        fn authorization_servers(&self) -> Vec<String> {
            Vec::new()
        }
        fn is_ready(&self) -> bool {
            self.0
        }
    }

    #[test]
    fn it_is_ready_once_all_are() {
        let router = |jwt, keys| VerifierRouter::new().jwt(Ready(jwt)).shape(|_| true, Ready(keys));
        assert!(router(true, true).is_ready());
        assert!(!router(false, true).is_ready() && !router(true, false).is_ready());
    }

    #[test]
    fn what_looks_like_a_jwt() {
        for token in ["eyJhbGciOiJub25lIn0.e30.c2ln", "ewogImFsZyI6MX0.e30.c2ln", "IHsiYSI6MX0.e30."] {
            assert!(is_jwt_shaped(token), "{token}");
        }
        for token in [
            "",
            "eyJ",
            "eyJ.e30",
            "eyJ.e30.",
            "eyJ..x",
            "eyJ.a.b.c",
            "abc.def.ghi",
            "e30.a+b.c",
            "11111111-1111-4111-8111-111111111111:demo:rw",
        ] {
            assert!(!is_jwt_shaped(token), "{token}");
        }
    }
}
