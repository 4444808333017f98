//! One key of an issuer (RFC 7517), parsed once.
//!
//! 1. A key that names its `alg` verifies that one only. An RSA key that names none verifies RS* and PS* of every length;
//!    which of them are taken is for the issuer's rules.
//! 2. Private and symmetric keys, keys for encryption, RSA under 2048 bits, Ed25519 points of small order and other curves are
//!    refused.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde_json::Value;

use super::algorithm::Algorithm;

/// The members of private and symmetric keys (RFC 7518, section 6).
const PRIVATE_MEMBERS: [&str; 3] = ["d", "k", "p"];

/// The bits of an RSA modulus. The library looks at modulus and exponent only when it verifies.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key, ready for each algorithm that it verifies.
pub(super) struct Key {
    kid: Option<String>,
    material: Vec<u8>,
    uses: Vec<(Algorithm, ParsedPublicKey)>,
}

impl Key {
    /// Reads a JWK; says in words why it is of no use.
    pub(super) fn parse(value: Value) -> Result<Self, &'static str> {
        if PRIVATE_MEMBERS.iter().any(|member| value.get(member).is_some()) {
            return Err("it is private or symmetric");
        }
        let declared = declared(&value)?;
        let value = without_alg(value);
        let jwk: Jwk = serde_json::from_value(value).map_err(|_| "it is of an unknown kind")?;
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return Err("it is not for signatures");
        }
        let operations = jwk.common.key_operations.as_ref();
        if operations.is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
            return Err("it is not for verifying");
        }
        let (material, uses) = match &jwk.algorithm {
            AlgorithmParameters::RSA(parameters) => rsa(&parameters.n, &parameters.e, declared)?,
            AlgorithmParameters::EllipticCurve(parameters) => {
                let (algorithm, length, curve) = match parameters.curve {
                    EllipticCurve::P256 => (Algorithm::Es256, 32, &ECDSA_P256_SHA256_FIXED),
                    EllipticCurve::P384 => (Algorithm::Es384, 48, &ECDSA_P384_SHA384_FIXED),
                    _ => return Err("its kind or curve is not taken"),
                };
                let (x, y) = (decode(&parameters.x)?, decode(&parameters.y)?);
                if x.len() != length || y.len() != length {
                    return Err("its point has a wrong length");
                }
                let point = [&[4_u8][..], &x, &y].concat();
                let public = ParsedPublicKey::new(curve, &point).map_err(rejected)?;
                (point, vec![(algorithm, public)])
            }
            AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
                let point = decode(&parameters.x)?;
                if is_of_small_order(&point) {
                    return Err("anybody can sign for it");
                }
                let public = ParsedPublicKey::new(&ED25519, &point).map_err(rejected)?;
                (point, vec![(Algorithm::EdDsa, public)])
            }
            _ => return Err("its kind or curve is not taken"),
        };
        if declared.is_some_and(|declared| uses.iter().all(|(algorithm, _)| *algorithm != declared)) {
            return Err("it is for another algorithm");
        }
        Ok(Self { kid: jwk.common.key_id, material, uses })
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// True if the key is for signatures by `algorithm`.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.uses.iter().any(|(one, _)| *one == algorithm)
    }

    /// True if both could be meant by one token: one id, and an algorithm in common.
    pub(super) fn clashes_with(&self, other: &Self) -> bool {
        self.kid.is_some()
            && self.kid == other.kid
            && self.uses.iter().any(|(algorithm, _)| other.is_for(*algorithm))
    }

    /// True if every token that `other` verifies is verified by this key, too.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.kid == other.kid
            && self.material == other.material
            && other.uses.iter().all(|(algorithm, _)| self.is_for(*algorithm))
    }

    /// True if `signature` is this key's over `message`, by `algorithm`.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.uses
            .iter()
            .find(|(one, _)| *one == algorithm)
            .is_some_and(|(_, public)| public.verify_sig(message, signature).is_ok())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let algorithms: Vec<Algorithm> = self.uses.iter().map(|(algorithm, _)| *algorithm).collect();
        f.debug_struct("Key").field("kid", &self.kid).field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

/// The `alg` that the key names. One that is unknown here is no absent one.
fn declared(jwk: &Value) -> Result<Option<Algorithm>, &'static str> {
    match jwk.get("alg") {
        None => Ok(None),
        Some(name) => {
            let algorithm = name.as_str().and_then(Algorithm::parse);
            algorithm.map(Some).ok_or("it is for an algorithm that is not taken")
        }
    }
}

/// `alg` was read by [`declared`], in the one spelling that counts.
fn without_alg(mut jwk: Value) -> Value {
    if let Some(members) = jwk.as_object_mut() {
        members.remove("alg");
    }
    jwk
}

type Uses = (Vec<u8>, Vec<(Algorithm, ParsedPublicKey)>);

fn rsa(n: &str, e: &str, declared: Option<Algorithm>) -> Result<Uses, &'static str> {
    let strip = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
    let (n, e) = (strip(decode(n)?), strip(decode(e)?));
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err("its modulus is too short or too long");
    }
    let is_odd = e.last().is_some_and(|last| last % 2 == 1);
    if !is_odd || e == [1] || e.len() > 4 {
        return Err("its exponent is not an odd number from 3 to 32 bits");
    }
    let material = [&n[..], &[0], &e].concat();
    let components = rsa::PublicKeyComponents { n, e };
    let mut uses = Vec::new();
    for algorithm in Algorithm::ALL.into_iter().filter(|one| declared.is_none_or(|only| only == *one)) {
        if let Some(parameters) = algorithm.rsa() {
            uses.push((algorithm, components.to_parsed_public_key(parameters).map_err(rejected)?));
        }
    }
    Ok((material, uses))
}

/// True for the points of Ed25519 whose order divides 8, in every encoding: for some of them one signature is good for
/// every message, and the library takes them.
fn is_of_small_order(point: &[u8]) -> bool {
    // Two halves that add up to the prime: the y of the points of order 8.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let Some((last, rest)) = point.split_last() else { return false };
    // The highest bit is the sign of x.
    let last = last & 0x7f;
    let y = [rest, &[last]].concat();
    let (first, middle) = rest.split_first().map_or((0, rest), |(first, middle)| (*first, middle));
    // 0 and 1, and the prime less one, itself, and plus one.
    let is_near_zero = first <= 1 && last == 0 && middle.iter().all(|byte| *byte == 0);
    let is_near_prime =
        (0xec..=0xee).contains(&first) && last == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    is_near_zero || is_near_prime || ORDER_8.iter().any(|order_8| *order_8 == *y)
}

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "its encoding is wrong")
}

fn rejected<E>(_: E) -> &'static str {
    "its values are rejected"
}
