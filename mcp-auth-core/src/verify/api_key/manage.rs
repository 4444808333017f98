//! Making, reading and naming keys.

use crate::scope::ScopeSet;
use crate::store::{Key, StoreError, StoreExt};
use crate::time::Timestamp;

use super::format::NewSecret;
use super::record::{KEYS, Origin, Record, index_of, key_of};
use super::{ApiKey, ApiKeys, CreatedKey, KeyError, KeyId, KeyPage, NewKey, bounds};

const TRIES: usize = 8;
const MAX_PAGE: usize = 200;
/// After how long an index entry that leads nowhere is no key that is just being made.
const ABANDONED_AFTER: std::time::Duration = std::time::Duration::from_secs(3600);

impl ApiKeys {
    /// Makes a key; once this returns it is kept, and works wherever the store is read.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] outside the bounds, [`KeyError::Randomness`], [`KeyError::Store`]: then there may be a key
    /// whose secret nobody has.
    pub async fn create(&self, new: NewKey) -> Result<CreatedKey, KeyError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let environment = new.environment.unwrap_or_else(|| inner.environment.clone());
        bounds::line("name", &new.name, bounds::NAME)?;
        bounds::line("owner", &new.owner, bounds::OWNER)?;
        bounds::environment(&environment)?;
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(KeyError::Invalid { field: "expires_at", problem: "it has passed" });
        }
        let (id, secret) = (KeyId::random()?, NewSecret::random()?);
        let origin = Origin {
            prefix: &inner.prefix,
            issuer: &inner.issuer,
            environment: &environment,
            hash: secret.hash(),
            now,
        };
        let record = Record::new(origin, new.name, new.owner, &new.scopes, new.expires_at);
        let until = record.kept_until();
        let index = index_of(&record.issuer, &record.owner, id.as_str());
        inner.store.put(&index, now.as_millis().to_string(), until).await?;
        if !inner.store.insert_new(&key_of(id), record.write()?, until).await? {
            // One in 10²¹ for each key there is: sooner the randomness is broken.
            return Err(KeyError::Randomness);
        }
        inner.changed(id, u64::MAX);
        let key = record.to_key(id.as_str(), inner.rotated_after(&environment), None)?;
        Ok(CreatedKey { key, secret: secret.write(&record.prefix, id) })
    }

    /// The key with this id, whoever owns it: a page for owners compares [`ApiKey::owner`] before it shows or changes one.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::Store`].
    pub async fn get(&self, id: &str) -> Result<ApiKey, KeyError> {
        let (_, record, _) = self.load(id).await?;
        self.describe(id, &record).await
    }

    /// Up to `limit` keys (at most 200 at once) of everybody, ended ones included, after the one named `after`. A page may be
    /// short and still have a next.
    ///
    /// # Errors
    /// [`KeyError::Store`].
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<KeyPage, KeyError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let page = self.inner.store.scan(KEYS, "", after, limit).await?;
        let mut keys = Vec::with_capacity(page.len());
        for entry in &page {
            let record = Record::read(entry)?;
            if record.issuer == self.inner.issuer {
                keys.push(self.describe(&entry.id, &record).await?);
            }
        }
        Ok(KeyPage { keys, next: page.last().filter(|_| page.len() == limit).map(|last| last.id.clone()) })
    }

    /// The same, of one owner.
    ///
    /// # Errors
    /// [`KeyError::Store`].
    pub async fn list_of(&self, owner: &str, after: Option<&str>, limit: usize) -> Result<KeyPage, KeyError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let Key { collection, partition, .. } = index_of(&self.inner.issuer, owner, "");
        let page = self.inner.store.scan(&collection, &partition, after, limit).await?;
        let mut keys = Vec::with_capacity(page.len());
        for entry in &page {
            match self.load(&entry.id).await {
                Ok((_, record, _)) => keys.push(self.describe(&entry.id, &record).await?),
                Err(KeyError::NotFound) => {
                    let index = Key::new(collection.clone(), partition.as_str(), entry.id.as_str());
                    self.clear_away(&index, entry).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(KeyPage { keys, next: page.last().filter(|_| page.len() == limit).map(|last| last.id.clone()) })
    }

    /// Calls the key something else.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::Invalid`], [`KeyError::Changed`], [`KeyError::Store`].
    pub async fn rename(&self, id: &str, name: &str) -> Result<ApiKey, KeyError> {
        bounds::line("name", name, bounds::NAME)?;
        let record = self
            .update(id, |record| {
                name.clone_into(&mut record.name);
                Ok(())
            })
            .await?;
        self.describe(id, &record).await
    }

    /// Grants exactly `scopes` from now on.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::Ended`], [`KeyError::Changed`], [`KeyError::Store`].
    pub async fn set_scopes(&self, id: &str, scopes: &ScopeSet) -> Result<ApiKey, KeyError> {
        let now = self.inner.clock.now();
        let record = self
            .update(id, |record| {
                if record.has_ended(now) {
                    return Err(KeyError::Ended);
                }
                record.set_scopes(scopes);
                Ok(())
            })
            .await?;
        self.describe(id, &record).await
    }

    /// Reads, changes and writes a record, again if somebody else wrote it in between.
    pub(super) async fn update(
        &self,
        id: &str,
        mut change: impl FnMut(&mut Record) -> Result<(), KeyError> + Send,
    ) -> Result<Record, KeyError> {
        for _ in 0..TRIES {
            let (key_id, mut record, version) = self.load(id).await?;
            change(&mut record)?;
            let written = self
                .inner
                .store
                .replace(&key_of(key_id), version, record.write()?, record.kept_until())
                .await;
            // After a failure, too: it may have been written.
            self.inner.changed(key_id, u64::MAX);
            if written? {
                return Ok(record);
            }
        }
        Err(KeyError::Changed)
    }

    pub(super) async fn load(&self, id: &str) -> Result<(KeyId, Record, u64), KeyError> {
        let key_id = KeyId::read(id).ok_or(KeyError::NotFound)?;
        let entry = self.inner.store.get(&key_of(key_id)).await?.ok_or(KeyError::NotFound)?;
        let record = Record::read(&entry)?;
        if record.issuer != self.inner.issuer {
            return Err(KeyError::NotFound);
        }
        Ok((key_id, record, entry.version))
    }

    pub(super) async fn describe(&self, id: &str, record: &Record) -> Result<ApiKey, KeyError> {
        let last_used = self.inner.usage.last(id).await?;
        Ok(record.to_key(id, self.inner.rotated_after(&record.environment), last_used)?)
    }

    /// Removes what the making of a key left behind when it was cut off.
    async fn clear_away(&self, index: &Key, entry: &crate::store::Entry) -> Result<(), StoreError> {
        let made = std::str::from_utf8(&entry.value).ok().and_then(|made| made.parse().ok()).unwrap_or(0);
        if self.inner.clock.now().since(Timestamp::from_millis(made)) > ABANDONED_AFTER {
            self.inner.store.remove(index).await?;
        }
        Ok(())
    }
}
