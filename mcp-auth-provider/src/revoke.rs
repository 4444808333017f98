//! The revocation endpoint (RFC 7009), for public clients too.
//!
//! 1. A refresh token ends its whole grant; an access token ends alone.
//! 2. A token that is unknown, or another client's, is answered 200 as well (section 2.2).

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use mcp_auth_core::Credential;
use mcp_auth_core::verify::{TokenVerifier, Verified, VerifyContext};

use crate::answer::{Code, Refused, empty, method_not_allowed};
use crate::form::Parameters;
use crate::provider::Inner;

impl Inner {
    pub(crate) async fn revoke(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        if parts.method != Method::POST {
            return method_not_allowed("POST, OPTIONS");
        }
        match self.try_revoke(parts, body).await {
            Ok(is_known) => {
                if !is_known {
                    self.limits.note_failure(self.address(parts));
                }
                empty(StatusCode::OK)
            }
            Err(refused) => {
                if refused.is_failure() {
                    self.limits.note_failure(self.address(parts));
                }
                refused.record("revoke", None);
                refused.into_response()
            }
        }
    }

    /// False if the token is not known.
    async fn try_revoke(&self, parts: &Parts, body: &[u8]) -> Result<bool, Refused> {
        self.limits.check_address(self.address(parts))?;
        let form = Parameters::from_form(&parts.headers, body)?;
        let client = self.authenticate_client(parts, &form).await?;
        let token = form.get("token").ok_or(Refused::new(
            Code::InvalidRequest,
            "token_missing",
            "token is missing",
        ))?;
        if let Some(grant) = self.grant_of_refresh_token(&client, token).await? {
            self.grants.revoke(&grant, "its client asked for it").await?;
            return Ok(true);
        }
        let credential = Credential::bearer(token);
        for resource in &self.resources {
            let context = VerifyContext { resource, now: self.clock.now(), address: None };
            let verified = self.verifier.verify(&credential, context).await;
            if let Ok(principal) = verified.as_ref().map(Verified::principal)
                && principal.client_id() == Some(&client.id)
                && let (Some(id), Some(until)) = (principal.token_id(), principal.expires_at())
            {
                self.limits.check_grant(principal.grant_id().unwrap_or_default())?;
                self.grants.revoke_token(id, until).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
