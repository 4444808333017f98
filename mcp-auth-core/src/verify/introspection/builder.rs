//! Building an introspection verifier.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::answer::Rules;
use super::client::{Client, ClientAuthentication, is_endpoint};
use super::{Inner, IntrospectionVerifier};
use crate::config::ConfigErrors;
use crate::http::{Fetcher, is_secure};
use crate::scope::ScopeSet;
use crate::time::Clock;
use crate::verify::Revocations;
use crate::verify::remote::{Asker, CACHE_FOR, MAX_CACHE_FOR, REFUSED_FOR, TIMEOUT};

/// Builds an [`IntrospectionVerifier`]; see each setting for its default.
#[derive(Debug)]
#[must_use = "a verifier is made by `build`"]
pub struct IntrospectionVerifierBuilder {
    endpoint: String,
    client: Option<(String, ClientAuthentication)>,
    rules: Rules,
    refused_for: Duration,
    obtainable: Option<ScopeSet>,
    revocations: Vec<Revocations>,
    clock: Clock,
}

impl IntrospectionVerifierBuilder {
    pub(super) fn new(issuer: String, endpoint: String) -> Self {
        let rules = Rules {
            issuer,
            audiences: Vec::new(),
            missing_audience: false,
            grant_claim: "gid".to_owned(),
            cache_for: CACHE_FOR,
        };
        Self {
            endpoint,
            client: None,
            rules,
            refused_for: REFUSED_FOR,
            obtainable: None,
            revocations: Vec::new(),
            clock: Clock::system(),
        }
    }

    /// Who this service is at the authorization server. Required: an open endpoint would tell anybody (RFC 7662, section 2.1).
    pub fn client(mut self, id: impl Into<String>, authentication: ClientAuthentication) -> Self {
        self.client = Some((id.into(), authentication));
        self
    }

    /// Takes tokens for this audience; repeatable. By default the guard's resource, and nothing else.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.push(audience.into());
        self
    }

    /// Takes answers that name no audience. Only where the server issues tokens for nobody else: a token that was given to
    /// another service is taken then, too.
    pub fn allow_missing_audience(mut self) -> Self {
        self.rules.missing_audience = true;
        self
    }

    /// The member that names the grant behind a token. `gid` by default.
    pub fn grant_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.grant_claim = name.into();
        self
    }

    /// How long a good verdict is used again, and so how late a revocation may be noticed: at most ten minutes. One minute by
    /// default; zero asks every time.
    pub fn cache_for(mut self, time: Duration) -> Self {
        self.rules.cache_for = time;
        self
    }

    /// How long a refusal is remembered. Ten seconds by default.
    pub fn remember_refusals_for(mut self, time: Duration) -> Self {
        self.refused_for = time;
        self
    }

    /// The scopes that clients can obtain from this issuer; others are never offered. By default all.
    pub fn obtainable_scopes(mut self, scopes: ScopeSet) -> Self {
        self.obtainable = Some(scopes);
        self
    }

    /// What was revoked here before its time, whatever the server says.
    pub fn revocations(mut self, revocations: Revocations) -> Self {
        self.revocations.push(revocations);
        self
    }

    /// The clock of refusals and failures. The system's by default. (Tokens are aged by the guard's clock.)
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The verifier. Nothing is asked before the first token comes.
    ///
    /// # Errors
    /// Everything that is wrong, each with its fix.
    pub fn build(self) -> Result<IntrospectionVerifier, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        if !Url::parse(&self.rules.issuer).is_ok_and(|url| is_secure(&url)) {
            errors.push(
                format!("the issuer `{}` is no https URL", self.rules.issuer),
                "copy `issuer` from the server's metadata",
            );
        }
        let endpoint = Url::parse(&self.endpoint).ok().filter(is_endpoint);
        if endpoint.is_none() {
            errors.push(
                "the introspection endpoint is no https URL",
                "copy `introspection_endpoint` from the server's metadata",
            );
        }
        if self.client.is_none() {
            errors.push(
                "introspection: no client is set",
                "register this service at the authorization server and call .client(id, ClientAuthentication::basic(secret))",
            );
        }
        if self.rules.cache_for > MAX_CACHE_FOR || self.refused_for > MAX_CACHE_FOR {
            errors.push("introspection: verdicts are kept for more than ten minutes", "leave the defaults");
        }
        let fetcher = Fetcher::with_timeout(TIMEOUT)
            .map_err(|error| errors.push(error.to_string(), "check the machine's TLS certificates"));
        let (Some(endpoint), Some((id, authentication)), Ok(fetcher)) = (endpoint, self.client, fetcher)
        else {
            return Err(errors);
        };
        if self.rules.missing_audience {
            tracing::warn!(
                issuer = self.rules.issuer,
                "introspection answers without an audience are taken: tokens for other services of this issuer pass, too"
            );
        }
        let client = Client { id, issuer: self.rules.issuer.clone(), authentication };
        errors.into_result(IntrospectionVerifier {
            inner: Arc::new(Inner {
                asker: Asker::new(&self.rules.issuer, self.clock.clone(), self.refused_for),
                rules: self.rules,
                endpoint,
                client,
                obtainable: self.obtainable,
                revocations: self.revocations,
                clock: self.clock,
                fetcher,
            }),
        })
    }
}
