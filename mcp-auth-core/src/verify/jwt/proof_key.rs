//! A key that a DPoP proof brings along (RFC 9449, section 4.2), and its name (RFC 7638).

use aws_lc_rs::digest;

use super::algorithm::Algorithm;
use super::key::Key;
use crate::mcp::Raw;
use crate::verify::Thumbprint;

/// A public key out of a proof's header.
pub(crate) struct ProofKey {
    key: Key,
    algorithm: Algorithm,
    thumbprint: Thumbprint,
}

impl ProofKey {
    /// Reads a JWK for `algorithm`; `None` if it is not usable for it.
    pub(crate) fn read(jwk: Raw<'_>, algorithm: Algorithm) -> Option<Self> {
        let thumbprint = thumbprint(jwk)?;
        let mut value: serde_json::Value = serde_json::from_slice(jwk.bytes()).ok()?;
        // For this algorithm only: a key of which nothing more is used need not be made ready for more.
        let declared = value.as_object_mut()?.insert("alg".to_owned(), algorithm.as_str().into());
        let is_this =
            |declared: serde_json::Value| declared.as_str().and_then(Algorithm::parse) == Some(algorithm);
        let fits = declared.is_none_or(is_this);
        let key = Key::parse(value).ok().filter(|_| fits)?;
        Some(Self { key, algorithm, thumbprint })
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verifies(self.algorithm, message, signature)
    }

    pub(crate) fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }
}

/// The SHA-256 of the required members, in order (RFC 7638, section 3).
fn thumbprint(jwk: Raw<'_>) -> Option<Thumbprint> {
    let member = |name| jwk.get(name).and_then(Raw::as_str).filter(|text| text.bytes().all(is_plain));
    let names: &[&str] = match &*member("kty")? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let mut hash = digest::Context::new(&digest::SHA256);
    for (index, name) in names.iter().enumerate() {
        let (before, value) = (if index == 0 { "{" } else { "," }, member(name)?);
        for part in [before, "\"", name, "\":\"", &value, "\""] {
            hash.update(part.as_bytes());
        }
    }
    hash.update(b"}");
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    Some(Thumbprint::new(bytes))
}

/// The characters of base64url and of the names of curves: what needs no escape.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::mcp::Limits;

    /// RFC 7638, section 3.1.
    #[test]
    fn the_example_of_the_rfc() {
        let jwk = br#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        let found = thumbprint(Raw::parse(jwk, &Limits::default()).unwrap()).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(found.as_bytes()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        let escaped = br#"{"kty":"EC","crv":"P-256","x":"a\"b","y":"c"}"#;
        assert!(thumbprint(Raw::parse(escaped, &Limits::default()).unwrap()).is_none());
    }
}
