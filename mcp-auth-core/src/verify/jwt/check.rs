//! The check of one token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::claims::{self, Claims};
use super::issuer::Issuer;
use super::rules::{Rules, TypRule};
use super::slot::Found;
use crate::credential::MAX_TOKEN;
use crate::mcp::{Kind, Limits, Raw, Span};
use crate::principal::{Principal, PrincipalBuilder};
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
    /// Where the object of claims lies in them, which has been read strictly.
    span: Span,
    algorithm: Algorithm,
    kid: Option<String>,
}

impl<'a> Token<'a> {
    /// Reads a token up to the point where a key is needed, and finds the issuer whose rules and keys it is checked by. The
    /// name is not verified yet; it only chooses, so that no key ever meets another issuer's token.
    pub(super) fn read<'i>(
        token: &'a str,
        issuers: &'i [Issuer],
    ) -> Result<(Self, &'i Issuer), TokenRefusal> {
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
        let (header, claims) = (decode(header)?, decode(payload)?);
        if header.len() > MAX_HEADER {
            return Err(TokenRefusal::Malformed);
        }
        let header = Claims::of(object(&header)?);
        check_members(&header)?;
        let whole = object(&claims)?;
        let span = whole.span();
        let name = whole.get("iss").and_then(Raw::as_str).ok_or(TokenRefusal::Issuer)?;
        let issuer = issuers.iter().find(|one| *one.rules.issuer == *name).ok_or(TokenRefusal::Issuer)?;
        let (algorithm, kid) = check_header(&header, &issuer.rules)?;
        Ok((Self { signed, signature: decode(signature)?, claims, span, algorithm, kid }, issuer))
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
        if !key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(TokenRefusal::Signature);
        }
        let claims = Claims::of(Raw::at(&self.claims, self.span));
        let client = claims::first_text(&claims, &rules.client_claims)?;
        check_audience(claims.get("aud"), client.as_deref(), rules, context.resource)?;
        let expires_at = claims::date(claims.get("exp"))?.ok_or(TokenRefusal::Claim)?;
        if context.now >= expires_at.plus(rules.leeway) {
            return Err(TokenRefusal::Expired);
        }
        let issued_at = claims::date(claims.get("iat"))?;
        for at in [claims::date(claims.get("nbf"))?, issued_at].into_iter().flatten() {
            if at > context.now.plus(rules.leeway) {
                return Err(TokenRefusal::NotYetValid);
            }
        }
        if rules.typ == TypRule::AllowJwtOrAbsent && OTHER_TOKENS.iter().any(|name| claims.has(name)) {
            return Err(TokenRefusal::Type);
        }
        for (name, texts) in &rules.required {
            let text = claims::text(claims.get(name))?.ok_or(TokenRefusal::Claim)?;
            if !texts.contains(&text) {
                return Err(TokenRefusal::Claim);
            }
        }
        let binding = Binding::from_cnf(claims.get("cnf"))?;
        let mut principal = principal(&claims, rules, &self.claims)?.expires_at(expires_at);
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
    aud: Option<Raw<'_>>,
    client: Option<&str>,
    rules: &Rules,
    resource: &str,
) -> Result<(), TokenRefusal> {
    let is_ours = match &*rules.audiences {
        [] => claims::has_audience(aud, &[resource])?,
        audiences => claims::has_audience(aud, audiences)?,
    };
    if !is_ours.unwrap_or(rules.may_lack_audience) {
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

fn principal(claims: &Claims<'_>, rules: &Rules, json: &[u8]) -> Result<PrincipalBuilder, TokenRefusal> {
    let subject = claims::text(claims.get("sub"))?.ok_or(TokenRefusal::Claim)?;
    let json = std::str::from_utf8(json).map_err(|_| TokenRefusal::Malformed)?;
    let mut principal = Principal::builder(rules.issuer.as_str(), subject)
        .scopes(claims::scopes(claims, &rules.scope_claims)?)
        .claims(json);
    if let Some(id) = claims::text(claims.get("jti"))? {
        principal = principal.token_id(id);
    }
    if let Some(id) = claims::text(claims.get(&rules.grant_claim))? {
        principal = principal.grant_id(id);
    }
    if let Some(actor) = claims::actor(claims.get("act"))? {
        principal = principal.actor(actor);
    }
    Ok(principal)
}

/// What no issuer may have in a header.
fn check_members(header: &Claims<'_>) -> Result<(), TokenRefusal> {
    if header.has("crit") {
        return Err(TokenRefusal::Critical);
    }
    let is_refused = REFUSED_MEMBERS.iter().any(|name| header.has(name));
    if is_refused { Err(TokenRefusal::Malformed) } else { Ok(()) }
}

fn check_header(header: &Claims<'_>, rules: &Rules) -> Result<(Algorithm, Option<String>), TokenRefusal> {
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
