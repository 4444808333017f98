//! Building an upstream verifier.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};
use url::Url;

use super::{Inner, Next, Reader, Shape, Step, UpstreamAnswers, UpstreamPrincipal, UpstreamVerifier};
use crate::config::ConfigErrors;
use crate::http::{Fetcher, is_secure};
use crate::scope::ScopeSet;
use crate::time::Clock;
use crate::verify::Revocations;
use crate::verify::remote::{Asker, CACHE_FOR, MAX_CACHE_FOR, REFUSED_FOR, TIMEOUT};

/// A further question, as configured.
enum More {
    Ask(Method, String),
    Then(Next),
}

/// Builds an [`UpstreamVerifier`]; see each setting for its default.
#[must_use = "a verifier is made by `build`"]
pub struct UpstreamVerifierBuilder {
    url: String,
    more: Vec<More>,
    issuer: Option<String>,
    header: Option<String>,
    shape: Option<Shape>,
    reader: Option<Reader>,
    roles: Vec<(String, String)>,
    cache_for: Duration,
    refused_for: Duration,
    revocations: Vec<Revocations>,
    clock: Clock,
}

impl UpstreamVerifierBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            more: Vec::new(),
            issuer: None,
            header: None,
            shape: None,
            reader: None,
            roles: Vec::new(),
            cache_for: CACHE_FOR,
            refused_for: REFUSED_FOR,
            revocations: Vec::new(),
            clock: Clock::system(),
        }
    }

    /// Asks this URL as well, by GET, after those before it; it has to be of the same origin.
    pub fn also(mut self, url: impl Into<String>) -> Self {
        self.more.push(More::Ask(Method::GET, url.into()));
        self
    }

    /// Asks this URL as well, by POST without a body.
    pub fn also_post(mut self, url: impl Into<String>) -> Self {
        self.more.push(More::Ask(Method::POST, url.into()));
        self
    }

    /// Asks a URL as well, by GET, that is made of the answers so far. Parse what goes into it (as a UUID, say), never paste it.
    /// A URL of another origin is not asked.
    pub fn then(mut self, url: impl Fn(&UpstreamAnswers) -> Option<String> + Send + Sync + 'static) -> Self {
        self.more.push(More::Then(Box::new(url)));
        self
    }

    /// What a token of the service looks like. Required: whatever has another shape is refused before it is shown to anybody.
    pub fn shape(mut self, is_shape: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.shape = Some(Box::new(is_shape));
        self
    }

    /// Shows the token in this header: `x-access-token`. By default as `Authorization: Bearer`.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = Some(name.into());
        self
    }

    /// Reads the answers. Required. `None` says that they are not understood, which is the API's failure.
    pub fn principal(
        mut self,
        read: impl Fn(&UpstreamAnswers) -> Option<UpstreamPrincipal> + Send + Sync + 'static,
    ) -> Self {
        self.reader = Some(Box::new(read));
        self
    }

    /// What a role may do: scopes, space-separated; repeatable. Other roles grant nothing.
    pub fn role(mut self, role: impl Into<String>, scopes: impl Into<String>) -> Self {
        self.roles.push((role.into(), scopes.into()));
        self
    }

    /// The issuer of principals. By default the API's origin.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// How long a good verdict is used again, and so how late a revocation may be noticed: at most ten minutes. One minute by
    /// default; zero asks every time.
    pub fn cache_for(mut self, time: Duration) -> Self {
        self.cache_for = time;
        self
    }

    /// How long a refusal is remembered. Ten seconds by default.
    pub fn remember_refusals_for(mut self, time: Duration) -> Self {
        self.refused_for = time;
        self
    }

    /// What was revoked here before its time, whatever the API says.
    pub fn revocations(mut self, revocations: Revocations) -> Self {
        self.revocations.push(revocations);
        self
    }

    /// The clock of refusals and failures. The system's by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The verifier. Nothing is asked before the first token comes.
    ///
    /// # Errors
    /// Everything that is wrong, each with its fix.
    pub fn build(self) -> Result<UpstreamVerifier, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let first = Url::parse(&self.url).ok().filter(is_secure);
        let mut steps: Vec<Step> = first.iter().map(|url| Step::Ask(Method::GET, url.clone())).collect();
        let mut is_one_origin = first.is_some();
        for more in self.more {
            match more {
                More::Then(next) => steps.push(Step::Then(next)),
                More::Ask(method, url) => match (Url::parse(&url), &first) {
                    (Ok(url), Some(first)) if url.origin() == first.origin() => {
                        steps.push(Step::Ask(method, url))
                    }
                    _ => is_one_origin = false,
                },
            }
        }
        if !is_one_origin {
            errors.push(
                "the upstream URLs are not https URLs of one origin",
                "use https, or http on a loopback host, and one API",
            );
        }
        let header = self.header.as_deref().map(|name| HeaderName::from_bytes(name.as_bytes())).transpose();
        if header.is_err() {
            errors.push("the upstream header is no header name", "write it as x-access-token");
        }
        if self.shape.is_none() {
            errors.push(
                "upstream: no shape is set, so any credential would be shown to the API",
                "call .shape(|token| …) with what tells the service's own tokens",
            );
        }
        if self.reader.is_none() {
            errors.push("upstream: nothing reads the answer", "call .principal(|answers| …)");
        }
        if self.cache_for > MAX_CACHE_FOR || self.refused_for > MAX_CACHE_FOR {
            errors.push("upstream: verdicts are kept for more than ten minutes", "leave the defaults");
        }
        let mut roles: HashMap<String, ScopeSet> = HashMap::new();
        for (role, scopes) in self.roles {
            match ScopeSet::parse(&scopes) {
                Ok(scopes) => {
                    let all = roles.entry(role).or_default();
                    *all = all.union(&scopes);
                }
                Err(error) => {
                    errors.push(format!("role `{role}`: {error}"), "write scopes separated by spaces")
                }
            }
        }
        let fetcher = Fetcher::with_timeout(TIMEOUT)
            .map_err(|error| errors.push(error.to_string(), "check the machine's TLS certificates"));
        let (Ok(fetcher), Some(first), Ok(header), Some(shape), Some(reader)) =
            (fetcher, first, header, self.shape, self.reader)
        else {
            return Err(errors);
        };
        let origin = first.origin().ascii_serialization();
        errors.into_result(UpstreamVerifier {
            inner: Arc::new(Inner {
                asker: Asker::new(&origin, self.clock, self.refused_for),
                issuer: self.issuer.unwrap_or(origin),
                origin: first,
                steps,
                header,
                shape,
                reader,
                roles,
                cache_for: self.cache_for,
                revocations: self.revocations,
                fetcher,
            }),
        })
    }
}

impl std::fmt::Debug for UpstreamVerifierBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamVerifierBuilder").field("url", &self.url).finish_non_exhaustive()
    }
}
