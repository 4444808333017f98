//! What a user granted to a client, and what was issued for it.
//!
//! 1. A grant begins with a consent and ends when it is revoked or its last refresh token expires. Every code, refresh token
//!    and access token names its grant.
//! 2. Revoking a grant removes it, so that no refresh token of it works, and marks its access tokens until the last of them has
//!    expired. The mark stands in the store; every process follows it.

use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::store::{Change, Key, Store, StoreExt};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::Revocations;
use serde::{Deserialize, Serialize};

use crate::answer::{Code, Refused};

const GRANTS: &str = "grants";
const REVOKED: &str = "revoked";
const TOKENS: &str = "token";
const GRANT: &str = "grant";
const PAGE: usize = 500;
/// How often a conditional write is tried again after another request came first.
const TRIES: usize = 8;

/// What a user granted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) client_id: String,
    pub(crate) scope: String,
    pub(crate) resource: String,
}

pub(crate) struct Grants {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) revocations: Revocations,
    pub(crate) access_ttl: Duration,
}

impl Grants {
    /// Begins a grant, which lasts until `until` unless it is extended.
    pub(crate) async fn begin(&self, grant: &Grant, until: Timestamp) -> Result<(), Refused> {
        Ok(self.store.put(&grant_key(&grant.id), serde_json::to_vec(grant)?, Some(until)).await?)
    }

    /// The grant, which lasts until `until` from now on; `None` if it has ended. The write is conditional: a grant that is
    /// revoked at the same time stays revoked.
    pub(crate) async fn extend(&self, id: &str, until: Timestamp) -> Result<Option<Grant>, Refused> {
        let key = grant_key(id);
        for _ in 0..TRIES {
            let Some(entry) = self.store.get(&key).await? else { return Ok(None) };
            if self.store.replace(&key, entry.version, entry.value.clone(), Some(until)).await? {
                return Ok(Some(serde_json::from_slice(&entry.value)?));
            }
        }
        Err(Refused::new(Code::TemporarilyUnavailable, "grant_race", "try again later")
            .after(Duration::from_secs(1)))
    }

    /// Ends a grant and everything that was issued for it.
    pub(crate) async fn revoke(&self, id: &str, why: &'static str) -> Result<(), Refused> {
        // A minute more than any access token: `exp` is rounded up, and one may be being signed just now.
        let until = self.clock.now().plus(self.access_ttl).plus(Duration::from_secs(60));
        self.revocations.revoke_grant(id, until);
        self.store.put(&Key::new(REVOKED, GRANT, id), "", Some(until)).await?;
        self.store.remove(&grant_key(id)).await?;
        tracing::warn!(grant = id, why, "a grant was revoked");
        Ok(())
    }

    /// Ends one access token.
    pub(crate) async fn revoke_token(&self, id: &str, until: Timestamp) -> Result<(), Refused> {
        self.revocations.revoke_token(id, until);
        Ok(self.store.put(&Key::new(REVOKED, TOKENS, id), "", Some(until)).await?)
    }

    /// Follows what other processes, and earlier ones, revoked.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut watch = self.store.watch();
        loop {
            self.read_all().await;
            loop {
                match watch.next().await {
                    Some(Change::Changed { key, .. }) if key.collection == REVOKED => {
                        self.read_one(&key).await
                    }
                    Some(Change::Changed { .. } | Change::Alive) => {}
                    Some(Change::Resync) => break,
                    None => return,
                }
            }
        }
    }

    async fn read_all(&self) {
        for partition in [GRANT, TOKENS] {
            let mut after: Option<String> = None;
            loop {
                let page = match self.store.scan(REVOKED, partition, after.as_deref(), PAGE).await {
                    Ok(page) => page,
                    Err(error) => {
                        tracing::error!(%error, "revocations cannot be read: tried again");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                };
                for entry in &page {
                    self.apply(partition, &entry.id, entry.expires_at);
                }
                match page.last() {
                    Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
                    _ => break,
                }
            }
        }
    }

    async fn read_one(&self, key: &Key) {
        match self.store.get(key).await {
            Ok(Some(entry)) => self.apply(&key.partition, &key.id, entry.expires_at),
            Ok(None) => {}
            // Not to know for how long is no reason not to revoke.
            Err(error) => {
                tracing::error!(%error, "a revocation cannot be read: it counts for as long as any token lives");
                self.apply(&key.partition, &key.id, None);
            }
        }
    }

    fn apply(&self, partition: &str, id: &str, until: Option<Timestamp>) {
        let until = until.unwrap_or_else(|| self.clock.now().plus(self.access_ttl));
        if partition == GRANT {
            self.revocations.revoke_grant(id, until);
        } else {
            self.revocations.revoke_token(id, until);
        }
    }
}

fn grant_key(id: &str) -> Key {
    Key::new(GRANTS, "", id)
}
