//! Refreshing (RFC 6749, section 6; RFC 9700, section 4.14.2).
//!
//! 1. Everything is checked before the token is used up: what is refused, and what the store does not take, uses nothing up.
//! 2. A token that was used before revokes its grant, and with it the whole [family](super::family) and its access tokens;
//!    however often the grant was used: a thief who uses it up hides nothing.
//! 3. The scope may be narrowed for the new access token, never widened.

use bytes::Bytes;
use http::Response;
use mcp_auth_core::ScopeSet;

use super::code::invalid;
use super::family::RefreshToken;
use crate::answer::{Code, Refused};
use crate::clients::Client;
use crate::form::Parameters;
use crate::provider::Inner;

impl Inner {
    pub(super) async fn refresh(
        &self,
        client: &Client,
        form: &Parameters,
    ) -> Result<Response<Bytes>, Refused> {
        let presented = form.get("refresh_token");
        let presented = presented.ok_or(Refused::new(
            Code::InvalidRequest,
            "refresh_missing",
            "refresh_token is missing",
        ))?;
        let unknown = invalid("refresh_unknown");
        let old = RefreshToken::parse(presented).ok_or_else(|| unknown.clone())?;
        let shown = old.next()?;
        let next = RefreshToken::parse(&shown).ok_or_else(|| unknown.clone())?;
        let mut was_used = false;
        let changed = self.issue_for(client, old.grant_id, |grant| {
            let family = grant.refresh.as_mut().filter(|family| family.has(&old));
            let family = family.ok_or_else(|| unknown.clone())?;
            if grant.client_id != client.id {
                return Err(invalid("refresh_of_other_client"));
            }
            was_used = !family.rotate(&old, &next, self.clock.now());
            if was_used {
                return Err(invalid("refresh_reused"));
            }
            self.limits.check_grant(&grant.id)?;
            if form.get("resource").is_some() && self.resource(form.get("resource"))? != grant.resource {
                return Err(Refused::new(
                    Code::InvalidTarget,
                    "resource_changed",
                    "the resource is not the one that was authorized",
                ));
            }
            narrowed(&grant.scope, form.get("scope"))
        });
        let changed = changed.await;
        if was_used {
            self.grants.revoke(old.grant_id, "a refresh token was used again").await?;
        }
        let (grant, scope) = changed?;
        self.answer_with_tokens(&grant, &scope, Some(&shown))
    }

    /// The grant of a refresh token of `client`'s, for revocation.
    pub(crate) async fn grant_of_refresh_token(
        &self,
        client: &Client,
        presented: &str,
    ) -> Result<Option<String>, Refused> {
        let Some(token) = RefreshToken::parse(presented) else { return Ok(None) };
        let Some((grant, _)) = self.grants.find(token.grant_id).await? else { return Ok(None) };
        let is_its = grant.client_id == client.id && grant.refresh.is_some_and(|family| family.has(&token));
        Ok(is_its.then_some(grant.id))
    }
}

fn narrowed(granted: &str, requested: Option<&str>) -> Result<String, Refused> {
    let wider = Refused::new(Code::InvalidScope, "scope_widened", "the scope was not granted");
    let Some(requested) = requested else { return Ok(granted.to_owned()) };
    let granted = ScopeSet::parse(granted).map_err(|_| wider.clone())?;
    let requested =
        ScopeSet::parse(requested).map_err(|_| wider.clone())?.filtered(|scope| scope != "offline_access");
    if requested.is_empty() {
        return Ok(granted.to_string());
    }
    if requested.iter().all(|scope| granted.contains(scope)) { Ok(requested.to_string()) } else { Err(wider) }
}
