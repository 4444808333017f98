//! Keys that sign test tokens.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaSignatureEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::verify::jwt::Algorithm;

/// A key pair made for one test run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TestKey {
    pair: Arc<Pair>,
    algorithm: Algorithm,
    kid: String,
}

#[derive(Debug)]
enum Pair {
    Rsa(Box<rsa::KeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Pair {
    fn generate(algorithm: Algorithm) -> Result<Self, aws_lc_rs::error::Unspecified> {
        Ok(match algorithm {
            Algorithm::Es256 => Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            Algorithm::Es384 => Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?),
            Algorithm::EdDsa => Self::Ed(Ed25519KeyPair::generate()?),
            _ => Self::Rsa(Box::new(rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?)),
        })
    }
}

impl TestKey {
    /// A fresh key for `algorithm`, named `kid`.
    ///
    /// # Errors
    /// If the machine gives no randomness.
    pub fn generate(
        algorithm: Algorithm,
        kid: impl Into<String>,
    ) -> Result<Self, aws_lc_rs::error::Unspecified> {
        Ok(Self { pair: Arc::new(Pair::generate(algorithm)?), algorithm, kid: kid.into() })
    }

    /// The same RSA pair under another RSA algorithm: an RSA key serves six. A key of another kind stays what it is.
    #[must_use]
    pub fn using(mut self, algorithm: Algorithm) -> Self {
        if matches!(*self.pair, Pair::Rsa(_)) && encoding(algorithm).is_some() {
            self.algorithm = algorithm;
        }
        self
    }

    /// The same pair, named `kid`.
    #[must_use]
    pub fn named(mut self, kid: impl Into<String>) -> Self {
        self.kid = kid.into();
        self
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `alg` of what it signs.
    #[must_use]
    pub fn alg(&self) -> &'static str {
        self.algorithm.as_str()
    }

    /// The public key as a JWK that names its `alg`.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &*self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": n, "e": e })
            }
            Pair::P256(pair) => ec_jwk("P-256", pair.public_key().as_ref()),
            Pair::P384(pair) => ec_jwk("P-384", pair.public_key().as_ref()),
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        };
        if let Some(members) = jwk.as_object_mut() {
            for (name, value) in [("alg", self.alg()), ("use", "sig"), ("kid", &self.kid)] {
                members.insert(name.to_owned(), json!(value));
            }
        }
        jwk
    }

    /// The public key as a JWK without an `alg`: an RSA key then serves all six RSA algorithms.
    #[must_use]
    pub fn jwk_for_any(&self) -> Value {
        let mut jwk = self.jwk();
        if let Some(members) = jwk.as_object_mut() {
            members.remove("alg");
        }
        jwk
    }

    /// Signs; empty if the machine gives no randomness.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding = encoding(self.algorithm).unwrap_or(&RSA_PKCS1_SHA256);
                match pair.sign(encoding, &SystemRandom::new(), message, &mut signature) {
                    Ok(()) => signature,
                    Err(_) => Vec::new(),
                }
            }
            Pair::P256(pair) | Pair::P384(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .unwrap_or_default(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// How an RSA pair signs by `algorithm`; `None` if that is not for RSA.
fn encoding(algorithm: Algorithm) -> Option<&'static RsaSignatureEncoding> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

/// `point` is uncompressed: a byte 4, then both coordinates.
fn ec_jwk(curve: &str, point: &[u8]) -> Value {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({ "kty": "EC", "crv": curve, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) })
}
