//! Taking a key.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;

use super::cache::Kept;
use super::format::{Hash, Presented};
use super::live::{Live, Taken, check_nobody};
use super::record::{Record, key_of};
use super::{ApiKeys, Inner, KeyId};
use crate::background::Job;
use crate::credential::Credential;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::verify::{Revocations, TokenRefusal, TokenVerifier, Verified, VerifyContext, VerifyError};

const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// A key that was found, and whether a change of it will be heard of.
struct Found {
    live: Arc<Live>,
    is_watched: bool,
    was_held: bool,
}

impl Inner {
    async fn find(&self, id: KeyId, now: Timestamp) -> Result<Option<Found>, StoreError> {
        let is_fresh = self.is_fresh();
        if is_fresh {
            if let Some(live) = self.cache.get(id) {
                return Ok(Some(Found { live, is_watched: true, was_held: true }));
            }
            if self.cache.is_absent(id, now) {
                return Ok(None);
            }
        }
        self.read(id, now, is_fresh).await
    }

    /// Asks the store, and holds what it says if a change will be heard of.
    async fn read(&self, id: KeyId, now: Timestamp, is_fresh: bool) -> Result<Option<Found>, StoreError> {
        let changes = self.cache.changes();
        let key = key_of(id);
        let asked = tokio::time::timeout(STORE_TIMEOUT, self.store.get(&key));
        let entry = asked.await.map_err(|late| StoreError::Unavailable(late.into()))??;
        let Some(entry) = entry else {
            if is_fresh {
                self.cache.insert_absent(id, now, changes);
            }
            return Ok(None);
        };
        let record = Record::read(&entry)?;
        let taken = Taken {
            prefix: &self.prefix,
            issuer: &self.issuer,
            environment: &self.environment,
            due_after: self.rotated_after(&record.environment),
        };
        let live = Arc::new(Live::new(id.as_str(), &record, entry.version, &taken)?);
        if !is_fresh {
            return Ok(Some(Found { live, is_watched: false, was_held: false }));
        }
        let kept = self.cache.insert(id, Arc::clone(&live), changes);
        if kept == Kept::InPlaceOfOlder {
            // What the store will tell of was read already: nothing would be said of older verdicts then.
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
        Ok(Some(Found { live, is_watched: kept != Kept::No, was_held: false }))
    }

    fn verdict(&self, found: &Found, hash: &Hash, now: Timestamp) -> Result<Verified, TokenRefusal> {
        let reuse = (found.is_watched && !self.reused_for.is_zero()).then_some(self.reused_for);
        found.live.check(hash, now, reuse)
    }
}

#[async_trait]
impl TokenVerifier for ApiKeys {
    async fn verify(
        &self,
        credential: &Credential,
        context: VerifyContext<'_>,
    ) -> Result<Verified, VerifyError> {
        let inner = &*self.inner;
        let presented = Presented::read(credential.expose_token(), &inner.prefix);
        let presented = presented.ok_or(TokenRefusal::Malformed)?;
        let hash = presented.hash();
        let Some(mut found) = inner.find(presented.id, context.now).await? else {
            return Err(check_nobody(&hash).into());
        };
        let mut verdict = inner.verdict(&found, &hash, context.now);
        // A secret that another process has just put in place is good before the store has told of it.
        if matches!(verdict, Err(TokenRefusal::Unknown))
            && found.was_held
            && found.live.may_be_old(inner.clock.now())
            && let Some(read) = inner.read(presented.id, context.now, true).await?
        {
            verdict = inner.verdict(&read, &hash, context.now);
            found = read;
        }
        let verified = verdict?;
        inner.usage.note(presented.id, &found.live, context.now, context.address);
        Ok(verified)
    }

    /// None: keys are made by hand, at the service.
    fn authorization_servers(&self) -> Vec<String> {
        Vec::new()
    }

    fn revocations(&self) -> Vec<Revocations> {
        vec![self.inner.revocations.clone()]
    }

    fn epoch(&self) -> u64 {
        self.inner.epoch.load(Ordering::Acquire)
    }

    fn background(&self) -> Option<Job> {
        let is_first = !self.inner.followed.swap(true, Ordering::AcqRel);
        is_first.then(|| Box::pin(self.clone().work()) as Job)
    }
}
