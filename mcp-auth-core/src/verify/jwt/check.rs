//! The check of one token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::builder::{Rules, TypRule};
use super::claims;
use super::key::Key;
use crate::credential::MAX_TOKEN;
use crate::mcp::{Kind, Limits, Raw};
use crate::principal::Principal;
use crate::verify::{Binding, TokenRefusal, Verified, VerifyContext};

const MAX_HEADER: usize = 4096;
const MAX_KID: usize = 256;
const MAX_DEPTH: usize = 32;
/// Members of a header that change what a signature means, or bring a key along.
const REFUSED_MEMBERS: [&str; 6] = ["b64", "zip", "enc", "jwk", "jku", "x5u"];
/// Claims that only ID tokens and logout tokens have.
const OTHER_TOKENS: [&str; 4] = ["nonce", "at_hash", "c_hash", "events"];

/// A token whose form, header and issuer are in order, and whose signature is still to be verified.
pub(super) struct Token<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    claims: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<String>,
}

impl<'a> Token<'a> {
    /// Reads a token up to the point where a key is needed.
    pub(super) fn read(token: &'a str, rules: &Rules) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::Malformed);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenRefusal::Malformed);
        };
        let signed = token.get(..header.len() + 1 + payload.len()).ok_or(TokenRefusal::Malformed)?;
        let header = decode(header)?;
        if header.len() > MAX_HEADER {
            return Err(TokenRefusal::Malformed);
        }
        let (algorithm, kid) = check_header(object(&header)?, rules)?;
        let token = Self { signed, signature: decode(signature)?, claims: decode(payload)?, algorithm, kid };
        // Before a key is looked up: a key of this issuer never verifies another's token.
        let issuer = object(&token.claims)?.get("iss").and_then(Raw::as_str).ok_or(TokenRefusal::Issuer)?;
        if *issuer != *rules.issuer {
            return Err(TokenRefusal::Issuer);
        }
        Ok(token)
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Verifies the signature, then the claims.
    pub(super) fn verify(
        self,
        key: &Key,
        rules: &Rules,
        context: VerifyContext<'_>,
    ) -> Result<Verified, TokenRefusal> {
        if !key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(TokenRefusal::Signature);
        }
        let claims = object(&self.claims)?;
        let given: Vec<&str> = rules.audiences.iter().map(String::as_str).collect();
        let audiences = if given.is_empty() { vec![context.resource] } else { given };
        if !claims::has_audience(claims, &audiences)? {
            return Err(TokenRefusal::Audience);
        }
        let expires_at = claims::date(claims, "exp")?.ok_or(TokenRefusal::Claim)?;
        if context.now >= expires_at.plus(rules.leeway) {
            return Err(TokenRefusal::Expired);
        }
        let issued_at = claims::date(claims, "iat")?;
        for at in [claims::date(claims, "nbf")?, issued_at].into_iter().flatten() {
            if at > context.now.plus(rules.leeway) {
                return Err(TokenRefusal::NotYetValid);
            }
        }
        if rules.typ == TypRule::AllowJwtOrAbsent
            && OTHER_TOKENS.iter().any(|name| claims.get(name).is_some())
        {
            return Err(TokenRefusal::Type);
        }
        let binding = Binding::from_claims(claims)?;
        let principal = principal(claims, rules, self.claims.as_slice(), expires_at, issued_at)?;
        let verified = Verified::from(principal).reusable_until(expires_at);
        Ok(match binding {
            Some(binding) => verified.bound_to(binding),
            None => verified,
        })
    }
}

fn principal(
    claims: Raw<'_>,
    rules: &Rules,
    json: &[u8],
    expires_at: crate::time::Timestamp,
    issued_at: Option<crate::time::Timestamp>,
) -> Result<Principal, TokenRefusal> {
    let subject = claims::text(claims, "sub")?.ok_or(TokenRefusal::Claim)?;
    let json = std::str::from_utf8(json).map_err(|_| TokenRefusal::Malformed)?;
    let mut principal = Principal::builder(rules.issuer.as_str(), subject)
        .scopes(claims::scopes(claims, &rules.scope_claims)?)
        .expires_at(expires_at)
        .claims(json);
    for name in ["client_id", "azp", "cid"] {
        if let Some(client) = claims::text(claims, name)? {
            principal = principal.client_id(client);
            break;
        }
    }
    if let Some(at) = issued_at {
        principal = principal.issued_at(at);
    }
    if let Some(id) = claims::text(claims, "jti")? {
        principal = principal.token_id(id);
    }
    if let Some(id) = claims::text(claims, &rules.grant_claim)? {
        principal = principal.grant_id(id);
    }
    Ok(principal.build())
}

fn check_header(header: Raw<'_>, rules: &Rules) -> Result<(Algorithm, Option<String>), TokenRefusal> {
    if header.get("crit").is_some() {
        return Err(TokenRefusal::Critical);
    }
    if REFUSED_MEMBERS.iter().any(|name| header.get(name).is_some()) {
        return Err(TokenRefusal::Malformed);
    }
    let algorithm = header.get("alg").and_then(Raw::as_str).and_then(|name| Algorithm::parse(&name));
    let algorithm =
        algorithm.filter(|algorithm| rules.algorithms.contains(algorithm)).ok_or(TokenRefusal::Algorithm)?;
    check_typ(header.get("typ"), rules.typ)?;
    let kid = header
        .get("kid")
        .map(|kid| kid.as_str().filter(|kid| kid.len() <= MAX_KID).ok_or(TokenRefusal::Malformed));
    Ok((algorithm, kid.transpose()?.map(std::borrow::Cow::into_owned)))
}

fn check_typ(typ: Option<Raw<'_>>, rule: TypRule) -> Result<(), TokenRefusal> {
    let typ = typ.map(|typ| typ.as_str().ok_or(TokenRefusal::Type)).transpose()?;
    let is = |name: &str| typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(name));
    let fits = is("at+jwt") || is("application/at+jwt");
    let relaxed = rule == TypRule::AllowJwtOrAbsent && (typ.is_none() || is("JWT"));
    if fits || relaxed { Ok(()) } else { Err(TokenRefusal::Type) }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenRefusal> {
    URL_SAFE_NO_PAD.decode(part).ok().filter(|bytes| !bytes.is_empty()).ok_or(TokenRefusal::Malformed)
}

/// Strictly read: no duplicate names, bounded depth, an object.
fn object(json: &[u8]) -> Result<Raw<'_>, TokenRefusal> {
    let value = Raw::parse(json, &Limits::default().with_max_depth(MAX_DEPTH))
        .map_err(|_| TokenRefusal::Malformed)?;
    if value.kind() == Kind::Object { Ok(value) } else { Err(TokenRefusal::Malformed) }
}
