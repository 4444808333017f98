//! Building a JWT verifier.

use std::time::Duration;

use url::Url;

use super::JwtVerifier;
use super::algorithm::Algorithm;
use super::slot::JwtKeys;
use crate::config::ConfigErrors;
use crate::http::is_loopback;
use crate::scope::ScopeSet;
use crate::time::Clock;
use crate::verify::Revocations;

const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// Which `typ` an access token has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TypRule {
    /// `at+jwt` (RFC 9068, section 2.1), and nothing else.
    #[default]
    AccessToken,
    /// For servers that do not follow RFC 9068: also `JWT`, or none. ID tokens and logout tokens stay refused, as far as
    /// their claims show them.
    AllowJwtOrAbsent,
}

/// What a token is checked by.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) leeway: Duration,
    pub(super) typ: TypRule,
    pub(super) scope_claims: Vec<String>,
    pub(super) grant_claim: String,
    pub(super) obtainable: Option<ScopeSet>,
    pub(super) revocations: Option<Revocations>,
}

/// Where keys come from, as configured.
#[derive(Debug)]
enum KeySource {
    Given(Vec<u8>),
    Shared(JwtKeys),
    #[cfg(feature = "fetch")]
    Uri(String),
}

/// Builds a [`JwtVerifier`]; see each setting for its default.
#[derive(Debug)]
#[must_use = "a verifier is made by `build`"]
pub struct JwtVerifierBuilder {
    rules: Rules,
    source: Option<KeySource>,
    clock: Clock,
}

impl JwtVerifierBuilder {
    pub(super) fn new(issuer: String) -> Self {
        let rules = Rules {
            issuer,
            audiences: Vec::new(),
            algorithms: Algorithm::ALL.to_vec(),
            leeway: DEFAULT_LEEWAY,
            typ: TypRule::default(),
            scope_claims: vec!["scope".to_owned(), "scp".to_owned()],
            grant_claim: "gid".to_owned(),
            obtainable: None,
            revocations: None,
        };
        Self { rules, source: None, clock: Clock::system() }
    }

    /// Takes tokens for this audience; repeatable. By default the guard's resource, and nothing else.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.push(audience.into());
        self
    }

    /// Takes only these algorithms. By default all of [`Algorithm::ALL`].
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.rules.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How far the issuer's clock may be off, at most five minutes. 30 s by default.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// Which `typ` an access token has. [`TypRule::AccessToken`] by default.
    pub fn require_typ(mut self, typ: TypRule) -> Self {
        self.rules.typ = typ;
        self
    }

    /// Reads scopes from this claim (a string or an array), and from no other. By default `scope`, else `scp`.
    pub fn scope_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.scope_claims = vec![name.into()];
        self
    }

    /// The claim that names the grant behind a token. `gid` by default.
    pub fn grant_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.grant_claim = name.into();
        self
    }

    /// The scopes that clients can obtain from this issuer; others are never offered. By default all.
    pub fn obtainable_scopes(mut self, scopes: ScopeSet) -> Self {
        self.rules.obtainable = Some(scopes);
        self
    }

    /// What was revoked before its time.
    pub fn revocations(mut self, revocations: Revocations) -> Self {
        self.rules.revocations = Some(revocations);
        self
    }

    /// Uses these keys (a JWK set) instead of fetching any.
    pub fn jwks(mut self, jwks: impl AsRef<[u8]>) -> Self {
        self.source = Some(KeySource::Given(jwks.as_ref().to_vec()));
        self
    }

    /// Shares keys with whoever replaces them, in this process.
    pub fn keys(mut self, keys: JwtKeys) -> Self {
        self.source = Some(KeySource::Shared(keys));
        self
    }

    /// Fetches the keys from this URL. By default it is discovered from the issuer.
    #[cfg(feature = "fetch")]
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.source = Some(KeySource::Uri(url.into()));
        self
    }

    /// The clock that ages keys. The system's by default. (Tokens are aged by the guard's clock.)
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The verifier. Nothing is fetched before the guard's `Background` runs.
    ///
    /// # Errors
    /// Everything that is wrong, each with its fix.
    pub fn build(self) -> Result<JwtVerifier, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let issuer = Url::parse(&self.rules.issuer)
            .ok()
            .filter(|url| is_secure(url) && url.query().is_none() && url.fragment().is_none());
        if issuer.is_none() {
            errors.push(
                format!("the issuer `{}` is no https URL", self.rules.issuer),
                "copy `issuer` from the server's metadata",
            );
        }
        if self.rules.algorithms.is_empty() {
            errors.push("no algorithm is allowed", "leave the default, or name at least one");
        }
        if self.rules.leeway > MAX_LEEWAY {
            errors.push("the leeway is over five minutes", "set the clocks instead");
        }
        match self.source {
            Some(KeySource::Given(jwks)) => match JwtKeys::new(&jwks) {
                Ok(keys) => errors.into_result(finish(self.rules, keys)),
                Err(error) => {
                    errors.push(
                        error.to_string(),
                        "give a JWK set with an RSA (2048 bits or more), P-256 or Ed25519 key",
                    );
                    Err(errors)
                }
            },
            Some(KeySource::Shared(keys)) => errors.into_result(finish(self.rules, keys)),
            #[cfg(feature = "fetch")]
            source => {
                let source = match source {
                    Some(KeySource::Uri(uri)) => match Url::parse(&uri) {
                        Ok(url) if is_secure(&url) => Some(super::refresh::Source::Jwks(url)),
                        _ => {
                            errors.push(
                                format!("jwks_uri `{uri}` is no https URL"),
                                "copy `jwks_uri` from the server's metadata",
                            );
                            None
                        }
                    },
                    _ => {
                        issuer.as_ref().map(|url| super::refresh::Source::discovery(&self.rules.issuer, url))
                    }
                };
                let fetcher = crate::http::Fetcher::new()
                    .map_err(|error| errors.push(error.to_string(), "check the machine's TLS certificates"));
                let (Some(source), Ok(fetcher)) = (source, fetcher) else { return Err(errors) };
                let keys = JwtKeys::empty(self.clock, true);
                let refresher = Some(super::refresh::Refresher { source, fetcher });
                errors.into_result(JwtVerifier { rules: self.rules, keys, refresher })
            }
            #[cfg(not(feature = "fetch"))]
            None => {
                errors.push("there are no keys", "give them with .jwks(…), or switch on the feature `fetch`");
                Err(errors)
            }
        }
    }
}

/// https, or http on a loopback host: development.
fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

fn finish(rules: Rules, keys: JwtKeys) -> JwtVerifier {
    JwtVerifier {
        rules,
        keys,
        #[cfg(feature = "fetch")]
        refresher: None,
    }
}
