//! Fetching an issuer's keys: at start, before they grow old, and when an unknown key id comes.
//!
//! 1. One job fetches; requests only ask it to.
//! 2. Keys are renewed when three quarters of the answer's `max-age` have passed, between five minutes and twelve hours; by
//!    default of an hour.
//! 3. A failed fetch keeps the keys and says so, in the log and in the gauge `mcp_auth_jwks_stale`; it is tried again after a
//!    minute, or after five seconds without any keys.
//! 4. With discovery the metadata is read at the forms derived from the issuer (RFC 8414, section 3.1; OpenID Connect
//!    Discovery, section 4), and believed only if its `issuer` is the one that was asked, to the character.
//! 5. An issuer on https does not send us to plain http, on loopback neither.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::keys::{KeySet, KeysError, MAX_BYTES};
use super::slot::{COOL_DOWN, COOL_DOWN_EMPTY, JwtKeys};
use crate::http::{FetchError, Fetched, Fetcher};

const DEFAULT_AGE: Duration = Duration::from_secs(3600);
const MIN_PAUSE: Duration = Duration::from_secs(300);
/// Half of what keys are good for: a failure leaves time for many attempts.
const MAX_PAUSE: Duration = Duration::from_secs(12 * 3600);

/// Where keys come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A key set at a known URL.
    Jwks(Url),
    /// Found through the issuer's metadata.
    Discovery { issuer: String, candidates: Vec<Url> },
}

#[derive(Clone, Debug)]
pub(super) struct Refresher {
    pub(super) issuer: String,
    pub(super) source: Source,
    pub(super) fetcher: Fetcher,
}

#[derive(Debug, thiserror::Error)]
enum RefreshError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error("the metadata is not readable")]
    Metadata(#[source] serde_json::Error),
    #[error("the metadata is another issuer's")]
    OtherIssuer,
    #[error("the metadata names no usable jwks_uri")]
    NoKeys,
}

impl Refresher {
    /// Runs until it is dropped.
    pub(super) async fn run(self, keys: JwtKeys) {
        let _running = keys.job_runs();
        loop {
            keys.attempt_begins();
            let pause = match self.fetch().await {
                Ok((set, age)) => {
                    self.record("ok", 0.0);
                    keys.put(set);
                    pause(age)
                }
                Err(error) => {
                    self.record("failed", 1.0);
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, source = %self.source, "the issuer's keys could not be fetched");
                    let pause = if keys.has_keys() { COOL_DOWN } else { COOL_DOWN_EMPTY };
                    keys.attempt_failed();
                    pause
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = keys.wanted() => {}
            }
        }
    }

    fn record(&self, outcome: &'static str, stale: f64) {
        metrics::counter!("mcp_auth_jwks_fetch_total", "issuer" => self.issuer.clone(), "outcome" => outcome)
            .increment(1);
        metrics::gauge!("mcp_auth_jwks_stale", "issuer" => self.issuer.clone()).set(stale);
    }

    async fn fetch(&self) -> Result<(KeySet, Duration), RefreshError> {
        let url = match &self.source {
            Source::Jwks(url) => url.clone(),
            Source::Discovery { issuer, candidates } => self.discover(issuer, candidates).await?,
        };
        let Fetched { body, max_age } = self.fetcher.get_json(&url, MAX_BYTES).await?;
        Ok((KeySet::parse(&body)?, max_age.unwrap_or(DEFAULT_AGE)))
    }

    async fn discover(&self, issuer: &str, candidates: &[Url]) -> Result<Url, RefreshError> {
        #[derive(Deserialize)]
        struct Metadata {
            issuer: String,
            jwks_uri: String,
        }
        let mut last = RefreshError::NoKeys;
        for url in candidates {
            let metadata = match self.fetcher.get_json(url, MAX_BYTES).await {
                Ok(fetched) => {
                    serde_json::from_slice::<Metadata>(&fetched.body).map_err(RefreshError::Metadata)
                }
                Err(error) => Err(error.into()),
            };
            // Another form may still be the issuer's; what is believed is what names it.
            match metadata {
                Ok(metadata) if metadata.issuer == issuer => return keys_url(issuer, &metadata.jwks_uri),
                Ok(_) => last = RefreshError::OtherIssuer,
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// When to renew keys that may be kept for `age`.
fn pause(age: Duration) -> Duration {
    (age.min(MAX_PAUSE * 2) * 3 / 4).clamp(MIN_PAUSE, MAX_PAUSE)
}

fn keys_url(issuer: &str, jwks_uri: &str) -> Result<Url, RefreshError> {
    let url = Url::parse(jwks_uri).map_err(|_| RefreshError::NoKeys)?;
    let is_downgrade = issuer.starts_with("https:") && url.scheme() != "https";
    if is_downgrade { Err(RefreshError::NoKeys) } else { Ok(url) }
}

impl Source {
    /// The metadata forms that are derived from an issuer.
    pub(super) fn discovery(issuer: &str, url: &Url) -> Self {
        let path = url.path().trim_end_matches('/');
        let at = |path: &str| {
            let mut candidate = url.clone();
            candidate.set_path(path);
            candidate.set_query(None);
            candidate
        };
        let mut candidates = vec![at(&format!("/.well-known/oauth-authorization-server{path}"))];
        if !path.is_empty() {
            candidates.push(at(&format!("/.well-known/openid-configuration{path}")));
        }
        candidates.push(at(&format!("{path}/.well-known/openid-configuration")));
        Self::Discovery { issuer: issuer.to_owned(), candidates }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Jwks(url) => write!(f, "{url}"),
            Self::Discovery { issuer, .. } => write!(f, "discovery of {issuer}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_renewed_before_they_are_old() {
        let after = |secs| pause(Duration::from_secs(secs)).as_secs();
        assert_eq!([after(0), after(600), after(3600)], [300, 450, 2700]);
        assert_eq!([after(86_400), after(u64::MAX)], [43_200, 43_200]);
    }

    #[test]
    fn an_issuer_on_https_names_keys_on_https() {
        assert!(keys_url("https://issuer.example", "https://keys.example/jwks").is_ok());
        assert!(keys_url("http://127.0.0.1:9", "http://127.0.0.1:9/jwks").is_ok());
        for uri in ["http://127.0.0.1:8080/admin", "http://localhost/jwks", "file:///jwks", "jwks", ""] {
            assert!(keys_url("https://issuer.example", uri).is_err(), "{uri}");
        }
    }
}
