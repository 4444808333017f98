//! The header of a token.
//!
//! Members that change what a signature means, or bring a key along, are refused whatever the issuer.

use super::algorithm::Algorithm;
use super::rules::{Rules, TypRule};
use crate::mcp::{Fields, Raw};
use crate::verify::TokenRefusal;

const MAX_KID: usize = 256;
/// Members that change what a signature means, or bring a key along.
const REFUSED_MEMBERS: [&str; 6] = ["b64", "zip", "enc", "jwk", "jku", "x5u"];

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    algorithm: Option<Algorithm>,
    typ: Typ,
    kid: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typ {
    AccessToken,
    Jwt,
    Absent,
    Other,
}

impl Header {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, TokenRefusal> {
        if fields.get("crit").is_some() {
            return Err(TokenRefusal::Critical);
        }
        if REFUSED_MEMBERS.iter().any(|name| fields.get(name).is_some()) {
            return Err(TokenRefusal::Malformed);
        }
        let kid = fields
            .get("kid")
            .map(|kid| kid.as_str().filter(|kid| kid.len() <= MAX_KID).ok_or(TokenRefusal::Malformed))
            .transpose()?;
        Ok(Self {
            algorithm: fields.get("alg").and_then(Raw::as_str).and_then(|name| Algorithm::parse(&name)),
            typ: Typ::of(fields.get("typ")),
            kid: kid.map(Into::into),
        })
    }

    /// The algorithm, if the issuer may sign so, and what it signed is an access token.
    pub(super) fn check(&self, rules: &Rules) -> Result<Algorithm, TokenRefusal> {
        let algorithm = self.algorithm.filter(|algorithm| rules.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(TokenRefusal::Algorithm)?;
        let relaxed = rules.typ == TypRule::AllowJwtOrAbsent && matches!(self.typ, Typ::Jwt | Typ::Absent);
        if self.typ == Typ::AccessToken || relaxed { Ok(algorithm) } else { Err(TokenRefusal::Type) }
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

impl Typ {
    fn of(typ: Option<Raw<'_>>) -> Self {
        let Some(typ) = typ else { return Self::Absent };
        let Some(typ) = typ.as_str() else { return Self::Other };
        let is = |name: &str| typ.eq_ignore_ascii_case(name);
        match () {
            () if is("at+jwt") || is("application/at+jwt") => Self::AccessToken,
            () if is("JWT") => Self::Jwt,
            () => Self::Other,
        }
    }
}
