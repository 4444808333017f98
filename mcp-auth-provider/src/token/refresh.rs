//! Refreshing (RFC 6749, section 6; RFC 9700, section 4.14.2).
//!
//! 1. Each use rotates: the old token is marked and a new one of the same grant is issued.
//! 2. A marked token is honoured for 30 seconds, at most twice: clients race themselves, and answers get lost. What it gives
//!    belongs to the same family.
//! 3. Any other use of a marked token revokes the grant, and with it the whole family and its access tokens.
//! 4. The scope may be narrowed for the new access token, never widened.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use mcp_auth_core::ScopeSet;
use mcp_auth_core::store::{Key, StoreExt};
use mcp_auth_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::code::invalid;
use crate::answer::{Code, Refused};
use crate::clients::Client;
use crate::form::Parameters;
use crate::grants::Grant;
use crate::provider::Inner;
use crate::secret;

const TOKENS: &str = "refresh_tokens";
const GRACE: Duration = Duration::from_secs(30);
const GRACE_USES: u8 = 2;
/// How often a conditional write is tried again after another request came first.
const TRIES: usize = 4;

/// What is stored under a refresh token's hash.
#[derive(Clone, Serialize, Deserialize)]
struct RefreshToken {
    grant_id: String,
    client_id: String,
    rotated: Option<Rotated>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Rotated {
    at: Timestamp,
    grace_uses: u8,
}

impl Inner {
    pub(super) async fn new_refresh_token(&self, grant: &Grant) -> Result<Zeroizing<String>, Refused> {
        let token = secret::random()?;
        let stored =
            RefreshToken { grant_id: grant.id.clone(), client_id: grant.client_id.clone(), rotated: None };
        let until = self.clock.now().plus(self.refresh_ttl);
        self.store.put(&token_key(&token), serde_json::to_vec(&stored)?, Some(until)).await?;
        Ok(token)
    }

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
        let grant_id = self.rotate(client, presented).await?;
        let grant = self.extend_grant(client, &grant_id).await?;
        if form.get("resource").is_some() && self.resource(form.get("resource"))? != grant.resource {
            return Err(Refused::new(
                Code::InvalidTarget,
                "resource_changed",
                "the resource is not the one that was authorized",
            ));
        }
        let scope = narrowed(&grant.scope, form.get("scope"))?;
        self.issue_tokens(client, &grant, &scope).await
    }

    /// Uses a token up, and names its grant.
    async fn rotate(&self, client: &Client, presented: &str) -> Result<String, Refused> {
        let key = token_key(presented);
        for _ in 0..TRIES {
            let entry = self.store.get(&key).await?.ok_or(invalid("refresh_unknown"))?;
            let mut token: RefreshToken = serde_json::from_slice(&entry.value)?;
            if token.client_id != client.id {
                return Err(invalid("refresh_of_other_client"));
            }
            let now = self.clock.now();
            token.rotated = Some(match token.rotated {
                None => Rotated { at: now, grace_uses: 0 },
                Some(rotated) if now.since(rotated.at) <= GRACE && rotated.grace_uses < GRACE_USES => {
                    Rotated { grace_uses: rotated.grace_uses + 1, ..rotated }
                }
                Some(_) => {
                    self.grants.revoke(&token.grant_id, "a refresh token was used again").await?;
                    return Err(invalid("refresh_reused"));
                }
            });
            if self.store.replace(&key, entry.version, serde_json::to_vec(&token)?, entry.expires_at).await? {
                return Ok(token.grant_id);
            }
        }
        Err(Refused::new(Code::TemporarilyUnavailable, "refresh_race", "try again later")
            .after(Duration::from_secs(1)))
    }

    /// The grant of a refresh token of `client`'s, for revocation.
    pub(crate) async fn grant_of_refresh_token(
        &self,
        client: &Client,
        presented: &str,
    ) -> Result<Option<String>, Refused> {
        let Some(entry) = self.store.get(&token_key(presented)).await? else { return Ok(None) };
        let token: RefreshToken = serde_json::from_slice(&entry.value)?;
        Ok((token.client_id == client.id).then_some(token.grant_id))
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

fn token_key(token: &str) -> Key {
    Key::new(TOKENS, "", secret::hash(token))
}
