//! Proof of possession (DPoP, RFC 9449), on the resource server's side.
//!
//! A token that names a key (`cnf.jkt`) is good only with a proof, made for this one request by that key. A proof is checked on
//! every request, whether the token's verdict is cached or not:
//!
//! 1. There is one `DPoP` header, one signed JWT of at most 8 KiB, strictly read: `typ` is `dpop+jwt`, `alg` asymmetric and
//!    allowed, `jwk` a public key, nothing critical (section 4.3).
//! 2. The signature is that key's, and the key's thumbprint (RFC 7638) is the token's `cnf.jkt`.
//! 3. `htm` is the method, `htu` the URL without query and fragment, `ath` the token's SHA-256.
//! 4. `iat` is at most [`window`](Dpop::window) away, `jti` has 1 to 256 bytes and comes once: it is kept in the store, hashed
//!    with the thumbprint, for as long as the proof would be taken. A store that does not answer is 503.
//! 5. Where nonces are asked for, the proof names one of the last two; without it the answer is `use_dpop_nonce` (section 9).
//! 6. A bound token that comes as `Bearer` is refused, and so is an unbound one that comes as `DPoP` (section 7.1).
//!
//! ```
//! use std::sync::Arc;
//! use mcp_auth_core::store::MemoryStore;
//! use mcp_auth_core::verify::dpop::Dpop;
//!
//! let dpop = Dpop::accepted(Arc::new(MemoryStore::default())).with_nonces();
//! assert!(!dpop.is_required());
//! ```

mod nonce;
mod proof;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretSlice};

use crate::config::ConfigErrors;
use crate::store::{Key, Store, StoreError, StoreExt};
use crate::time::Timestamp;
use crate::verify::Thumbprint;
use crate::verify::jwt::Algorithm;

use nonce::Nonces;
use proof::Proof;

/// The header that a proof comes in.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("dpop");
/// The header that tells a nonce (section 8).
pub(crate) const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// The shortest key that nonces are sealed with, in bytes.
const NONCE_KEY: usize = 32;
const NO_RANDOMNESS: [&str; 2] =
    ["dpop: the machine gives no randomness", "check the machine's random source"];
const SHORT_KEY: [&str; 2] = ["dpop: the nonce key has less than 32 bytes", "give 32 random bytes"];
const MAX_WINDOW: Duration = Duration::from_secs(300);
/// The collection that used proofs are kept in.
const USED: &str = "dpop_proofs";

/// Whether and how proofs are taken.
#[derive(Clone)]
#[must_use]
pub struct Dpop {
    store: Arc<dyn Store>,
    required: bool,
    algorithms: Vec<Algorithm>,
    window: Duration,
    nonces: Option<Nonces>,
    /// What is wrong with the nonces, and its fix.
    problem: Option<[&'static str; 2]>,
}

/// Why a proof is refused. The kind is for the log; a client learns `invalid_dpop_proof` or `use_dpop_nonce`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProofRefusal {
    /// A bound token came without a proof, or an unbound one where proofs are required.
    #[error("a proof is required")]
    Missing,
    /// More than one `DPoP` header.
    #[error("more than one proof")]
    Repeated,
    /// Not one well-formed signed JWT within the bounds.
    #[error("the proof is malformed")]
    Malformed,
    /// `typ` is not `dpop+jwt`.
    #[error("the proof's type is another one")]
    Type,
    /// `alg` is not allowed.
    #[error("the proof's algorithm is not allowed")]
    Algorithm,
    /// `jwk` is missing, private, weak or of another kind than `alg`.
    #[error("the proof's key is not usable")]
    Key,
    /// The signature does not verify.
    #[error("the proof's signature does not verify")]
    Signature,
    /// The token is bound to another key.
    #[error("the token is bound to another key")]
    OtherKey,
    /// `htm` is another method.
    #[error("the proof is for another method")]
    Method,
    /// `htu` is another URL.
    #[error("the proof is for another URL")]
    Url,
    /// `iat` is too far away, or no date.
    #[error("the proof is too old or from the future")]
    IssuedAt,
    /// `ath` is another token's.
    #[error("the proof is for another token")]
    TokenHash,
    /// The proof was used before.
    #[error("the proof was used before")]
    Replayed,
    /// `nonce` is missing or too old.
    #[error("the proof names no current nonce")]
    Nonce,
}

impl ProofRefusal {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Missing => "dpop_missing",
            Self::Repeated => "dpop_repeated",
            Self::Malformed => "dpop_malformed",
            Self::Type => "dpop_type",
            Self::Algorithm => "dpop_algorithm",
            Self::Key => "dpop_key",
            Self::Signature => "dpop_signature",
            Self::OtherKey => "dpop_other_key",
            Self::Method => "dpop_method",
            Self::Url => "dpop_url",
            Self::IssuedAt => "dpop_issued_at",
            Self::TokenHash => "dpop_token_hash",
            Self::Replayed => "dpop_replayed",
            Self::Nonce => "dpop_nonce",
        }
    }
}

/// Why a proof was not found good.
#[derive(Debug)]
pub(crate) enum ProofError {
    Refused(ProofRefusal),
    Store(StoreError),
}

impl From<ProofRefusal> for ProofError {
    fn from(refusal: ProofRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a proof has to fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) url: &'a str,
    pub(crate) token: &'a str,
    pub(crate) key: Thumbprint,
    pub(crate) now: Timestamp,
}

impl Dpop {
    /// Takes bound tokens with their proofs, and unbound ones as bearer tokens. Used proofs are kept in `store`, which all
    /// processes of the service share.
    pub fn accepted(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            required: false,
            algorithms: Algorithm::ALL.to_vec(),
            window: MAX_WINDOW,
            nonces: None,
            problem: None,
        }
    }

    /// Takes bound tokens only; API keys neither.
    pub fn required(store: Arc<dyn Store>) -> Self {
        Self { required: true, ..Self::accepted(store) }
    }

    /// Takes proofs with these algorithms only. By default all of [`Algorithm::ALL`].
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How far `iat` may be away, at most five minutes, which is the default.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Asks for a nonce that changes every two minutes, sealed with a key of this process.
    pub fn with_nonces(mut self) -> Self {
        self.nonces = Nonces::random();
        self.problem = self.nonces.is_none().then_some(NO_RANDOMNESS);
        self
    }

    /// Asks for a nonce that changes every two minutes, sealed with this key, which replicas share: 32 random bytes or more.
    pub fn nonce_key(mut self, key: &SecretSlice<u8>) -> Self {
        self.nonces = Some(Nonces::with_key(key));
        self.problem = (key.expose_secret().len() < NONCE_KEY).then_some(SHORT_KEY);
        self
    }

    /// True if unbound tokens are refused.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// The names of the algorithms, for metadata and challenges.
    pub(crate) fn algorithm_names(&self) -> Vec<&'static str> {
        self.algorithms.iter().flat_map(|algorithm| algorithm.names()).collect()
    }

    pub(crate) fn report(&self, errors: &mut ConfigErrors) {
        if self.algorithms.is_empty() {
            errors.push("dpop: no algorithm is allowed", "leave the default, or name at least one");
        }
        if self.window.is_zero() || self.window > MAX_WINDOW {
            errors.push("dpop: the window is not between one second and five minutes", "leave the default");
        }
        if let Some([problem, fix]) = self.problem {
            errors.push(problem, fix);
        }
    }

    /// The nonce that the next proof should name, where nonces are asked for.
    pub(crate) fn nonce(&self, now: Timestamp) -> Option<HeaderValue> {
        HeaderValue::try_from(self.nonces.as_ref()?.current(now)).ok()
    }

    /// Checks the proof that came with a bound token; true if its nonce is not the newest any more.
    pub(crate) async fn check(
        &self,
        proof: Option<&HeaderValue>,
        expected: Expected<'_>,
    ) -> Result<bool, ProofError> {
        let proof = proof.ok_or(ProofRefusal::Missing)?;
        let proof = Proof::read(proof, &self.algorithms)?;
        proof.check(&expected, self.window)?;
        let is_old = match &self.nonces {
            Some(nonces) => nonces.check(proof.nonce(), expected.now).ok_or(ProofRefusal::Nonce)?,
            None => false,
        };
        // The last step: a proof that fails for another reason does not use up a place.
        let until = proof.issued_at().plus(self.window).plus(Duration::from_secs(1));
        let key = Key::new(USED, "", used_id(&expected.key, proof.jti()));
        let is_first = self.store.insert_new(&key, "", Some(until)).await.map_err(ProofError::Store)?;
        if is_first { Ok(is_old) } else { Err(ProofRefusal::Replayed.into()) }
    }
}

/// The one `DPoP` header of a request.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<HeaderValue>, ProofRefusal> {
    let mut values = headers.get_all(&HEADER).iter();
    let first = values.next().cloned();
    if values.next().is_some() { Err(ProofRefusal::Repeated) } else { Ok(first) }
}

fn used_id(key: &Thumbprint, jti: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(key.as_bytes());
    hash.update(jti.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.finish())
}

impl std::fmt::Debug for Dpop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dpop")
            .field("required", &self.required)
            .field("window", &self.window)
            .field("nonces", &self.nonces.is_some())
            .finish_non_exhaustive()
    }
}
