//! What a user granted to a client, and what was issued for it.
//!
//! 1. A grant begins with a consent and ends when it is revoked or its last refresh token expires. Every code, refresh token
//!    and access token names its grant.
//! 2. Revoking a grant removes it, so that no refresh token of it works, and marks its access tokens until the last of them has
//!    expired, by the longest life that one may have: those of before a restart may live longer than those of today. The mark
//!    stands in the store; every process follows it.
//! 3. Revoking everything of a user, or of a client, ends the grants that were there before: none is extended any more. A grant
//!    and its tokens are dated by the sign-in that they came from. So what is under way ends as well, and what a process gives
//!    that has not heard of it yet is refused by all that have.

use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::Principal;
use mcp_auth_core::store::{Key, Store, StoreError, StoreExt};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::{Revocation, Revocations};
use serde::{Deserialize, Serialize};

use crate::answer::{Code, Refused};
use crate::browser::Session;
use crate::token::Family;

pub(crate) const GRANTS: &str = "grants";
/// How often a conditional write is tried again after another request came first.
pub(crate) const TRIES: usize = 8;
/// How long an access token may live at most.
pub(crate) const LONGEST_ACCESS: Duration = Duration::from_secs(24 * 3600);
/// How long a refresh token may live at most; nothing else lives as long.
pub(crate) const LONGEST_REFRESH: Duration = Duration::from_secs(366 * 24 * 3600);
/// A mark lasts longer than what it is about: `exp` is rounded up, and something may be being issued just now.
const MARGIN: Duration = Duration::from_secs(60);

/// What a user granted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) client_id: String,
    pub(crate) scope: String,
    pub(crate) resource: String,
    /// When the user consented.
    pub(crate) since: Timestamp,
    /// When the user signed in to consent; where the host keeps the session, when they were known by it.
    pub(crate) signed_in: Timestamp,
    /// None before its code is redeemed, and for a client without refresh tokens.
    pub(crate) refresh: Option<Family>,
}

pub(crate) struct Grants {
    pub(crate) issuer: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) revocations: Revocations,
    pub(crate) code_ttl: Duration,
    /// The longest that a grant lasts unless something is issued for it.
    pub(crate) longest: Duration,
    /// How many grants a user has at once.
    pub(crate) most_of_user: usize,
}

impl Grants {
    /// Begins a grant, which lasts until `until` unless it is extended. There is [room](crate::held) for it, or it is refused.
    pub(crate) async fn begin(&self, grant: &Grant, until: Timestamp) -> Result<(), Refused> {
        self.note(grant).await?;
        Ok(self.store.put(&grant_key(&grant.id), serde_json::to_vec(grant)?, Some(until)).await?)
    }

    /// The grant and its version; `None` if it has ended.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<(Grant, u64)>, Refused> {
        let key = grant_key(id);
        let Some(entry) = self.store.get(&key).await? else { return Ok(None) };
        let grant: Grant = serde_json::from_slice(&entry.value)?;
        if self.is_revoked(&grant).await? {
            tracing::warn!(grant = id, "a grant was used whose user or client was revoked");
            self.store.remove(&key).await?;
            return Ok(None);
        }
        Ok(Some((grant, entry.version)))
    }

    /// Keeps the grant until `until`, if it still has this version.
    pub(crate) async fn replace(
        &self,
        grant: &Grant,
        version: u64,
        until: Timestamp,
    ) -> Result<bool, Refused> {
        Ok(self
            .store
            .replace(&grant_key(&grant.id), version, serde_json::to_vec(grant)?, Some(until))
            .await?)
    }

    /// Ends a grant and everything that was issued for it.
    pub(crate) async fn revoke(&self, id: &str, why: &'static str) -> Result<(), Refused> {
        Ok(self.end(id, why).await?)
    }

    /// The same, for whoever gives no OAuth answer.
    pub(crate) async fn end(&self, id: &str, why: &'static str) -> Result<(), StoreError> {
        let until = self.clock.now().plus(LONGEST_ACCESS).plus(MARGIN);
        self.revocations.revoke(&Revocation::grant(&self.issuer, id), until).await?;
        self.store.remove(&grant_key(id)).await?;
        tracing::warn!(grant = id, why, "a grant was revoked");
        Ok(())
    }

    /// Ends everything that a user was issued until now.
    pub(crate) async fn revoke_user(&self, subject: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        let until = now.plus(LONGEST_REFRESH).plus(MARGIN);
        self.revocations.revoke(&Revocation::principal(&self.issuer, subject, now), until).await
    }

    /// True if what a grant came from was revoked.
    pub(crate) async fn is_revoked(&self, grant: &Grant) -> Result<bool, StoreError> {
        let principal = Principal::builder(&self.issuer, &grant.subject).issued_at(grant.signed_in);
        self.revocations.is_revoked(&principal.client_id(&grant.client_id).build()).await
    }

    /// True if what a user had was revoked after they signed in.
    pub(crate) async fn is_signed_out(&self, session: &Session) -> Result<bool, StoreError> {
        let principal = Principal::builder(&self.issuer, &session.user.subject).issued_at(session.since);
        self.revocations.is_revoked(&principal.build()).await
    }

    /// Ends one access token.
    pub(crate) async fn revoke_token(&self, id: &str, until: Timestamp) -> Result<(), Refused> {
        Ok(self.revocations.revoke(&Revocation::token(&self.issuer, id), until).await?)
    }
}

/// Others always came first.
pub(crate) const fn lost_race() -> Refused {
    Refused::new(Code::TemporarilyUnavailable, "grant_race", "try again later").after(Duration::from_secs(1))
}

fn grant_key(id: &str) -> Key {
    Key::new(GRANTS, "", id)
}
