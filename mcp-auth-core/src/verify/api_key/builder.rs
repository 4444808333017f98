//! Setting up [`ApiKeys`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use super::cache::Cache;
use super::usage::Usage;
use super::{ApiKeys, Inner, KeyEvent, bounds, format};
use crate::config::ConfigErrors;
use crate::store::Store;
use crate::time::Clock;
use crate::verify::Revocations;

const PREFIX: &str = "mcp";
const ENVIRONMENT: &str = "production";
const ROTATED_AFTER: Duration = Duration::from_secs(90 * 24 * 3600);
const REUSED_FOR: Duration = Duration::from_secs(60);
const CACHED: usize = 100_000;

/// Builds [`ApiKeys`].
#[must_use = "keys are taken by what `build` returns"]
pub struct ApiKeysBuilder {
    store: Arc<dyn Store>,
    prefix: String,
    issuer: String,
    environment: String,
    rotated_after: HashMap<String, Option<Duration>>,
    reused_for: Duration,
    cached: usize,
    revocations: Option<Revocations>,
    clock: Clock,
    tell: Box<dyn Fn(&KeyEvent) + Send + Sync>,
}

impl ApiKeysBuilder {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            prefix: PREFIX.to_owned(),
            issuer: String::new(),
            environment: ENVIRONMENT.to_owned(),
            rotated_after: HashMap::new(),
            reused_for: REUSED_FOR,
            cached: CACHED,
            revocations: None,
            clock: Clock::system(),
            tell: Box::new(|_| {}),
        }
    }

    /// What every key begins with, before `_`: 2 to 16 small letters, digits and inner `_`, a letter first. The service's
    /// name serves best: whoever finds a key, or scans for keys, sees whose it is. `mcp` by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Who vouches for the owners: the issuer of every principal. The same as that of the service's OAuth tokens where the
    /// same users come by either. Keys of other issuers in the same store are neither seen nor taken.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// The environment whose keys are taken: 1 to 32 small letters, digits and `-`; `production` by default. Keys of every
    /// environment can be managed.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = environment.into();
        self
    }

    /// How old a secret of `environment` may grow before its rotation is due; `None` for any age. 90 days by default. A key
    /// that is due is still taken: answers, an event and lists say so.
    pub fn rotate_after(mut self, environment: impl Into<String>, age: Option<Duration>) -> Self {
        self.rotated_after.insert(environment.into(), age);
        self
    }

    /// How long a guard may take a verdict again without asking, 60 s by default. Uses and addresses are noted only when
    /// it asks: zero notes each, for about a microsecond a request. Revocation acts at once, whatever this is.
    pub fn reuse_for(mut self, time: Duration) -> Self {
        self.reused_for = time;
        self
    }

    /// How many keys are held in memory; 100,000 by default.
    pub fn cached_keys(mut self, most: usize) -> Self {
        self.cached = most;
        self
    }

    /// What revocations of keys are told to. Kept in the same store by default.
    pub fn revocations(mut self, revocations: Revocations) -> Self {
        self.revocations = Some(revocations);
        self
    }

    /// Called with what an owner should hear of, from the background: it must not block.
    pub fn on_event(mut self, tell: impl Fn(&KeyEvent) + Send + Sync + 'static) -> Self {
        self.tell = Box::new(tell);
        self
    }

    /// The clock of everything but a check, which goes by the guard's. The system's by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// What takes and manages keys.
    ///
    /// # Errors
    /// Everything that is wrong, each with its fix.
    pub fn build(self) -> Result<ApiKeys, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        if !format::is_prefix(&self.prefix) {
            errors.push(
                format!("prefix: `{}` cannot begin a key", self.prefix),
                "write 2 to 16 small letters, digits and inner `_`, a letter first",
            );
        }
        if bounds::line("issuer", &self.issuer, bounds::OWNER).is_err() {
            errors.push(
                "issuer: missing, too long, or with control characters",
                "name who vouches for the owners: https://app.example",
            );
        }
        for environment in self.rotated_after.keys().chain([&self.environment]) {
            if bounds::environment(environment).is_err() {
                errors.push(
                    format!("environment: `{environment}` is no name of one"),
                    "write 1 to 32 small letters, digits and `-`",
                );
            }
        }
        let revocations = self
            .revocations
            .unwrap_or_else(|| Revocations::over(Arc::clone(&self.store), self.clock.clone()));
        errors.into_result(ApiKeys {
            inner: Arc::new(Inner {
                usage: Usage::new(Arc::clone(&self.store), self.tell),
                store: self.store,
                prefix: self.prefix,
                issuer: self.issuer,
                environment: self.environment,
                rotated_after: self.rotated_after,
                default_rotated_after: Some(ROTATED_AFTER),
                reused_for: self.reused_for,
                revocations,
                clock: self.clock,
                cache: Cache::new(self.cached),
                epoch: AtomicU64::new(0),
                heard: AtomicU64::new(0),
                followed: AtomicBool::new(false),
            }),
        })
    }
}

impl fmt::Debug for ApiKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeysBuilder")
            .field("prefix", &self.prefix)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}
