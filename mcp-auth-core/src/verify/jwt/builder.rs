//! The settings of a JWT verifier, issuer by issuer.

use std::time::Duration;

use super::algorithm::Algorithm;
use super::presets::AudienceRule;
use super::rules::{Rules, ScopeClaims, TypRule, names};
use super::slot::JwtKeys;
use crate::config::ConfigErrors;
use crate::scope::ScopeSet;
use crate::time::Clock;
use crate::verify::Revocations;

/// Where keys come from, as configured.
#[derive(Debug)]
pub(super) enum KeySource {
    Given(Vec<u8>),
    Shared(JwtKeys),
    #[cfg(feature = "fetch")]
    Uri(String),
}

/// Builds a [`JwtVerifier`](super::JwtVerifier); see each setting for its default. A setting concerns the issuer that the
/// builder was started for; others come with [`and`](Self::and).
#[derive(Debug)]
#[must_use = "a verifier is made by `build`"]
pub struct JwtVerifierBuilder {
    pub(super) rules: Rules,
    pub(super) source: Option<KeySource>,
    pub(super) clock: Clock,
    /// What was wrong before `build`: a preset's parameters.
    pub(super) problems: ConfigErrors,
    /// What a preset knows of the audience.
    pub(super) audience_rule: AudienceRule,
    pub(super) default_audience: Option<String>,
    pub(super) others: Vec<JwtVerifierBuilder>,
}

impl JwtVerifierBuilder {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            rules: Rules::new(issuer),
            source: None,
            clock: Clock::system(),
            problems: ConfigErrors::default(),
            audience_rule: AudienceRule::Resource,
            default_audience: None,
            others: Vec::new(),
        }
    }

    /// Takes the tokens of another issuer, too, by its own rules and keys. What is set after this still concerns the first.
    pub fn and(mut self, other: JwtVerifierBuilder) -> Self {
        self.others.push(other);
        self
    }

    /// Takes tokens for this audience; repeatable. By default the guard's resource, and nothing else.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.push(audience.into());
        self
    }

    /// Takes tokens of these clients only, by the first of [`client_claims`](Self::client_claims); repeatable. By default
    /// those of every client.
    pub fn allowed_clients<S: Into<String>>(mut self, clients: impl IntoIterator<Item = S>) -> Self {
        self.rules.clients.get_or_insert_default().extend(clients.into_iter().map(Into::into));
        self
    }

    /// Takes tokens that name no audience at all, from the [`allowed_clients`](Self::allowed_clients) alone, which are
    /// required with it: any resource of the issuer could receive such a token and use it here. One that does name an
    /// audience must name the right one, as ever.
    pub fn no_audience(mut self) -> Self {
        self.rules.may_lack_audience = true;
        self
    }

    /// Takes only these algorithms. By default all of [`Algorithm::ALL`], as far as the issuer's keys serve them.
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

    /// Takes only tokens that have this claim with this text, to the character; repeatable. Of several texts for one claim
    /// each will do.
    pub fn require_claim(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let name = name.into();
        match self.rules.required.iter_mut().find(|(claim, _)| *claim == name) {
            Some((_, texts)) => texts.push(text.into()),
            None => self.rules.required.push((name, vec![text.into()])),
        }
        self
    }

    /// Takes only tokens that name their client, as RFC 9068 asks for: the ID tokens of many servers name none.
    pub fn require_client(mut self) -> Self {
        self.rules.names_client = true;
        self
    }

    /// Reads scopes from this claim (a string or an array), and from no other. By default `scope`, else `scp`.
    pub fn scope_claim(self, name: impl Into<String>) -> Self {
        self.scope_claims([name.into()])
    }

    /// Reads scopes from the first of these claims that is there; each is a space-separated string or an array.
    pub fn scope_claims<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.rules.scope_claims = ScopeClaims::First(names(claims));
        self
    }

    /// Reads scopes from all of these claims that are there, together: say `scope` and `permissions`, or `scp` and `roles`.
    pub fn merged_scope_claims<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.rules.scope_claims = ScopeClaims::Merged(names(claims));
        self
    }

    /// The claims that name the OAuth client; the first that is there counts. By default `client_id`, `azp`, `cid`.
    pub fn client_claims<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.rules.client_claims = names(claims);
        self
    }

    /// The claim that names the grant behind a token. `gid` by default.
    pub fn grant_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.grant_claim = name.into();
        self
    }

    /// The claim that a token is dated by where everything of a user is revoked; one without it is revoked, too. `iat` by
    /// default: then a token passes that is being renewed just then. Where `auth_time` says when the user signed in (RFC 9068,
    /// section 2.2.1), and they do so anew after a revocation, it lets none pass.
    pub fn since_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.since_claim = name.into();
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
}
