//! API keys: made, kept as hashes, taken, rotated, revoked.
//!
//! 1. A key is `<prefix>_<id><secret><checksum>`. It is shown once; kept is the SHA-256 of its secret, which has 256 bits, so
//!    that nothing slow is needed. Another prefix, another form or another checksum is refused without a lookup.
//! 2. A check looks the id up, hashes the secret and compares in constant time; an unknown id costs the same comparison.
//!    Only who has the secret learns that a key has expired or was revoked.
//! 3. A key belongs to one issuer, one owner and one environment: elsewhere it is not known.
//! 4. A rotation keeps the id: audit, last use and revocation go on. At most two secrets are taken, the one before until its
//!    overlap ends. Revoking ends both at once, here and wherever the store is followed.
//! 5. Records are held in memory for as long as the store says nothing else of them. Where nothing was heard from it for ten
//!    seconds, it is asked for every check, and if it does not answer nothing can be told (503). A secret that does not fit what
//!    is held is compared with the store once more, some ten times a second for each key.
//! 6. Uses are noted beside the request, at most once a minute for each key; a full queue drops them. A guard reuses a
//!    verdict for [`reuse_for`](ApiKeysBuilder::reuse_for), so times and addresses are known to that grain.
//!
//! ```
//! use std::sync::Arc;
//! use mcp_auth_core::{Credential, ScopeSet, TokenVerifier};
//! use mcp_auth_core::store::MemoryStore;
//! use mcp_auth_core::time::Clock;
//! use mcp_auth_core::verify::VerifyContext;
//! use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let keys = ApiKeys::builder(Arc::new(MemoryStore::default()))
//!     .prefix("corcava")
//!     .issuer("https://app.example")
//!     .build()?;
//! let laptop = NewKey::new("cursor-work-laptop", "ada").scopes(ScopeSet::parse("tasks:read")?);
//! let created = keys.create(laptop).await?;
//! assert!(created.expose_secret().starts_with("corcava_"));
//!
//! let shown = Credential::bearer(created.expose_secret());
//! let context = VerifyContext { resource: "https://mcp.example/mcp", now: Clock::system().now(), address: None };
//! assert_eq!(keys.verify(&shown, context).await?.principal().subject(), "ada");
//!
//! keys.revoke(&created.key().id).await?;
//! assert!(keys.verify(&shown, context).await.is_err());
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod bounds;
mod builder;
mod cache;
mod check;
mod error;
mod follow;
mod format;
mod key;
mod live;
mod manage;
mod record;
mod rotate;
mod usage;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::store::Store;
use crate::time::{Clock, Timestamp};
use crate::verify::Revocations;

use cache::Cache;
use format::KeyId;
use usage::Usage;

pub use builder::ApiKeysBuilder;
pub use error::KeyError;
pub use key::{ApiKey, CreatedKey, KeyPage, LastUse, NewKey};
pub use usage::KeyEvent;

const MAX_STALENESS: Duration = Duration::from_secs(10);

/// Takes keys, as a [`TokenVerifier`](crate::TokenVerifier), and manages them. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct ApiKeys {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    prefix: String,
    issuer: String,
    environment: String,
    rotated_after: HashMap<String, Option<Duration>>,
    default_rotated_after: Option<Duration>,
    reused_for: Duration,
    revocations: Revocations,
    clock: Clock,
    cache: Cache,
    usage: Usage,
    epoch: AtomicU64,
    heard: AtomicU64,
    followed: AtomicBool,
}

impl ApiKeys {
    /// Starts with the store that keeps the keys: as it is, not sealed, since only hashes are kept and `mcp-auth keys` has to
    /// read them.
    pub fn builder(store: Arc<dyn Store>) -> ApiKeysBuilder {
        ApiKeysBuilder::new(store)
    }

    /// What every key begins with, without the `_` that follows.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    /// The issuer of every principal.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// The environment whose keys are taken.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.inner.environment
    }
}

impl Inner {
    fn rotated_after(&self, environment: &str) -> Option<Duration> {
        self.rotated_after.get(environment).copied().unwrap_or(self.default_rotated_after)
    }

    /// True while what is held in memory may be believed.
    fn is_fresh(&self) -> bool {
        let heard = self.heard.load(Ordering::Acquire);
        heard > 0 && self.clock.now().since(Timestamp::from_millis(heard)) <= MAX_STALENESS
    }

    /// Forgets a key that was written at `version`, and every verdict if one on it may be about.
    fn changed(&self, id: KeyId, version: u64) {
        if self.cache.changed(id, version) {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("prefix", &self.inner.prefix)
            .field("issuer", &self.inner.issuer)
            .field("environment", &self.inner.environment)
            .finish_non_exhaustive()
    }
}
