//! The check of one token: each part is decoded once and read once.

use std::borrow::Cow;
use std::ops::Range;

use super::algorithm::Algorithm;
use super::claims;
use super::issuer::Issuer;
use super::rules::{Rules, TypRule};
use super::slot::Found;
use crate::base64url::decode_to;
use crate::credential::MAX_TOKEN;
use crate::mcp::{Fields, Limits, Raw};
use crate::principal::{Principal, PrincipalBuilder};
use crate::verify::{Binding, TokenRefusal, Verified, VerifyContext};

const MAX_HEADER: usize = 4096;
const MAX_KID: usize = 256;
const MAX_DEPTH: usize = 32;
/// Members of a header that change what a signature means, or bring a key along.
const REFUSED_MEMBERS: [&str; 6] = ["b64", "zip", "enc", "jwk", "jku", "x5u"];
/// Claims that only ID tokens and logout tokens have.
const OTHER_TOKENS: [&str; 4] = ["nonce", "at_hash", "c_hash", "events"];

/// The parts of a token, out of base64, one behind the other.
pub(super) struct Decoded<'a> {
    signed: &'a str,
    bytes: Vec<u8>,
    header: Range<usize>,
    claims: Range<usize>,
    /// `None` if it is no base64: what the header says comes first.
    signature: Option<Range<usize>>,
}

impl<'a> Decoded<'a> {
    /// Three parts, and nothing else.
    pub(super) fn read(token: &'a str) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::Malformed);
        }
        let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(TokenRefusal::Malformed);
        };
        let part = |range: Range<usize>| token.get(range).ok_or(TokenRefusal::Malformed);
        let (header, claims, signature) =
            (part(0..first)?, part(first + 1..second)?, part(second + 1..token.len())?);
        let mut bytes = vec![0; token.len()];
        let header = decode(header, &mut bytes, 0)?;
        if header.len() > MAX_HEADER {
            return Err(TokenRefusal::Malformed);
        }
        let claims = decode(claims, &mut bytes, header.end)?;
        let signature = decode(signature, &mut bytes, claims.end).ok();
        Ok(Self { signed: part(0..second)?, bytes, header, claims, signature })
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

/// A token whose form, header and issuer are in order, and whose signature is still to be verified.
pub(super) struct Token<'a> {
    decoded: &'a Decoded<'a>,
    signature: &'a [u8],
    claims: Fields<'a>,
    algorithm: Algorithm,
    kid: Option<Cow<'a, str>>,
}

impl<'a> Token<'a> {
    /// Reads a token up to the point where a key is needed, and finds the issuer whose rules and keys it is checked by. The
    /// name is not verified yet; it only chooses, so that no key ever meets another issuer's token.
    pub(super) fn read<'i>(
        decoded: &'a Decoded<'a>,
        issuers: &'i [Issuer],
    ) -> Result<(Self, &'i Issuer), TokenRefusal> {
        let header = object(decoded.part(&decoded.header))?;
        check_members(&header)?;
        let claims = object(decoded.part(&decoded.claims))?;
        let name = claims.get("iss").and_then(Raw::as_str).ok_or(TokenRefusal::Issuer)?;
        let issuer = issuers.iter().find(|one| *one.rules.issuer == *name).ok_or(TokenRefusal::Issuer)?;
        let (algorithm, kid) = check_header(&header, &issuer.rules)?;
        let signature = decoded.part(decoded.signature.as_ref().ok_or(TokenRefusal::Malformed)?);
        Ok((Self { decoded, signature, claims, algorithm, kid }, issuer))
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
        (key, keys_until): &Found,
        rules: &Rules,
        context: VerifyContext<'_>,
    ) -> Result<Verified, TokenRefusal> {
        if !key.verifies(self.algorithm, self.decoded.signed.as_bytes(), self.signature) {
            return Err(TokenRefusal::Signature);
        }
        let claims = &self.claims;
        let client = claims::first_text(claims, &rules.client_claims)?;
        check_audience(claims, client.as_deref(), rules, context.resource)?;
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
        for (name, texts) in &rules.required {
            let text = claims::text(claims, name)?.ok_or(TokenRefusal::Claim)?;
            if !texts.iter().any(|one| *one == text) {
                return Err(TokenRefusal::Claim);
            }
        }
        let binding = Binding::from_claims(claims)?;
        let mut principal =
            principal(claims, rules, self.decoded.part(&self.decoded.claims))?.expires_at(expires_at);
        if let Some(client) = client {
            principal = principal.client_id(client);
        }
        if let Some(at) = issued_at {
            principal = principal.issued_at(at);
        }
        let until = keys_until.map_or(expires_at, |until| until.min(expires_at));
        let verified = Verified::from(principal.build()).reusable_until(until);
        Ok(match binding {
            Some(binding) => verified.bound_to(binding),
            None => verified,
        })
    }
}

/// The token is meant for this resource, and comes from a client that may have it.
fn check_audience(
    claims: &Fields<'_>,
    client: Option<&str>,
    rules: &Rules,
    resource: &str,
) -> Result<(), TokenRefusal> {
    let is_ours = |one: &str| match rules.audiences.as_slice() {
        [] => one == resource,
        given => given.iter().any(|ours| ours == one),
    };
    if !claims::has_audience(claims, is_ours)?.unwrap_or(rules.may_lack_audience) {
        return Err(TokenRefusal::Audience);
    }
    match &rules.clients {
        None if rules.names_client && client.is_none() => Err(TokenRefusal::Client),
        Some(allowed) if !client.is_some_and(|client| allowed.iter().any(|one| one == client)) => {
            Err(TokenRefusal::Client)
        }
        _ => Ok(()),
    }
}

fn principal<'a>(
    claims: &Fields<'a>,
    rules: &'a Rules,
    json: &'a [u8],
) -> Result<PrincipalBuilder<'a>, TokenRefusal> {
    let subject = claims::text(claims, "sub")?.ok_or(TokenRefusal::Claim)?;
    let json = std::str::from_utf8(json).map_err(|_| TokenRefusal::Malformed)?;
    let mut principal = Principal::builder(rules.issuer.as_str(), subject)
        .scopes(claims::scopes(claims, &rules.scope_claims)?)
        .claims(json);
    if let Some(id) = claims::text(claims, "jti")? {
        principal = principal.token_id(id);
    }
    if let Some(id) = claims::text(claims, &rules.grant_claim)? {
        principal = principal.grant_id(id);
    }
    if let Some(actor) = claims::actor(claims)? {
        principal = principal.actor(actor);
    }
    Ok(principal)
}

/// What no issuer may have in a header.
fn check_members(header: &Fields<'_>) -> Result<(), TokenRefusal> {
    if header.get("crit").is_some() {
        return Err(TokenRefusal::Critical);
    }
    let is_refused = REFUSED_MEMBERS.iter().any(|name| header.get(name).is_some());
    if is_refused { Err(TokenRefusal::Malformed) } else { Ok(()) }
}

fn check_header<'a>(
    header: &Fields<'a>,
    rules: &Rules,
) -> Result<(Algorithm, Option<Cow<'a, str>>), TokenRefusal> {
    let algorithm = header.get("alg").and_then(Raw::as_str).and_then(|name| Algorithm::parse(&name));
    let algorithm =
        algorithm.filter(|algorithm| rules.algorithms.contains(algorithm)).ok_or(TokenRefusal::Algorithm)?;
    check_typ(header.get("typ"), rules.typ)?;
    let kid = header
        .get("kid")
        .map(|kid| kid.as_str().filter(|kid| kid.len() <= MAX_KID).ok_or(TokenRefusal::Malformed));
    Ok((algorithm, kid.transpose()?))
}

fn check_typ(typ: Option<Raw<'_>>, rule: TypRule) -> Result<(), TokenRefusal> {
    let typ = typ.map(|typ| typ.as_str().ok_or(TokenRefusal::Type)).transpose()?;
    let is = |name: &str| typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(name));
    let fits = is("at+jwt") || is("application/at+jwt");
    let relaxed = rule == TypRule::AllowJwtOrAbsent && (typ.is_none() || is("JWT"));
    if fits || relaxed { Ok(()) } else { Err(TokenRefusal::Type) }
}

/// Decodes a part to where the one before it ends; none is empty.
fn decode(part: &str, bytes: &mut [u8], at: usize) -> Result<Range<usize>, TokenRefusal> {
    let length = bytes.get_mut(at..).and_then(|rest| decode_to(part, rest));
    length.filter(|length| *length > 0).map(|length| at..at + length).ok_or(TokenRefusal::Malformed)
}

/// Strictly read: no duplicate names, bounded depth, an object.
fn object(json: &[u8]) -> Result<Fields<'_>, TokenRefusal> {
    let limits = Limits::default().with_max_depth(MAX_DEPTH);
    Fields::parse(json, &limits).ok().flatten().ok_or(TokenRefusal::Malformed)
}
