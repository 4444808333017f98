//! The answer of an introspection endpoint (RFC 7662, section 2.2).

use std::time::Duration;

use crate::mcp::{Fields, Limits, Raw};
use crate::principal::{CredentialKind, Principal};
use crate::scope::ScopeSet;
use crate::verify::jwt::claims;
use crate::verify::remote::RemoteError;
use crate::verify::{Binding, TokenRefusal, Verified, VerifyContext};

const MAX_DEPTH: usize = 32;
/// How far the server's clock may be ahead.
const LEEWAY: Duration = Duration::from_secs(30);

/// What an answer is checked by.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) missing_audience: bool,
    pub(super) grant_claim: String,
    pub(super) cache_for: Duration,
}

impl Rules {
    /// Reads an answer. What is no answer is the server's failure; what is one, and not good here, refuses the token.
    pub(super) fn read(&self, json: &[u8], context: VerifyContext<'_>) -> Result<Verified, RemoteError> {
        let malformed =
            || RemoteError::Unclear("introspection: the answer is not one strict JSON object".to_owned());
        let limits = Limits::default().with_max_depth(MAX_DEPTH);
        let answer = Fields::parse(json, &limits).ok().flatten().ok_or_else(malformed)?;
        match answer.get("active").and_then(Raw::as_bool) {
            Some(true) => Ok(self.check(&answer, json, context)?),
            Some(false) => Err(TokenRefusal::Unknown.into()),
            None => Err(RemoteError::Unclear("introspection: the answer does not say `active`".to_owned())),
        }
    }

    fn check(
        &self,
        answer: &Fields<'_>,
        json: &[u8],
        context: VerifyContext<'_>,
    ) -> Result<Verified, TokenRefusal> {
        if claims::text(answer, "iss")?.is_some_and(|issuer| issuer != self.issuer) {
            return Err(TokenRefusal::Issuer);
        }
        if !is_access_token(answer)? {
            return Err(TokenRefusal::Type);
        }
        let is_ours = |one: &str| match self.audiences.as_slice() {
            [] => one == context.resource,
            given => given.iter().any(|ours| ours == one),
        };
        match claims::has_audience(answer, is_ours)? {
            Some(true) => {}
            None if self.missing_audience => {}
            Some(false) | None => return Err(TokenRefusal::Audience),
        }
        let expires_at = claims::date(answer, "exp")?;
        if expires_at.is_some_and(|at| at <= context.now) {
            return Err(TokenRefusal::Expired);
        }
        let issued_at = claims::date(answer, "iat")?;
        let begins = [claims::date(answer, "nbf")?, issued_at];
        if begins.into_iter().flatten().any(|at| at > context.now.plus(LEEWAY)) {
            return Err(TokenRefusal::NotYetValid);
        }
        let client_id = claims::text(answer, "client_id")?;
        // A token without a user is its client's own (RFC 7662: `sub` is optional).
        let subject =
            claims::text(answer, "sub")?.or_else(|| client_id.clone()).ok_or(TokenRefusal::Claim)?;
        let json = std::str::from_utf8(json).map_err(|_| TokenRefusal::Malformed)?;
        let mut principal = Principal::builder(self.issuer.as_str(), subject)
            .scopes(scopes(answer)?)
            .claims(json)
            .credential_kind(CredentialKind::Introspection);
        if let Some(client_id) = client_id {
            principal = principal.client_id(client_id);
        }
        if let Some(at) = expires_at {
            principal = principal.expires_at(at);
        }
        if let Some(at) = issued_at {
            principal = principal.issued_at(at);
        }
        if let Some(id) = claims::text(answer, "jti")? {
            principal = principal.token_id(id);
        }
        if let Some(id) = claims::text(answer, &self.grant_claim)? {
            principal = principal.grant_id(id);
        }
        if let Some(actor) = claims::actor(answer)? {
            principal = principal.actor(actor);
        }
        let verified = Verified::from(principal.build()).reusable_until(context.now.plus(self.cache_for));
        Ok(match Binding::from_claims(answer)? {
            Some(binding) => verified.bound_to(binding),
            None => verified,
        })
    }
}

/// False where the answer says that the token is of another kind: a server may be asked about refresh tokens, too, and what
/// they are called has no standard (`token_use` of Ory's, `typ` of Keycloak's; RFC 7662's `token_type` is how one is presented).
fn is_access_token(answer: &Fields<'_>) -> Result<bool, TokenRefusal> {
    const OTHERS: [&str; 6] = ["refresh", "refresh_token", "offline", "id", "id_token", "logout"];
    let is_other = |kind: &str| OTHERS.iter().any(|other| kind.eq_ignore_ascii_case(other));
    let named_other = claims::text(answer, "typ")?.is_some_and(|kind| is_other(&kind))
        || claims::text(answer, "token_type")?.is_some_and(|kind| is_other(&kind));
    let used_otherwise =
        claims::text(answer, "token_use")?.is_some_and(|kind| !matches!(&*kind, "access" | "access_token"));
    Ok(!named_other && !used_otherwise)
}

/// `scope`: a space-separated string.
fn scopes(answer: &Fields<'_>) -> Result<ScopeSet, TokenRefusal> {
    let Some(scope) = answer.get("scope") else { return Ok(ScopeSet::default()) };
    let scope = scope.as_str().ok_or(TokenRefusal::Claim)?;
    ScopeSet::parse(&scope).map_err(|_| TokenRefusal::Claim)
}
