//! The token endpoint (RFC 6749, section 3.2).

mod client_auth;
mod code;
mod family;
mod refresh;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde::Serialize;

use crate::answer::{Code, Refused, json, method_not_allowed};
use crate::clients::Client;
use crate::form::Parameters;
use crate::grants::{Grant, TRIES, lost_race};
use crate::provider::Inner;
use crate::signing::AccessToken;

pub(crate) use code::{AuthorizationCode, CODES};
pub(crate) use family::Family;

/// What is answered (section 5.1).
#[derive(Serialize)]
struct Issued<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: &'a str,
}

impl Inner {
    pub(crate) async fn token(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        if parts.method != Method::POST {
            return method_not_allowed("POST, OPTIONS");
        }
        let mut client_id = None;
        match self.issue(parts, body, &mut client_id).await {
            Ok(response) => response,
            Err(refused) => {
                if refused.is_failure() {
                    self.limits.note_failure(self.address(parts));
                }
                refused.record("token", client_id.as_deref());
                refused.into_response()
            }
        }
    }

    async fn issue(
        &self,
        parts: &Parts,
        body: &[u8],
        client_id: &mut Option<String>,
    ) -> Result<Response<Bytes>, Refused> {
        self.limits.check_address(self.address(parts))?;
        let form = Parameters::from_form(&parts.headers, body)?;
        let client = self.authenticate_client(parts, &form).await?;
        *client_id = Some(client.id.clone());
        match form.get("grant_type") {
            Some("authorization_code") => self.redeem_code(&client, &form).await,
            Some("refresh_token") => self.refresh(&client, &form).await,
            Some(_) => Err(Refused::new(
                Code::UnsupportedGrantType,
                "grant_type",
                "the grant types are authorization_code and refresh_token",
            )),
            None => Err(Refused::new(Code::InvalidRequest, "grant_type_missing", "grant_type is missing")),
        }
    }

    /// Changes the grant that something is to be issued for, in one conditional write: one that is revoked at the same time
    /// stays revoked. It and the client's registration live as long as what is issued.
    async fn issue_for<T: Send>(
        &self,
        client: &Client,
        grant_id: &str,
        mut change: impl FnMut(&mut Grant) -> Result<T, Refused> + Send,
    ) -> Result<(Grant, T), Refused> {
        let life = if client.may_refresh { self.refresh_ttl } else { self.access_ttl };
        for _ in 0..TRIES {
            let found = self.grants.find(grant_id).await?;
            let (mut grant, version) = found.ok_or(code::invalid("grant_gone"))?;
            let changed = change(&mut grant)?;
            let until = self.clock.now().plus(life);
            self.clients.keep(client, life).await?;
            self.grants.keep_note(&grant, until).await?;
            if self.grants.replace(&grant, version, until).await? {
                return Ok((grant, changed));
            }
        }
        Err(lost_race())
    }

    /// An access token of `grant` with `scope`, and the refresh token beside it.
    fn answer_with_tokens(
        &self,
        grant: &Grant,
        scope: &str,
        refresh_token: Option<&str>,
    ) -> Result<Response<Bytes>, Refused> {
        let token = AccessToken {
            issuer: &self.issuer,
            subject: &grant.subject,
            client_id: &grant.client_id,
            audience: &grant.resource,
            scope,
            grant_id: &grant.id,
            signed_in: grant.signed_in,
        };
        let access_token = self.signing.sign(&token, self.clock.now(), self.access_ttl)?;
        metrics::counter!("mcp_auth_provider_tokens_total").increment(1);
        let issued = Issued {
            access_token: &access_token,
            token_type: "Bearer",
            expires_in: self.access_ttl.as_secs(),
            refresh_token,
            scope,
        };
        Ok(json(StatusCode::OK, &issued))
    }
}
