//! Putting another secret in place, and ending a key.

use std::time::Duration;

use super::format::NewSecret;
use super::record::index_of;
use super::{ApiKey, ApiKeys, CreatedKey, KeyError};
use crate::store::StoreExt;
use crate::verify::Revocation;

const MAX_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

impl ApiKeys {
    /// Gives the key another secret. The present one is taken beside it for `overlap` (at most 30 days; zero ends it at once),
    /// one from an earlier rotation no longer. The id, and with it audit and revocation, stays.
    ///
    /// Of two rotations at the same time one fails, so that nobody holds a secret that was replaced unseen.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::Ended`], [`KeyError::Changed`], [`KeyError::Invalid`], [`KeyError::Randomness`],
    /// [`KeyError::Store`]: then the key may have a secret that nobody has; rotate it again.
    pub async fn rotate(&self, id: &str, overlap: Duration) -> Result<CreatedKey, KeyError> {
        if overlap > MAX_OVERLAP {
            return Err(KeyError::Invalid { field: "overlap", problem: "it is longer than 30 days" });
        }
        let now = self.inner.clock.now();
        let secret = NewSecret::random()?;
        let (key_id, before, _) = self.load(id).await?;
        let record = self
            .update(id, |record| {
                if record.has_ended(now) {
                    return Err(KeyError::Ended);
                }
                if record.rotations != before.rotations {
                    return Err(KeyError::Changed);
                }
                record.rotate(secret.hash(), now, now.plus(overlap));
                Ok(())
            })
            .await?;
        let key = self.describe(id, &record).await?;
        Ok(CreatedKey { key, secret: secret.write(&record.prefix, key_id) })
    }

    /// Ends the key: both its secrets, open streams included, here at once and elsewhere as soon as the store tells. Again
    /// for one that is revoked already, to make up for a failure.
    ///
    /// # Errors
    /// [`KeyError::NotFound`]; [`KeyError::Changed`], [`KeyError::Store`]: then it may be ended in this process only, or for
    /// 30 days; try again.
    pub async fn revoke(&self, id: &str) -> Result<ApiKey, KeyError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let (_, mut record, _) = self.load(id).await?;
        record.revoked_at.get_or_insert(now);
        // First what counts here whatever the store says. Then the record, since it alone lasts: the revocation, which ends open
        // streams elsewhere, is forgotten in time, and the key would be good again. Last that revocation, even if the record of
        // an expired key is forgotten soon, or cannot be written: it still has to reach everybody.
        let until = record.kept_until().unwrap_or(now).max(now.plus(MAX_OVERLAP));
        let revocation = Revocation::key(&inner.issuer, id);
        inner.revocations.revoke_here(&revocation, until);
        let written = self
            .update(id, |record| {
                record.revoked_at.get_or_insert(now);
                Ok(())
            })
            .await;
        let told = inner.revocations.revoke(&revocation, until).await;
        let record = written?;
        told?;
        let until = record.kept_until();
        let index = index_of(&record.issuer, &record.owner, id);
        inner.store.put(&index, record.created_at.as_millis().to_string(), until).await?;
        inner.usage.keep_until(id, until).await?;
        self.describe(id, &record).await
    }
}
