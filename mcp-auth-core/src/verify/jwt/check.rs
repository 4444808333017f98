//! The check of one token: each part is decoded once and read once, and a header that is known not at all.

use std::ops::Range;
use std::sync::Arc;

use super::algorithm::Algorithm;
use super::claims;
use super::header::Header;
use super::issuer::Issuer;
use super::known::Known;
use super::rules::{Rules, TypRule};
use super::slot::Found;
use crate::base64url::decode_to;
use crate::credential::MAX_TOKEN;
use crate::mcp::{Fields, Limits, Raw};
use crate::principal::{CredentialKind, Principal, PrincipalBuilder};
use crate::verify::{Binding, TokenRefusal, Verified, VerifyContext};

const MAX_HEADER: usize = 4096;
const MAX_DEPTH: usize = 32;
/// Claims that only ID tokens and logout tokens have.
const OTHER_TOKENS: [&str; 4] = ["nonce", "at_hash", "c_hash", "events"];

/// The parts of a token, out of base64.
pub(super) struct Decoded<'a> {
    signed: &'a str,
    header_text: &'a str,
    header: Arc<Header>,
    is_known: bool,
    bytes: Vec<u8>,
    claims: Range<usize>,
    /// `None` if it is no base64: what the header says comes first.
    signature: Option<Range<usize>>,
}

impl<'a> Decoded<'a> {
    /// Three parts, and nothing else.
    pub(super) fn read(token: &'a str, known: &Known) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::Malformed);
        }
        let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(TokenRefusal::Malformed);
        };
        let part = |range: Range<usize>| token.get(range).ok_or(TokenRefusal::Malformed);
        let (header_text, claims, signature) =
            (part(0..first)?, part(first + 1..second)?, part(second + 1..token.len())?);
        // Not zeroed from the start: the allocator has such a block at hand, and few that are.
        let mut bytes = Vec::with_capacity(token.len());
        let (header, is_known) = match known.headers.get(header_text) {
            Some(header) => (header, true),
            None => {
                let header = decode(header_text, &mut bytes)?;
                (Arc::new(read_header(bytes.get(header).unwrap_or_default())?), false)
            }
        };
        let claims = decode(claims, &mut bytes)?;
        let signature = decode(signature, &mut bytes).ok();
        Ok(Self { signed: part(0..second)?, header_text, header, is_known, bytes, claims, signature })
    }

    /// After the token was verified: its header is known from now on.
    pub(super) fn is_good(&self, known: &Known) {
        if !self.is_known {
            known.headers.put(self.header_text, &self.header);
        }
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

/// A token whose form, header and issuer are in order, and whose signature is still to be verified.
pub(super) struct Token<'a> {
    decoded: &'a Decoded<'a>,
    signature: &'a [u8],
    json: &'a str,
    claims: Fields<'a>,
    algorithm: Algorithm,
}

impl<'a> Token<'a> {
    /// Reads a token up to the point where a key is needed, and finds the issuer whose rules and keys it is checked by. The
    /// name is not verified yet; it only chooses, so that no key ever meets another issuer's token.
    pub(super) fn read<'i>(
        decoded: &'a Decoded<'a>,
        issuers: &'i [Issuer],
    ) -> Result<(Self, &'i Issuer), TokenRefusal> {
        let json = std::str::from_utf8(decoded.part(&decoded.claims)).map_err(|_| TokenRefusal::Malformed)?;
        let claims = object(json)?;
        let name = claims.get("iss").and_then(Raw::as_str).ok_or(TokenRefusal::Issuer)?;
        let issuer = issuers.iter().find(|one| *one.rules.issuer == *name).ok_or(TokenRefusal::Issuer)?;
        let algorithm = decoded.header.check(&issuer.rules)?;
        let signature = decoded.part(decoded.signature.as_ref().ok_or(TokenRefusal::Malformed)?);
        Ok((Self { decoded, signature, json, claims, algorithm }, issuer))
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.decoded.header.kid()
    }

    /// Verifies the signature, then the claims.
    pub(super) fn verify(
        self,
        (key, keys_until): &Found,
        rules: &Rules,
        known: &Known,
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
        for at in [claims::date(claims, "nbf")?, claims::date(claims, "iat")?].into_iter().flatten() {
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
        let mut principal = principal(claims, rules, known, self.json)?.expires_at(expires_at);
        if let Some(client) = client {
            principal = principal.client_id(client);
        }
        if let Some(at) = claims::date(claims, &rules.since_claim)? {
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
    known: &Known,
    json: &'a str,
) -> Result<PrincipalBuilder<'a>, TokenRefusal> {
    let subject = claims::text(claims, "sub")?.ok_or(TokenRefusal::Claim)?;
    let mut principal = Principal::builder(rules.issuer.as_str(), subject)
        .scopes(claims::scopes(claims, &rules.scope_claims, &known.scopes)?)
        .credential_kind(CredentialKind::Jwt)
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

fn read_header(json: &[u8]) -> Result<Header, TokenRefusal> {
    if json.len() > MAX_HEADER {
        return Err(TokenRefusal::Malformed);
    }
    let json = std::str::from_utf8(json).map_err(|_| TokenRefusal::Malformed)?;
    Header::read(&object(json)?)
}

/// Decodes a part to the end of `bytes`; none is empty.
fn decode(part: &str, bytes: &mut Vec<u8>) -> Result<Range<usize>, TokenRefusal> {
    let start = bytes.len();
    let is_good = decode_to(part, bytes) && bytes.len() > start;
    is_good.then_some(start..bytes.len()).ok_or(TokenRefusal::Malformed)
}

/// Strictly read: no duplicate names, bounded depth, an object.
fn object(json: &str) -> Result<Fields<'_>, TokenRefusal> {
    let limits = Limits::default().with_max_depth(MAX_DEPTH);
    Fields::of(json, &limits).ok().flatten().ok_or(TokenRefusal::Malformed)
}
