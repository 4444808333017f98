//! Redeeming an authorization code (RFC 6749, section 4.1.3; RFC 7636, section 4.6).
//!
//! 1. A code is replaced by a tombstone that names its grant, in one conditional write: of two redemptions at once, one wins.
//! 2. Any later redemption finds the tombstone and revokes the grant: somebody has the code who should not.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Response;
use mcp_auth_core::store::{Key, StoreExt};
use serde::{Deserialize, Serialize};

use super::family::{Family, RefreshToken};
use crate::answer::{Code, Refused};
use crate::clients::Client;
use crate::form::Parameters;
use crate::grants::Grant;
use crate::provider::Inner;
use crate::secret;

pub(crate) const CODES: &str = "codes";

/// What is stored under a code's hash.
#[derive(Serialize, Deserialize)]
pub(crate) enum AuthorizationCode {
    /// Not yet redeemed.
    Fresh { grant_id: String, client_id: String, redirect: String, challenge: String, resource: String },
    /// Redeemed: the tombstone.
    Used { grant_id: String },
}

impl Inner {
    pub(super) async fn redeem_code(
        &self,
        client: &Client,
        form: &Parameters,
    ) -> Result<Response<Bytes>, Refused> {
        let presented =
            form.get("code").ok_or(Refused::new(Code::InvalidRequest, "code_missing", "code is missing"))?;
        let key = Key::new(CODES, "", secret::hash(presented));
        let entry = self.store.get(&key).await?.ok_or(invalid("code_unknown"))?;
        let (grant_id, client_id, redirect, challenge, resource) = match serde_json::from_slice(&entry.value)?
        {
            AuthorizationCode::Used { grant_id } => {
                self.grants.revoke(&grant_id, "its code was used twice").await?;
                return Err(invalid("code_reused"));
            }
            AuthorizationCode::Fresh { grant_id, client_id, redirect, challenge, resource } => {
                (grant_id, client_id, redirect, challenge, resource)
            }
        };
        // Another client's code stays as it is: it is not that client's to use up.
        if client_id != client.id {
            return Err(invalid("code_of_other_client"));
        }
        let tombstone = serde_json::to_vec(&AuthorizationCode::Used { grant_id: grant_id.clone() })?;
        let until = self.clock.now().plus(self.refresh_ttl);
        if !self.store.replace(&key, entry.version, tombstone, Some(until)).await? {
            self.grants.revoke(&grant_id, "its code was used twice at once").await?;
            return Err(invalid("code_reused"));
        }
        if form.get("redirect_uri").is_some_and(|again| again != redirect) {
            return Err(invalid("redirect_changed"));
        }
        check_verifier(form.get("code_verifier"), &challenge)?;
        if form.get("resource").is_some() && self.resource(form.get("resource"))? != resource {
            return Err(Refused::new(
                Code::InvalidTarget,
                "resource_changed",
                "the resource is not the one that was authorized",
            ));
        }
        let shown = if client.may_refresh { Some(RefreshToken::first(&grant_id)?) } else { None };
        let first = shown.as_deref().and_then(|shown| RefreshToken::parse(shown));
        let begin = |grant: &mut Grant| {
            grant.refresh = first.as_ref().map(Family::begin);
            Ok(())
        };
        let (grant, ()) = self.issue_for(client, &grant_id, begin).await?;
        self.answer_with_tokens(&grant, &grant.scope, shown.as_deref().map(String::as_str))
    }
}

fn check_verifier(verifier: Option<&str>, challenge: &str) -> Result<(), Refused> {
    let verifier =
        verifier.ok_or(Refused::new(Code::InvalidRequest, "pkce_missing", "code_verifier is missing"))?;
    let is_form = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
    let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
    if is_form && secret::equal(&URL_SAFE_NO_PAD.encode(digest), challenge) {
        Ok(())
    } else {
        Err(invalid("pkce_mismatch"))
    }
}

/// One answer for everything that is wrong with a code or refresh token.
pub(super) const fn invalid(kind: &'static str) -> Refused {
    Refused::new(Code::InvalidGrant, kind, "the code or refresh token is not valid")
}
