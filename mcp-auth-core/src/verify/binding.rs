//! To whom a token is bound (the `cnf` claim, RFC 7800).
//!
//! 1. `jkt` names a DPoP key (RFC 9449, section 6.1), `x5t#S256` a client certificate (RFC 8705, section 3.1); where both are
//!    there, both have to be proved.
//! 2. A `cnf` that names anything else is refused: what is not understood cannot be checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::TokenRefusal;
use crate::mcp::{Fields, Kind};

/// A SHA-256 thumbprint: of a key (RFC 7638) or of a certificate (RFC 8705).
#[derive(Clone, Copy, Debug)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The thumbprint with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the form that stands in a token: base64url without padding.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Thumbprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Thumbprint {}

/// What has to come with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// A DPoP proof by this key.
    pub dpop: Option<Thumbprint>,
    /// This client certificate.
    pub certificate: Option<Thumbprint>,
}

impl Binding {
    /// What has to come, in the word of the record.
    pub(crate) fn name(&self) -> Option<&'static str> {
        match (self.dpop.is_some(), self.certificate.is_some()) {
            (true, true) => Some("dpop mtls"),
            (true, false) => Some("dpop"),
            (false, true) => Some("mtls"),
            (false, false) => None,
        }
    }

    /// Reads `cnf` of verified claims; `None` where there is none.
    ///
    /// # Errors
    /// [`TokenRefusal::Binding`] if it names nothing that can be checked, or something beside it that cannot.
    pub(crate) fn from_claims(claims: &Fields<'_>) -> Result<Option<Self>, TokenRefusal> {
        let Some(cnf) = claims.get("cnf") else { return Ok(None) };
        if cnf.kind() != Kind::Object {
            return Err(TokenRefusal::Binding);
        }
        let mut binding = Self { dpop: None, certificate: None };
        for member in cnf.members() {
            let thumbprint = member.value.as_str().and_then(|text| Thumbprint::parse(&text));
            let thumbprint = Some(thumbprint.ok_or(TokenRefusal::Binding)?);
            match &*member.key {
                "jkt" => binding.dpop = thumbprint,
                "x5t#S256" => binding.certificate = thumbprint,
                _ => return Err(TokenRefusal::Binding),
            }
        }
        let is_bound = binding.dpop.is_some() || binding.certificate.is_some();
        is_bound.then_some(Some(binding)).ok_or(TokenRefusal::Binding)
    }
}
