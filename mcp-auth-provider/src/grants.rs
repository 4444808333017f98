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

use crate::answer::Refused;

const GRANTS: &str = "grants";
const REVOKED: &str = "revoked";
const TOKENS: &str = "token";
const GRANT: &str = "grant";
const PAGE: usize = 500;

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
    /// Keeps a grant, at least until `until`.
    pub(crate) async fn keep(&self, grant: &Grant, until: Timestamp) -> Result<(), Refused> {
        Ok(self.store.put(&grant_key(&grant.id), serde_json::to_vec(grant)?, Some(until)).await?)
    }

    pub(crate) async fn find(&self, id: &str) -> Result<Option<Grant>, Refused> {
        let entry = self.store.get(&grant_key(id)).await?;
        Ok(entry.map(|entry| serde_json::from_slice(&entry.value)).transpose()?)
    }

    /// Ends a grant and everything that was issued for it.
    pub(crate) async fn revoke(&self, id: &str, why: &'static str) -> Result<(), Refused> {
        // A second more than any access token: `exp` is rounded up.
        let until = self.clock.now().plus(self.access_ttl).plus(Duration::from_secs(1));
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
                    Some(Change::Changed { .. }) => {}
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
