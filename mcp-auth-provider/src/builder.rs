//! Building a provider.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use governor::{DefaultKeyedRateLimiter, Quota};
use mcp_auth_core::background::{Background, Job};
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::http::{ResourceUrl, TrustedProxies};
use mcp_auth_core::store::{MemoryStore, Store};
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::Revocations;
use mcp_auth_core::verify::jwt::{JwtKeys, JwtVerifier};
use mcp_auth_core::{ScopeHierarchy, ScopeSet};
use url::Url;

use crate::browser::Browsers;
use crate::clients::{Client, Clients, RedirectRules, Registration, WaitingList};
use crate::grants::{Grants, LONGEST_ACCESS, LONGEST_REFRESH};
use crate::limits::{GRANTS_OF_USER, Limits};
use crate::metadata::Paths;
use crate::pages::Pages;
use crate::provider::{Inner, Provider};
use crate::sign_in::SignIn;
use crate::signing::SigningKey;

const ACCESS_TTL: Duration = Duration::from_secs(3600);
const REFRESH_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
const CODE_TTL: Duration = Duration::from_secs(60);
const REGISTRATIONS_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Builds a [`Provider`]; see each setting for its default.
#[must_use = "a provider is made by `build`"]
pub struct ProviderBuilder {
    issuer: String,
    resources: Vec<String>,
    scopes: Vec<(String, String)>,
    default_scope: Option<String>,
    hierarchy: ScopeHierarchy,
    sign_in: Option<Arc<dyn SignIn>>,
    clients: Vec<Client>,
    private_redirects: HashSet<String>,
    registrations_per_minute: NonZeroU32,
    grants_per_user: NonZeroU32,
    store: Option<Arc<dyn Store>>,
    signing: Option<SigningKey>,
    clock: Clock,
    proxies: TrustedProxies,
    access_ttl: Duration,
    refresh_ttl: Duration,
    code_ttl: Duration,
}

impl ProviderBuilder {
    pub(crate) fn new(issuer: String) -> Self {
        Self {
            issuer,
            resources: Vec::new(),
            scopes: Vec::new(),
            default_scope: None,
            hierarchy: ScopeHierarchy::default(),
            sign_in: None,
            clients: Vec::new(),
            private_redirects: HashSet::new(),
            registrations_per_minute: REGISTRATIONS_PER_MINUTE,
            grants_per_user: GRANTS_OF_USER,
            store: None,
            signing: None,
            clock: Clock::system(),
            proxies: TrustedProxies::default(),
            access_ttl: ACCESS_TTL,
            refresh_ttl: REFRESH_TTL,
            code_ttl: CODE_TTL,
        }
    }

    /// Issues tokens for this resource: the URL that its guard was built with. At least one; repeatable.
    pub fn resource(mut self, url: impl Into<String>) -> Self {
        self.resources.push(url.into());
        self
    }

    /// The scopes that can be granted, each with the words that the consent page shows. At least one.
    pub fn scopes<N: Into<String>, W: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = (N, W)>,
    ) -> Self {
        self.scopes.extend(scopes.into_iter().map(|(name, words)| (name.into(), words.into())));
        self
    }

    /// What a client gets that asks for no scope: some of the scopes. By default every one.
    pub fn default_scope(mut self, scope: impl Into<String>) -> Self {
        self.default_scope = Some(scope.into());
        self
    }

    /// Which scope implies which: the same as in the guard's declarations. The consent page names every scope that those which
    /// are asked for imply. By default none does.
    pub fn hierarchy(mut self, hierarchy: ScopeHierarchy) -> Self {
        self.hierarchy = hierarchy;
        self
    }

    /// How users sign in. Required.
    pub fn sign_in(mut self, sign_in: impl SignIn) -> Self {
        self.sign_in = Some(Arc::new(sign_in));
        self
    }

    /// A client that need not register; repeatable.
    pub fn client(mut self, client: Client) -> Self {
        self.clients.push(client);
        self
    }

    /// Redirects with a private scheme that clients may register, each to the character:
    /// `cursor://anysphere.cursor-mcp/oauth/callback`.
    pub fn allowed_private_redirects<S: Into<String>>(
        mut self,
        redirects: impl IntoIterator<Item = S>,
    ) -> Self {
        self.private_redirects.extend(redirects.into_iter().map(Into::into));
        self
    }

    /// How many clients an address may register in a minute. 30 by default.
    pub fn registrations_per_minute(mut self, registrations: NonZeroU32) -> Self {
        self.registrations_per_minute = registrations;
        self
    }

    /// How many grants a user may have at once, of all clients and processes together. 128 by default; 16 of them for one client.
    /// One more takes the place of its client's oldest, which ends with its tokens; a client that has none is told
    /// `access_denied`.
    pub fn grants_per_user(mut self, grants: NonZeroU32) -> Self {
        self.grants_per_user = grants;
        self
    }

    /// Where clients, grants and hashes of codes and tokens are kept. By default in memory: gone at the end.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The key that tokens are signed with: [`SigningKey::load`] it, and tokens outlive the process. By default one is made at
    /// each start.
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.signing = Some(key);
        self
    }

    /// The clock to decide by. The system's by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The reverse proxies whose `X-Forwarded-For` is believed. By default none.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// How long an access token lives. One hour by default, at most a day.
    pub fn access_token_ttl(mut self, ttl: Duration) -> Self {
        self.access_ttl = ttl;
        self
    }

    /// How long a refresh token lives unless it is used. 30 days by default.
    pub fn refresh_token_ttl(mut self, ttl: Duration) -> Self {
        self.refresh_ttl = ttl;
        self
    }

    /// How long a code lives. One minute by default, at most ten.
    pub fn code_ttl(mut self, ttl: Duration) -> Self {
        self.code_ttl = ttl;
        self
    }

    /// The provider, and the work that goes on beside it, for the host to spawn.
    ///
    /// # Errors
    /// Everything that is wrong, each with its fix.
    pub fn build(self) -> Result<(Provider, Background), ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let issuer = ResourceUrl::parse(&self.issuer)
            .map_err(|error| {
                errors.push(
                    error.to_string(),
                    "use https, or http on a loopback host, without query and fragment",
                )
            })
            .ok();
        self.check(&mut errors);
        let all = ScopeSet::from_tokens(self.scopes.iter().map(|(name, _)| name.as_str())).map_err(|error| {
            errors.push(
                format!("scopes: {error}"),
                "name each scope with the characters of RFC 6749, section 3.3",
            )
        });
        let default_scope =
            self.default_scope.as_deref().map(ScopeSet::parse).transpose().unwrap_or_else(|error| {
                errors.push(format!("default_scope: {error}"), "write scopes separated by single spaces");
                None
            });
        if let (Ok(all), Some(default)) = (&all, &default_scope) {
            for scope in default.iter().filter(|scope| !all.contains(scope)) {
                errors.push(
                    format!("default_scope: `{scope}` is none of the scopes: no consent page would name it"),
                    "add it to .scopes with its words, or leave it out",
                );
            }
        }
        let rules = RedirectRules { private: self.private_redirects };
        for redirect in self.clients.iter().flat_map(|client| &client.redirects) {
            if let Err(error) = rules.check(redirect) {
                errors.push(
                    format!("redirect `{redirect}`: {error}"),
                    "use https, http on loopback, or list it with allowed_private_redirects",
                );
            }
        }
        let signing = self.signing.map_or_else(SigningKey::generate, Ok);
        let signing =
            signing.map_err(|error| errors.push(error.to_string(), "check the machine's random source"));
        let (Some(issuer), Ok(all), Some(sign_in), Ok(signing)) = (issuer, all, self.sign_in, signing) else {
            return Err(errors);
        };

        let store: Arc<dyn Store> =
            self.store.unwrap_or_else(|| Arc::new(MemoryStore::new(self.clock.clone(), 100_000)));
        let revocations = Revocations::over(Arc::clone(&store), self.clock.clone());
        let jwks = signing.jwks();
        let keys = JwtKeys::new(&jwks).map_err(|error| errors.push(error.to_string(), "report this"));
        let Ok(keys) = keys else { return Err(errors) };
        let verifier = JwtVerifier::builder(&self.issuer)
            .keys(keys)
            .leeway(Duration::ZERO)
            .grant_claim("gid")
            .since_claim("auth_time")
            .obtainable_scopes(all.clone())
            .revocations(revocations.clone())
            .build()?;
        let paths = Paths::new(issuer.path());
        let names: Vec<&str> = self.scopes.iter().map(|(name, _)| name.as_str()).collect();
        let document = paths.document(&self.issuer, issuer.origin(), &names).to_string();
        let clock = self.clock;
        let limiter = DefaultKeyedRateLimiter::keyed(Quota::per_minute(self.registrations_per_minute));
        let inner = Arc::new(Inner {
            origin: issuer.origin().to_owned(),
            document: Bytes::from(document),
            jwks: Bytes::from(jwks),
            paths,
            resources: self.resources,
            scopes: self.scopes,
            default_scope: default_scope.unwrap_or(all),
            hierarchy: self.hierarchy,
            sign_in,
            clients: Clients {
                configured: self.clients.into_iter().map(|client| (client.id.clone(), client)).collect(),
                store: Arc::clone(&store),
                clock: clock.clone(),
            },
            registration: Registration { limiter, rules, waiting: WaitingList::default() },
            browsers: Browsers {
                store: Arc::clone(&store),
                clock: clock.clone(),
                secure: !issuer.is_loopback(),
            },
            grants: Grants {
                issuer: self.issuer.clone(),
                store: Arc::clone(&store),
                clock: clock.clone(),
                revocations,
                code_ttl: self.code_ttl,
                longest: self.refresh_ttl.max(self.access_ttl),
                most_of_user: usize::try_from(self.grants_per_user.get()).unwrap_or(usize::MAX),
            },
            limits: Limits::new(),
            pages: Pages::new(),
            signing,
            verifier: Arc::new(verifier),
            store,
            clock,
            proxies: self.proxies,
            access_ttl: self.access_ttl,
            refresh_ttl: self.refresh_ttl,
            code_ttl: self.code_ttl,
            issuer: self.issuer,
        });
        let background = Background::new(jobs(&inner));
        errors.into_result((Provider { inner }, background))
    }

    fn check(&self, errors: &mut ConfigErrors) {
        if self.resources.is_empty() {
            errors.push("no resource is set", "call .resource(url) with the URL of the MCP endpoint");
        }
        for resource in &self.resources {
            if let Err(error) = ResourceUrl::parse(resource) {
                errors.push(format!("resource: {error}"), "give the URL that the guard was built with");
            }
        }
        if self.scopes.is_empty() {
            errors.push("no scope can be granted", "call .scopes([(\"notes:read\", \"Read your notes\")])");
        }
        match &self.sign_in {
            Some(sign_in) => sign_in.report(errors),
            None => errors.push(
                "nobody can sign in",
                "call .sign_in(LocalUsers::new().user(…)) or .sign_in(HostSession::new(…))",
            ),
        }
        for (name, ttl, most) in [
            ("access_token_ttl", self.access_ttl, LONGEST_ACCESS.as_secs()),
            ("refresh_token_ttl", self.refresh_ttl, LONGEST_REFRESH.as_secs()),
            ("code_ttl", self.code_ttl, 600),
        ] {
            if ttl < Duration::from_secs(1) || ttl > Duration::from_secs(most) {
                errors.push(
                    format!("{name} is {}s", ttl.as_secs()),
                    format!("choose between one second and {most} seconds"),
                );
            }
        }
        let mut ids = HashSet::new();
        for client in &self.clients {
            if !ids.insert(&client.id) {
                errors.push(format!("client `{}` is configured twice", client.id), "keep one");
            }
            if client.redirects.iter().any(|redirect| Url::parse(redirect).is_err())
                || client.redirects.is_empty()
            {
                errors.push(
                    format!("client `{}` has no usable redirect", client.id),
                    "give at least one absolute URI",
                );
            }
        }
    }
}

fn jobs(inner: &Arc<Inner>) -> Vec<Job> {
    let swept = Arc::downgrade(inner);
    let sweep: Job = Box::pin(async move {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            let Some(inner) = swept.upgrade() else { return };
            inner.registration.limiter.retain_recent();
            inner.limits.sweep();
        }
    });
    std::iter::once(sweep).chain(inner.grants.revocations.background()).collect()
}

impl std::fmt::Debug for ProviderBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
