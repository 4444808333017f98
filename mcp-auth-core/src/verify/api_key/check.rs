//! Taking a key.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;

use super::format::Presented;
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
}

impl Inner {
    async fn find(&self, id: KeyId, now: Timestamp) -> Result<Option<Found>, StoreError> {
        let is_fresh = self.is_fresh();
        if is_fresh {
            if let Some(live) = self.cache.get(id) {
                return Ok(Some(Found { live, is_watched: true }));
            }
            if self.cache.is_absent(id, now) {
                return Ok(None);
            }
        }
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
        let is_watched = is_fresh && self.cache.insert(id, Arc::clone(&live), changes);
        Ok(Some(Found { live, is_watched }))
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
        let Some(Found { live, is_watched }) = inner.find(presented.id, context.now).await? else {
            return Err(check_nobody(&hash).into());
        };
        let reuse = (is_watched && !inner.reused_for.is_zero()).then_some(inner.reused_for);
        let verified = live.check(&hash, context.now, reuse)?;
        inner.usage.note(presented.id, &live, context.now, context.address);
        Ok(verified)
    }

    fn authorization_servers(&self) -> Vec<String> {
        vec![self.inner.issuer.clone()]
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
