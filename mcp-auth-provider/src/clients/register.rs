//! Dynamic client registration (RFC 7591).
//!
//! 1. A registration lives for a day, and a day longer than anything that is granted to it.
//! 2. An address may register 30 in a minute. Of those that nothing was granted to, the oldest make room: see
//!    [`waiting`](super::waiting).
//! 3. The registered scope is echoed and limits nothing: clients register with the first challenge's and step up later.

use std::net::IpAddr;

use bytes::Bytes;
use http::{Response, StatusCode};
use mcp_auth_core::limit::address_key;
use serde::{Deserialize, Serialize};

use super::waiting::{Waiting, WaitingList};
use super::{Client, Clients, RedirectRules, UNUSED_LIFE};
use crate::answer::{Code, Refused, json};
use crate::secret;

const MAX_BODY: usize = 16 * 1024;
const MAX_REDIRECTS: usize = 16;
const MAX_NAME: usize = 200;

/// What a client says of itself (RFC 7591, section 2). Members that are not known are ignored, as the RFC demands.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    redirect_uris: Vec<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    client_name: Option<String>,
    scope: Option<String>,
}

/// What is answered (section 3.2.1).
#[derive(Serialize)]
struct Registered<'a> {
    client_id: &'a str,
    client_id_issued_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u64>,
    redirect_uris: &'a [String],
    token_endpoint_auth_method: &'a str,
    grant_types: &'a [String],
    response_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

/// The registration endpoint.
pub(crate) struct Registration {
    pub(crate) limiter: governor::DefaultKeyedRateLimiter<IpAddr>,
    pub(crate) rules: RedirectRules,
    pub(crate) waiting: WaitingList,
}

impl Registration {
    pub(crate) async fn register(
        &self,
        clients: &Clients,
        address: Option<IpAddr>,
        body: &[u8],
    ) -> Result<Response<Bytes>, Refused> {
        if let Err(not_until) = self.limiter.check_key(&address_key(address)) {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(self.limiter.clock()));
            return Err(
                Refused::new(Code::SlowDown, "registration_rate", "too many registrations").after(wait)
            );
        }
        if body.len() > MAX_BODY {
            return Err(invalid("registration_too_large", "the metadata is too large"));
        }
        let metadata: Metadata = serde_json::from_slice(body)
            .map_err(|_| invalid("registration_malformed", "the metadata is not readable"))?;
        self.check(&metadata)?;
        let method = metadata.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
        let new_secret = if method == "none" { None } else { Some(secret::random()?) };
        let grant_types = metadata
            .grant_types
            .unwrap_or_else(|| vec!["authorization_code".to_owned(), "refresh_token".to_owned()]);
        let client = Client {
            id: secret::random_id()?,
            secret_hash: new_secret.as_ref().map(|secret| secret::hash(secret)),
            redirects: metadata.redirect_uris,
            name: metadata
                .client_name
                .map(|name| crate::pages::plain(&name, MAX_NAME))
                .filter(|name| !name.is_empty()),
            is_dynamic: true,
            may_refresh: grant_types.iter().any(|grant| grant == "refresh_token"),
        };
        let now = clients.clock.now();
        let until = now.plus(UNUSED_LIFE);
        let waiting = Waiting { id: client.id.clone(), address: address_key(address), until };
        if let Some(oldest) = self.waiting.add(waiting, now) {
            clients.remove_unused(&oldest.id, oldest.until).await?;
        }
        clients.store(&client, until).await?;
        tracing::info!(client = client.id, redirects = ?client.redirects, ?address, "a client registered");
        let registered = Registered {
            client_id: &client.id,
            client_id_issued_at: now.as_secs(),
            client_secret: new_secret.as_ref().map(|secret| secret.as_str()),
            client_secret_expires_at: new_secret.as_ref().map(|_| 0),
            redirect_uris: &client.redirects,
            token_endpoint_auth_method: method,
            grant_types: &grant_types,
            response_types: ["code"],
            client_name: client.name.as_deref(),
            scope: metadata.scope.as_deref(),
        };
        Ok(json(StatusCode::CREATED, &registered))
    }

    fn check(&self, metadata: &Metadata) -> Result<(), Refused> {
        if metadata.redirect_uris.is_empty() || metadata.redirect_uris.len() > MAX_REDIRECTS {
            return Err(Refused::new(
                Code::InvalidRedirectUri,
                "redirect_count",
                "between 1 and 16 redirect URIs are needed",
            ));
        }
        for uri in &metadata.redirect_uris {
            if let Err(error) = self.rules.check(uri) {
                tracing::debug!(%error, "a registration's redirect is refused");
                return Err(Refused::new(
                    Code::InvalidRedirectUri,
                    "redirect_refused",
                    "redirect URIs must be https, http on loopback, or a listed private scheme, without fragment and user information",
                ));
            }
        }
        let methods = ["none", "client_secret_basic", "client_secret_post"];
        if metadata.token_endpoint_auth_method.as_deref().is_some_and(|method| !methods.contains(&method)) {
            return Err(invalid("auth_method_unsupported", "token_endpoint_auth_method is not supported"));
        }
        if metadata.response_types.as_ref().is_some_and(|types| types.iter().any(|kind| kind != "code")) {
            return Err(invalid("response_type_unsupported", "the only response type is code"));
        }
        let grants = ["authorization_code", "refresh_token"];
        if metadata
            .grant_types
            .as_ref()
            .is_some_and(|types| types.iter().any(|kind| !grants.contains(&kind.as_str())))
        {
            return Err(invalid(
                "grant_type_unsupported",
                "the grant types are authorization_code and refresh_token",
            ));
        }
        Ok(())
    }
}

fn invalid(kind: &'static str, text: &'static str) -> Refused {
    Refused::new(Code::InvalidClientMetadata, kind, text)
}
