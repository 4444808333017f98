//! The key that signs access tokens (ES256), and the tokens (RFC 9068).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth_core::store::{Key, KeyRing, Sealed, Store, StoreError, StoreExt};
use mcp_auth_core::time::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use crate::secret::{self, NoRandomness};

/// The collection that signing keys are kept in, sealed.
const KEYS: &str = "signing_keys";
const CURRENT: &str = "current";

/// The key that a provider signs its access tokens with. One that is [loaded](Self::load) outlives the process, so that tokens
/// do, too; by default a provider makes one at its start and forgets it at its end. Cheap to clone.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<EcdsaKeyPair>,
    kid: String,
}

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// The store does not answer, or what it holds was not sealed by this ring: give the key that it was sealed with.
    #[error("the signing key cannot be read or kept")]
    Store(#[from] StoreError),
    /// What was opened is no key.
    #[error("the stored signing key is damaged: forget it, and begin anew")]
    Damaged,
    /// The machine gives no randomness.
    #[error("the machine gives no randomness")]
    NoRandomness,
}

impl From<NoRandomness> for SigningKeyError {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

/// What an access token says.
pub(crate) struct AccessToken<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) grant_id: &'a str,
    /// When the user signed in (RFC 9068, section 2.2.1).
    pub(crate) signed_in: Timestamp,
}

impl SigningKey {
    /// The key that `store` keeps, sealed by `ring`; made and kept there the first time. Of several processes that begin at the
    /// same time one makes it, and all use that one.
    ///
    /// # Errors
    /// [`SigningKeyError`] says what is wrong, and what to do about it.
    pub async fn load(store: Arc<dyn Store>, ring: KeyRing) -> Result<Self, SigningKeyError> {
        let (store, place) = (Sealed::new(store, ring), Key::new(KEYS, "", CURRENT));
        if let Some(entry) = store.get(&place).await? {
            return Self::from_pkcs8(&entry.value).ok_or(SigningKeyError::Damaged);
        }
        let made = Self::generate()?;
        let document = made.pair.to_pkcs8v1().map_err(|_| SigningKeyError::NoRandomness)?;
        let document = Zeroizing::new(document.as_ref().to_vec());
        if store.insert_new(&place, document.to_vec(), None).await? {
            return Ok(made);
        }
        let entry = store.get(&place).await?.ok_or(SigningKeyError::Damaged)?;
        Self::from_pkcs8(&entry.value).ok_or(SigningKeyError::Damaged)
    }

    /// Removes the key that `store` keeps: the next [`load`](Self::load) makes another. For a key that somebody else may have, so
    /// it needs no ring, and nothing of the old key is published any more. Each process has the old one until it begins anew;
    /// then access tokens of before are refused, and clients get others with their refresh tokens. False if none was kept.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    pub async fn forget(store: &dyn Store) -> Result<bool, StoreError> {
        let place = Key::new(KEYS, "", CURRENT);
        let was_kept = store.get(&place).await?.is_some();
        store.remove(&place).await?;
        Ok(was_kept)
    }

    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| NoRandomness)?;
        Ok(Self::new(pair))
    }

    fn from_pkcs8(document: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).ok().map(Self::new)
    }

    fn new(pair: EcdsaKeyPair) -> Self {
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let kid = secret::hash(&public).chars().take(16).collect();
        Self { pair: Arc::new(pair), kid }
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
            "auth_time": token.signed_in.as_secs(),
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
