//! One proof: read, and compared with the request.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use subtle::ConstantTimeEq as _;
use url::Url;

use super::{Expected, ProofRefusal};
use crate::mcp::{Fields, Kind, Limits, Raw};
use crate::time::Timestamp;
use crate::verify::Thumbprint;
use crate::verify::jwt::{Algorithm, ProofKey, claims::date};

const MAX_PROOF: usize = 8 * 1024;
const MAX_DEPTH: usize = 8;
const MAX_TEXT: usize = 256;
const MAX_URL: usize = 2048;

/// A proof whose signature was verified with the key that it brings along.
pub(super) struct Proof {
    key: Thumbprint,
    method: String,
    url: String,
    token_hash: String,
    issued_at: Timestamp,
    jti: String,
    nonce: Option<String>,
}

impl Proof {
    /// Reads a proof and verifies its signature.
    pub(super) fn read(value: &HeaderValue, allowed: &[Algorithm]) -> Result<Self, ProofRefusal> {
        let text = value.to_str().map_err(|_| ProofRefusal::Malformed)?;
        if text.len() > MAX_PROOF {
            return Err(ProofRefusal::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(ProofRefusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(ProofRefusal::Malformed)?;
        let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
        let key = check_header(&object(&header)?, allowed)?;
        if !key.verifies(signed.as_bytes(), &signature) {
            return Err(ProofRefusal::Signature);
        }
        let claims = object(&claims)?;
        let required = |name, most| text_claim(&claims, name, most)?.ok_or(ProofRefusal::Malformed);
        Ok(Self {
            key: key.thumbprint(),
            method: required("htm", MAX_TEXT)?,
            url: required("htu", MAX_URL)?,
            token_hash: text_claim(&claims, "ath", MAX_TEXT)?.ok_or(ProofRefusal::TokenHash)?,
            issued_at: date(&claims, "iat").ok().flatten().ok_or(ProofRefusal::IssuedAt)?,
            jti: required("jti", MAX_TEXT)?,
            nonce: text_claim(&claims, "nonce", MAX_TEXT)?,
        })
    }

    /// Compares it with the request.
    pub(super) fn check(&self, expected: &Expected<'_>, window: Duration) -> Result<(), ProofRefusal> {
        if self.key != expected.key {
            return Err(ProofRefusal::OtherKey);
        }
        if self.method != expected.method.as_str() {
            return Err(ProofRefusal::Method);
        }
        if !is_same_url(&self.url, expected.url) {
            return Err(ProofRefusal::Url);
        }
        let (issued, now) = (self.issued_at, expected.now);
        if issued.plus(window) < now || now.plus(window) < issued {
            return Err(ProofRefusal::IssuedAt);
        }
        let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, expected.token.as_bytes()));
        let is_this_token: bool = hash.as_bytes().ct_eq(self.token_hash.as_bytes()).into();
        if is_this_token { Ok(()) } else { Err(ProofRefusal::TokenHash) }
    }

    pub(super) fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    pub(super) fn jti(&self) -> &str {
        &self.jti
    }

    pub(super) fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }
}

fn check_header(header: &Fields<'_>, allowed: &[Algorithm]) -> Result<ProofKey, ProofRefusal> {
    let typ = header.get("typ").and_then(Raw::as_str).ok_or(ProofRefusal::Type)?;
    if !typ.eq_ignore_ascii_case("dpop+jwt") {
        return Err(ProofRefusal::Type);
    }
    if header.get("crit").is_some() || header.get("b64").is_some() {
        return Err(ProofRefusal::Malformed);
    }
    let algorithm = header.get("alg").and_then(Raw::as_str).and_then(|name| Algorithm::parse(&name));
    let algorithm = algorithm.filter(|one| allowed.contains(one)).ok_or(ProofRefusal::Algorithm)?;
    let jwk = header.get("jwk").filter(|jwk| jwk.kind() == Kind::Object).ok_or(ProofRefusal::Key)?;
    ProofKey::read(jwk, algorithm).ok_or(ProofRefusal::Key)
}

/// The same URL after normalization (RFC 3986, section 6.2), query and fragment left aside.
fn is_same_url(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    matches!((plain(one), plain(other)), (Some(one), Some(other)) if one == other)
}

fn text_claim(claims: &Fields<'_>, name: &str, most: usize) -> Result<Option<String>, ProofRefusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or(ProofRefusal::Malformed)?;
    if text.is_empty() || text.len() > most {
        return Err(ProofRefusal::Malformed);
    }
    Ok(Some(text.into_owned()))
}

fn decode(part: &str) -> Result<Vec<u8>, ProofRefusal> {
    URL_SAFE_NO_PAD.decode(part).ok().filter(|bytes| !bytes.is_empty()).ok_or(ProofRefusal::Malformed)
}

fn object(json: &[u8]) -> Result<Fields<'_>, ProofRefusal> {
    let limits = Limits::default().with_max_depth(MAX_DEPTH);
    Fields::parse(json, &limits).ok().flatten().ok_or(ProofRefusal::Malformed)
}
