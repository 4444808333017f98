//! Building a guard.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice};
use tokio::sync::watch;

use super::path::GuardedPath;
use super::record::Recorder;
use super::session::SessionSeal;
use super::{Guard, Inner, Lease};
use crate::audit::Audit;
use crate::background::{Background, Job};
use crate::config::ConfigErrors;
use crate::confirm::{ConfirmationGate, StoreGate};
use crate::http::{HostRules, ProtectedResourceMetadata, ResourceUrl, TrustedProxies, WELL_KNOWN};
use crate::limit::{FailureBudget, PrincipalLimits};
use crate::mcp::Limits;
use crate::policy::{ScopePolicy, ToolPolicies};
use crate::scope::ScopeSet;
use crate::store::{KeyRing, MemoryStore};
use crate::time::Clock;
#[cfg(feature = "jwt")]
use crate::verify::dpop::Dpop;
use crate::verify::{CacheSettings, TokenCache, TokenVerifier};

const MAX_BODY: usize = 4 * 1024 * 1024;
const MAX_ANSWER: usize = 16 * 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const FAILURES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(119);
/// How many questions and used answers a guard's own gate remembers.
const QUESTIONS: usize = 100_000;
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Builds a [`Guard`]; see each setting for its default.
#[must_use = "a guard is made by `build`"]
pub struct GuardBuilder {
    resource: String,
    verifier: Option<Arc<dyn TokenVerifier>>,
    policy: Option<Arc<dyn ScopePolicy>>,
    gate: Option<Arc<dyn ConfirmationGate>>,
    audit: Option<Audit>,
    name: Option<String>,
    challenge_scope: Option<String>,
    allowed_hosts: Vec<String>,
    allowed_origins: Vec<String>,
    proxies: TrustedProxies,
    lease: Lease,
    max_body: usize,
    max_answer: usize,
    body_timeout: Duration,
    failures_per_minute: NonZeroU32,
    per_minute: Option<NonZeroU32>,
    at_once: Option<NonZeroU32>,
    cache: CacheSettings,
    #[cfg(feature = "jwt")]
    dpop: Option<Dpop>,
    session_key: Option<SecretSlice<u8>>,
    only_under: Option<String>,
    shares_origin: bool,
    without_authorization_server: bool,
    clock: Clock,
}

impl GuardBuilder {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            verifier: None,
            policy: None,
            gate: None,
            audit: None,
            name: None,
            challenge_scope: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            proxies: TrustedProxies::default(),
            lease: Lease::default(),
            max_body: MAX_BODY,
            max_answer: MAX_ANSWER,
            body_timeout: BODY_TIMEOUT,
            failures_per_minute: FAILURES_PER_MINUTE,
            per_minute: None,
            at_once: None,
            cache: CacheSettings::default(),
            #[cfg(feature = "jwt")]
            dpop: None,
            session_key: None,
            only_under: None,
            shares_origin: false,
            without_authorization_server: false,
            clock: Clock::system(),
        }
    }

    /// Who verifies tokens. Required.
    pub fn verifier(mut self, verifier: impl TokenVerifier) -> Self {
        self.verifier = Some(Arc::new(verifier));
        self
    }

    /// What may be done, tool by tool. This or [`policy`](Self::policy) is required.
    pub fn tools(self, policies: ToolPolicies) -> Self {
        self.policy(policies)
    }

    /// A policy of the service's own.
    pub fn policy(mut self, policy: impl ScopePolicy) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Records every request before it runs and what became of it, and every refusal of who showed a credential; of who shows none
    /// only so many in a minute. What cannot be taken down does not run: 503. By default nothing is recorded.
    pub fn audit(mut self, audit: Audit) -> Self {
        self.audit = Some(audit);
        self
    }

    /// Who decides whether a call has to be confirmed before it runs, and whether it was. By default a [`StoreGate`] of this
    /// process's own, with fresh keys and a store in memory: destructive tools are asked about, and replicas do not know of
    /// each other's questions. Give one over a shared store and keys where there are replicas, budgets or an approval page.
    pub fn confirmation(mut self, gate: impl ConfirmationGate) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// A name for people, in the metadata (`resource_name`).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The scopes that the first 401 asks for, space-separated. By default those of everything that only reads.
    pub fn challenge_scope(mut self, scope: impl Into<String>) -> Self {
        self.challenge_scope = Some(scope.into());
        self
    }

    /// More hosts that requests may name, beside the public URL's: `name` or `name:port`.
    pub fn allowed_hosts<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.allowed_hosts.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// Origins of web pages that may call the endpoint: `https://app.example`. Beside the public URL's own, none.
    pub fn allowed_origins<S: Into<String>>(mut self, origins: impl IntoIterator<Item = S>) -> Self {
        self.allowed_origins.extend(origins.into_iter().map(Into::into));
        self
    }

    /// The reverse proxies whose `X-Forwarded-For` is believed. By default none.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Which event streams end with the credential that opened them. By default [`Lease::SubscriptionsOnly`].
    pub fn lease(mut self, lease: Lease) -> Self {
        self.lease = lease;
        self
    }

    /// The largest request body, in bytes. 4 MiB by default.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The largest answer, or event, that is read before it is passed on, in bytes: a list, and the answer to a call that can be
    /// confirmed. 16 MiB by default.
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// How long a body may take to arrive. 30 s by default.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// How many refused credentials an address may present in a minute before it is answered 429. 120 by default.
    pub fn failures_per_minute(mut self, failures: NonZeroU32) -> Self {
        self.failures_per_minute = failures;
        self
    }

    /// How many requests a principal may make in a minute before it is answered 429; counted in this process. By default as
    /// many as it likes.
    pub fn requests_per_minute(mut self, requests: NonZeroU32) -> Self {
        self.per_minute = Some(requests);
        self
    }

    /// How many requests of a principal may be under way at once, open streams included; counted in this process. By default
    /// as many as it likes.
    pub fn requests_at_once(mut self, requests: NonZeroU32) -> Self {
        self.at_once = Some(requests);
        self
    }

    /// The bounds of the cache of verdicts. [`CacheSettings::default`] by default.
    pub fn cache(mut self, settings: CacheSettings) -> Self {
        self.cache = settings;
        self
    }

    /// Takes tokens that are bound to a key, with their proofs (RFC 9449). By default bound tokens are refused.
    #[cfg(feature = "jwt")]
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.dpop = Some(dpop);
        self
    }

    /// The key (32 random bytes) that seals the session ids of the legacy era. Replicas share it; by default each process
    /// makes its own, and sessions end with it.
    pub fn session_key(mut self, key: SecretSlice<u8>) -> Self {
        self.session_key = Some(key);
        self
    }

    /// Guards only this path and what is below it, where the guard wraps a whole router: `/mcp`. Other spellings of the
    /// path are answered 404. By default everything that it wraps is guarded, which is safer.
    pub fn only_under(mut self, path: impl Into<String>) -> Self {
        self.only_under = Some(path.into());
        self
    }

    /// Says that this origin has several MCP endpoints, each with a guard: then the metadata is served at the form that
    /// has the endpoint's path only.
    pub fn shares_origin(mut self) -> Self {
        self.shares_origin = true;
        self
    }

    /// Says that no authorization server issues tokens for this service: API keys, say, are made on a page of its own. Then there
    /// is no metadata document, challenges point to none, and clients cannot sign in by themselves.
    pub fn without_authorization_server(mut self) -> Self {
        self.without_authorization_server = true;
        self
    }

    /// The clock to decide by. The system's by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The guard, and the work that goes on beside it, for the host to spawn.
    ///
    /// # Errors
    /// Everything that is wrong, each with its fix.
    pub fn build(self) -> Result<(Guard, Background), ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let challenge_scope =
            self.challenge_scope.as_deref().map(ScopeSet::parse).transpose().unwrap_or_else(|error| {
                errors.push(format!("challenge_scope: {error}"), "write scopes separated by single spaces");
                None
            });
        let only_under = self.only_under.as_deref().and_then(|path| {
            let parsed = GuardedPath::new(path);
            if parsed.is_none() {
                errors.push(format!("only_under: `{path}` is no plain path"), "write it as /mcp");
            }
            parsed
        });
        for origin in &self.allowed_origins {
            if !url::Url::parse(origin)
                .is_ok_and(|url| url.origin().ascii_serialization().eq_ignore_ascii_case(origin))
            {
                errors.push(
                    format!("allowed_origins: `{origin}` is no origin"),
                    "write scheme, host and port: https://app.example",
                );
            }
        }
        for host in &self.allowed_hosts {
            if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
                errors.push(
                    format!("allowed_hosts: `{host}` is no host"),
                    "write it as mcp.example or 127.0.0.1:8787",
                );
            }
        }
        if self.body_timeout.is_zero() {
            errors.push("body_timeout is 0, so no body could arrive", "leave the default");
        }
        for (name, value) in [("max_body", self.max_body), ("max_answer", self.max_answer)] {
            if value == 0 {
                errors.push(format!("{name} is 0, so nothing could pass"), "leave the default");
            }
        }
        let resource = ResourceUrl::parse(&self.resource)
            .map_err(|error| {
                errors.push(
                    error.to_string(),
                    "use https, or http on a loopback host, without query and fragment",
                )
            })
            .ok();
        match &self.verifier {
            None => errors.push(
                "no verifier is set",
                "call .verifier(provider.verifier()) or .verifier(JwtVerifier::builder(issuer).build()?)",
            ),
            Some(verifier) => match (verifier.authorization_servers().is_empty(), self.without_authorization_server) {
                (true, false) => errors.push(
                    "the verifier names no authorization server, so clients cannot find out how to sign in",
                    "add a verifier of OAuth tokens, or call .without_authorization_server() if there are none",
                ),
                (false, true) => errors.push(
                    "without_authorization_server is set, and the verifier names one",
                    "remove .without_authorization_server()",
                ),
                _ => {}
            },
        }
        match &self.policy {
            Some(policy) => policy.report(&mut errors),
            None => errors.push("no tools are declared", "call .tools(ToolPolicies::from_tools(…)?.tool(…))"),
        }
        let gate = self.gate.or_else(|| match KeyRing::generate() {
            Ok(keys) => {
                let store = Arc::new(MemoryStore::new(self.clock.clone(), QUESTIONS));
                let gate = StoreGate::new(self.resource.as_str(), store, keys).clock(self.clock.clone());
                Some(Arc::new(gate))
            }
            Err(error) => {
                errors.push(error.to_string(), "give the system a source of randomness");
                None
            }
        });
        if let (Some(gate), Some(policy)) = (&gate, &self.policy) {
            policy.rules().into_iter().for_each(|(tool, rule)| gate.report(tool, rule, &mut errors));
        }
        let sessions = match &self.session_key {
            Some(key) => SessionSeal::with_key(key.expose_secret(), &self.resource),
            None => SessionSeal::random(&self.resource),
        };
        let sessions = sessions.map_err(|error| errors.push(error.to_string(), "give 32 random bytes")).ok();
        let (Some(resource), Some(verifier), Some(policy), Some(gate), Some(sessions)) =
            (resource, self.verifier, self.policy, gate, sessions)
        else {
            return Err(errors);
        };

        let mut hosts = HostRules::new(&resource);
        self.allowed_hosts.iter().for_each(|host| hosts.allow_host(host));
        self.allowed_origins.iter().for_each(|origin| hosts.allow_origin(origin));
        let obtainable = verifier.obtainable_scopes();
        let scopes = match &obtainable {
            Some(obtainable) => policy.scopes().filtered(|scope| obtainable.contains(scope)),
            None => policy.scopes(),
        };
        #[cfg_attr(not(feature = "jwt"), expect(unused_mut, reason = "only DPoP changes it"))]
        let mut metadata = ProtectedResourceMetadata::new(
            resource.as_str(),
            verifier.authorization_servers(),
            &scopes,
            self.name,
        );
        #[cfg(feature = "jwt")]
        if let Some(dpop) = &self.dpop {
            dpop.report(&mut errors);
            metadata.dpop_signing_alg_values_supported = dpop.algorithm_names();
            metadata.dpop_bound_access_tokens_required = dpop.is_required();
        }
        let document = serde_json::to_vec(&metadata).unwrap_or_else(|error| {
            errors.push(format!("the metadata does not serialize: {error}"), "report this");
            Vec::new()
        });
        let metadata_path = resource.metadata_path();
        let has_metadata = !self.without_authorization_server;
        let mut document_paths = Vec::new();
        if has_metadata {
            document_paths.push(metadata_path.clone());
        }
        if has_metadata && !self.shares_origin && metadata_path != WELL_KNOWN {
            document_paths.push(WELL_KNOWN.to_owned());
        }
        for path in gate.page().map(|page| page.paths()).unwrap_or_default() {
            if document_paths.contains(&path) || path == resource.path() {
                errors.push(
                    format!("the approval page would be at `{path}`, where something else is"),
                    "give it a path of its own: https://mcp.example/approve",
                );
            }
        }
        let budget = Arc::new(FailureBudget::new(self.failures_per_minute));
        let principals = PrincipalLimits::new(self.per_minute, self.at_once);
        let cache = Arc::new(TokenCache::new(self.cache));
        let (swept, counted, kept) = (Arc::clone(&budget), principals.clone(), Arc::clone(&cache));
        let asked = Arc::clone(&gate);
        let sweep = move || {
            swept.sweep();
            counted.sweep();
            asked.sweep();
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!("mcp_auth_token_cache_entries").set(kept.len() as f64);
        };
        let background =
            Background::new(jobs(verifier.as_ref(), sweep).into_iter().chain(gate.background()).collect());
        let recorder = self.audit.map(|audit| Recorder::new(audit, policy.as_ref()));
        let inner = Inner {
            metadata_url: has_metadata.then(|| format!("{}{metadata_path}", resource.origin())),
            document_paths,
            document: document.into(),
            hosts,
            proxies: self.proxies,
            revocations: verifier.revocations(),
            challenge_scope: challenge_scope.unwrap_or_else(|| policy.first_scopes()),
            obtainable,
            budget,
            principals,
            cache,
            meters: super::meters::Meters::default(),
            #[cfg(feature = "jwt")]
            dpop: self.dpop,
            sessions,
            lease: self.lease,
            limits: Limits { max_bytes: self.max_body, ..Limits::default() },
            body_timeout: self.body_timeout,
            max_answer: self.max_answer,
            only_under,
            clock: self.clock,
            shutdown: watch::Sender::new(false),
            is_shutting_down: false.into(),
            background: background.running(),
            background_warned: AtomicBool::new(false),
            address_warned: AtomicBool::new(false),
            resource,
            verifier,
            policy,
            gate,
            recorder,
        };
        errors.into_result((Guard { inner: Arc::new(inner) }, background))
    }
}

fn jobs(verifier: &dyn TokenVerifier, tidy: impl Fn() + Send + 'static) -> Vec<Job> {
    let sweep: Job = Box::pin(async move {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            tidy();
        }
    });
    let following = verifier.revocations().into_iter().filter_map(|view| view.background());
    std::iter::once(sweep).chain(verifier.background()).chain(following).collect()
}

impl std::fmt::Debug for GuardBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardBuilder").field("resource", &self.resource).finish_non_exhaustive()
    }
}
