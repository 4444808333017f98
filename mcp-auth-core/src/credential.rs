//! What was presented: reading the `Authorization` header (RFC 6750, section 2.1; RFC 9449, section 7.1).
//!
//! 1. One `Authorization` header at most; the scheme's case does not matter; the token follows one space or more.
//! 2. A token is `b64token` of RFC 6750 plus `:` (API tokens use it), 1 to [`MAX_TOKEN`] bytes, ASCII.
//! 3. A token in the query (`access_token=`) is refused, whatever the header says.
//! 4. A scheme other than `Bearer` and `DPoP` is not ours: it is refused, never ignored.
//! 5. A guard looks for a verdict on the token before it reads its bytes: only what is within the grammar was ever given one.
//!
//! ```
//! use http::{HeaderMap, HeaderValue, Uri, header::AUTHORIZATION};
//! use mcp_auth_core::Credential;
//!
//! let mut headers = HeaderMap::new();
//! headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer abc.def.ghi"));
//! let credential = Credential::from_request(&headers, &Uri::from_static("/mcp")).unwrap().unwrap();
//! assert_eq!(credential.expose_token(), "abc.def.ghi");
//! assert!(!format!("{credential:?}").contains("abc"));
//! ```

use std::fmt;

use http::{HeaderMap, HeaderValue, Uri, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;

/// How a token was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer,
    /// `Authorization: DPoP` (RFC 9449).
    Dpop,
}

/// What was presented with a request. The token never shows in `Debug` and is wiped when dropped.
#[derive(Clone)]
pub struct Credential {
    scheme: Scheme,
    token: SecretString,
}

/// Why what was presented is no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// More than one `Authorization` header.
    #[error("more than one Authorization header")]
    Repeated,
    /// Not `scheme SP token`, or bytes outside the grammar.
    #[error("the Authorization header is malformed")]
    Malformed,
    /// A scheme that this guard does not take.
    #[error("the Authorization scheme is neither Bearer nor DPoP")]
    UnknownScheme,
    /// `access_token` in the query.
    #[error("a token was sent in the query")]
    InQuery,
    /// The token is longer than [`MAX_TOKEN`].
    #[error("the token is too long")]
    TooLong,
}

impl Credential {
    /// A bearer token, as a test or a host's own extraction presents it.
    pub fn bearer(token: impl Into<SecretString>) -> Self {
        Self { scheme: Scheme::Bearer, token: token.into() }
    }

    /// Reads the credential of a request; `Ok(None)` where there is none.
    ///
    /// # Errors
    /// [`CredentialError`]: to be answered 400 with `invalid_request` (RFC 6750, section 3.1), or 401
    /// where it is the token itself.
    pub fn from_request(headers: &HeaderMap, uri: &Uri) -> Result<Option<Self>, CredentialError> {
        match sole(headers, uri)? {
            Some(value) => Presented::read(value.clone())?.credential().map(Some),
            None => Ok(None),
        }
    }

    /// How it was presented.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The token itself, for a verifier; keep it out of logs and errors.
    pub fn expose_token(&self) -> &str {
        self.token.expose_secret()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// What a request presents, of which nothing but the scheme was read.
pub(crate) struct Presented {
    scheme: Scheme,
    value: HeaderValue,
    /// Where the token begins.
    token: usize,
}

impl Presented {
    /// As [`Credential::from_request`], up to the bytes of the token. Whatever comes of it, no credential stays in `headers`.
    pub(crate) fn take(headers: &mut HeaderMap, uri: &Uri) -> Result<Option<Self>, CredentialError> {
        let is_sole = sole(headers, uri).map(drop);
        let value = headers.remove(AUTHORIZATION);
        is_sole?;
        value.map(Self::read).transpose()
    }

    fn read(value: HeaderValue) -> Result<Self, CredentialError> {
        let bytes = value.as_bytes();
        let space = memchr::memchr(b' ', bytes).ok_or(CredentialError::Malformed)?;
        let (scheme, rest) = bytes.split_at_checked(space).ok_or(CredentialError::Malformed)?;
        let scheme = if scheme.eq_ignore_ascii_case(b"bearer") {
            Scheme::Bearer
        } else if scheme.eq_ignore_ascii_case(b"dpop") {
            Scheme::Dpop
        } else {
            return Err(CredentialError::UnknownScheme);
        };
        let token = space + rest.iter().take_while(|b| **b == b' ').count();
        if bytes.len() - token > MAX_TOKEN {
            return Err(CredentialError::TooLong);
        }
        Ok(Self { scheme, token, value })
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What stands where a token should: any bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.value.as_bytes().get(self.token..).unwrap_or_default()
    }

    /// The credential, if those bytes are a token.
    pub(crate) fn credential(&self) -> Result<Credential, CredentialError> {
        match std::str::from_utf8(self.bytes()) {
            Ok(token) if !token.is_empty() && is_token(token) => {
                Ok(Credential { scheme: self.scheme, token: token.into() })
            }
            _ => Err(CredentialError::Malformed),
        }
    }
}

/// The one `Authorization` header, of a request with no token in its query.
fn sole<'a>(headers: &'a HeaderMap, uri: &Uri) -> Result<Option<&'a HeaderValue>, CredentialError> {
    if uri.query().is_some_and(names_a_token) {
        return Err(CredentialError::InQuery);
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(CredentialError::Repeated),
        (sole, None) => Ok(sole),
    }
}

/// Without a branch for each byte, so that many are looked at at once.
fn is_token(token: &str) -> bool {
    token.bytes().fold(true, |good, b| good & is_token_byte(b))
}

fn is_token_byte(b: u8) -> bool {
    let is_letter = (b | 0x20).wrapping_sub(b'a') < 26;
    // `-`, `.`, `/`, the digits and `:` stand side by side.
    let is_digit_or_mark = b.wrapping_sub(b'-') <= b':' - b'-';
    is_letter | is_digit_or_mark | (b == b'_') | (b == b'~') | (b == b'+') | (b == b'=')
}

/// True for a query with a parameter named `access_token`, however it is percent-encoded.
fn names_a_token(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name.eq_ignore_ascii_case("access_token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_bytes_of_the_grammar_and_the_colon() {
        for b in 0..=u8::MAX {
            let good = b.is_ascii_alphanumeric() || b"-._~+/=:".contains(&b);
            assert_eq!(is_token_byte(b), good, "{b:#x}");
        }
    }
}
