//! The key that signs access tokens (ES256), and the tokens (RFC 9068).

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth_core::time::Timestamp;
use serde_json::json;

use crate::secret::{self, NoRandomness};

/// Signs access tokens. The key is made at start and never leaves the process.
pub(crate) struct SigningKey {
    pair: EcdsaKeyPair,
    kid: String,
}

/// What an access token says.
pub(crate) struct AccessToken<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) grant_id: &'a str,
}

impl SigningKey {
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| NoRandomness)?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let kid = secret::hash(&public).chars().take(16).collect();
        Ok(Self { pair, kid })
    }

    /// The public key as a JWK set.
    pub(crate) fn jwks(&self) -> String {
        // An uncompressed point: 4, x, y.
        let point = self.pair.public_key().as_ref();
        let part =
            |range| URL_SAFE_NO_PAD.encode(point.get::<std::ops::Range<usize>>(range).unwrap_or_default());
        let key = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid, "x": part(1..33), "y": part(33..65) });
        json!({ "keys": [key] }).to_string()
    }

    /// Signs a token that lives at least `ttl` from `now`: `exp` is rounded up, because a client counts `expires_in` from when
    /// it got the answer.
    pub(crate) fn sign(
        &self,
        token: &AccessToken<'_>,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<String, NoRandomness> {
        let expires_at = now.plus(ttl).plus(Duration::from_millis(999)).as_secs();
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.kid });
        let claims = json!({
            "iss": token.issuer,
            "sub": token.subject,
            "aud": token.audience,
            "client_id": token.client_id,
            "scope": token.scope,
            "iat": now.as_secs(),
            "exp": expires_at,
            "jti": secret::random_id()?,
            "gid": token.grant_id,
        });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| NoRandomness)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}
