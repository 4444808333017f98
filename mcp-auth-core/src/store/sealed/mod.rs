//! A store whose values cannot be read, moved or forged by whoever holds the storage.
//!
//! 1. A value is sealed with AES-256-GCM under the current key of a [`KeyRing`] and a random 96-bit nonce.
//! 2. The entry's key (collection, partition and id, each with its length before it) is associated data: a value that
//!    was moved to another entry does not open.
//! 3. What does not open (damaged, moved, sealed by a foreign key, or never sealed) is [`StoreError::Damaged`]: it
//!    is never taken for absent.
//! 4. Keys, versions and expiry stay readable: ids of secrets have to be hashes already. An old value of the same
//!    entry, put back by whoever holds the storage, is not noticed.
//!
//! ```
//! use mcp_auth_core::store::{Key, KeyRing, MemoryStore, Sealed, StoreExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = Sealed::new(MemoryStore::default(), KeyRing::generate()?);
//! let key = Key::new("secrets", "", "signing");
//! store.put(&key, "not for everyone", None).await?;
//! assert_eq!(store.take(&key).await?.unwrap().value, "not for everyone");
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod ring;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Committed, Entry, Key, Store, StoreError, Watch, Write};

pub use ring::{KeyId, KeyRing, KeyRingError};

/// Says what the associated data is of.
const LABEL: &[u8] = b"mcp-auth store entry 1";

/// Seals what goes into `S` and opens what comes out; all else passes through. A sealed value is 37 bytes longer.
#[derive(Clone, Debug)]
pub struct Sealed<S> {
    inner: S,
    ring: KeyRing,
}

impl<S: Store> Sealed<S> {
    /// `inner`, sealed with the keys of `ring`.
    #[must_use]
    pub fn new(inner: S, ring: KeyRing) -> Self {
        Self { inner, ring }
    }

    /// The store below, with its values sealed: for copies of the whole.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn open(&self, collection: &str, partition: &str, mut entry: Entry) -> Result<Entry, StoreError> {
        let aad = associated(collection, partition, &entry.id);
        entry.value = self.ring.open(&aad, &entry.value).map_err(|why| StoreError::Damaged(why.into()))?;
        Ok(entry)
    }
}

/// Each part with its length before it, so that no two keys read the same.
fn associated(collection: &str, partition: &str, id: &str) -> Vec<u8> {
    let mut all = Vec::with_capacity(LABEL.len() + 24 + collection.len() + partition.len() + id.len());
    all.extend_from_slice(LABEL);
    for part in [collection, partition, id] {
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part.as_bytes());
    }
    all
}

#[async_trait]
impl<S: Store> Store for Sealed<S> {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let Some(entry) = self.inner.get(key).await? else { return Ok(None) };
        self.open(&key.collection, &key.partition, entry).map(Some)
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let page = self.inner.scan(collection, partition, after, limit).await?;
        page.into_iter().map(|entry| self.open(collection, partition, entry)).collect()
    }

    async fn commit(&self, mut writes: Vec<Write>) -> Result<Committed, StoreError> {
        for Write { key, content, .. } in &mut writes {
            if let Some((value, _)) = content {
                let aad = associated(&key.collection, &key.partition, &key.id);
                let sealed =
                    self.ring.seal(&aad, value).map_err(|why| StoreError::Unavailable(why.into()))?;
                *value = Bytes::from(sealed);
            }
        }
        self.inner.commit(writes).await
    }

    fn watch(&self) -> Watch {
        self.inner.watch()
    }
}
