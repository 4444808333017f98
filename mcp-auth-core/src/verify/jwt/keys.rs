//! An issuer's keys (RFC 7517), parsed once.
//!
//! 1. Only public keys for signatures are kept: RSA of 2048 to 8192 bits, P-256, Ed25519.
//! 2. A key that cannot be used is left out and named in the log; the others stay.
//! 3. A set has at most 64 keys and 256 KiB; two keys with one `kid` and one algorithm are both left out.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};

const MAX_KEYS: usize = 64;
/// The largest key set that is read, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// The members of private and symmetric keys (RFC 7518, section 6).
const PRIVATE_MEMBERS: [&str; 3] = ["d", "k", "p"];

/// The signature algorithms that are taken (RFC 7518, RFC 8037): all asymmetric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name on the wire (`alg`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// Why a key set is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// Over 256 KiB, or more than 64 keys.
    #[error("the key set is too large")]
    TooLarge,
    /// Not a JWK set (RFC 7517, section 5).
    #[error("the key set is not a JWK set")]
    Malformed(#[source] serde_json::Error),
    /// No key of it can verify a signature here.
    #[error("the key set has no usable key")]
    Empty,
}

/// One key, for one algorithm.
#[derive(Debug)]
pub(super) struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    public: ParsedPublicKey,
}

impl Key {
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// True if `signature` is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }
}

/// The usable keys of an issuer.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<std::sync::Arc<Key>>,
}

impl KeySet {
    pub(super) fn parse(json: &[u8]) -> Result<Self, KeysError> {
        #[derive(serde::Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        if json.len() > MAX_BYTES {
            return Err(KeysError::TooLarge);
        }
        let set: Set = serde_json::from_slice(json).map_err(KeysError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(KeysError::TooLarge);
        }
        let mut keys: Vec<Key> = Vec::new();
        for value in set.keys {
            let kid = value.get("kid").and_then(|kid| kid.as_str()).map(str::to_owned);
            match parse_key(value) {
                Ok(key) => keys.push(key),
                Err(reason) => tracing::info!(kid, reason, "a key of the issuer is not used"),
            }
        }
        let is_twice =
            |key: &Key| keys.iter().filter(|k| k.kid == key.kid && k.algorithm == key.algorithm).count() > 1;
        let twice: Vec<bool> = keys.iter().map(|key| key.kid.is_some() && is_twice(key)).collect();
        let mut twice = twice.into_iter();
        keys.retain(|key| {
            let drop_it = twice.next().unwrap_or(true);
            if drop_it {
                tracing::warn!(kid = key.kid, "two keys of the issuer have one key id: neither is used");
            }
            !drop_it
        });
        if keys.is_empty() {
            return Err(KeysError::Empty);
        }
        Ok(Self { keys: keys.into_iter().map(std::sync::Arc::new).collect() })
    }

    /// The key for a token; without a `kid` only if exactly one key fits the algorithm.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<std::sync::Arc<Key>> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithm == algorithm && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        });
        let first = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        Some(std::sync::Arc::clone(first))
    }
}

pub(super) fn parse_key(value: serde_json::Value) -> Result<Key, &'static str> {
    if PRIVATE_MEMBERS.iter().any(|member| value.get(member).is_some()) {
        return Err("it is private or symmetric");
    }
    let jwk: Jwk = serde_json::from_value(value).map_err(|_| "it is of an unknown kind")?;
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return Err("it is not for signatures");
    }
    if jwk
        .common
        .key_operations
        .as_ref()
        .is_some_and(|operations| !operations.contains(&KeyOperations::Verify))
    {
        return Err("it is not for verifying");
    }
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "its encoding is wrong");
    let rejected = |_| "its values are rejected";
    let (algorithm, declared, public) = match &jwk.algorithm {
        AlgorithmParameters::RSA(parameters) => {
            let (n, e) = (decode(&parameters.n)?, decode(&parameters.e)?);
            let strip =
                |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            let components = rsa::PublicKeyComponents { n: strip(&n), e: strip(&e) };
            let public = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).map_err(rejected)?;
            (Algorithm::Rs256, KeyAlgorithm::RS256, public)
        }
        AlgorithmParameters::EllipticCurve(parameters) if parameters.curve == EllipticCurve::P256 => {
            let (x, y) = (decode(&parameters.x)?, decode(&parameters.y)?);
            if x.len() != 32 || y.len() != 32 {
                return Err("its point has a wrong length");
            }
            let point = [&[4_u8][..], &x, &y].concat();
            let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(rejected)?;
            (Algorithm::Es256, KeyAlgorithm::ES256, public)
        }
        AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
            let public = ParsedPublicKey::new(&ED25519, decode(&parameters.x)?).map_err(rejected)?;
            (Algorithm::EdDsa, KeyAlgorithm::EdDSA, public)
        }
        _ => return Err("its kind or curve is not taken"),
    };
    if jwk.common.key_algorithm.is_some_and(|algorithm| algorithm != declared) {
        return Err("it is for another algorithm");
    }
    Ok(Key { kid: jwk.common.key_id, algorithm, public })
}
