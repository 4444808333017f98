//! State that outlives a request: one small trait.
//!
//! 1. A [`Key`] is (collection, partition, id); an [`Entry`] has a version that is never reused for that key.
//! 2. [`Store::commit`] applies a few writes, each with a [`Condition`], all or none, inside one partition.
//! 3. An entry past its expiry is never returned, even if it was not swept yet.
//! 4. [`Store::watch`] yields what changed, [`Change::Resync`] where something may have been missed, and while
//!    nothing happens [`Change::Alive`], at least every two seconds: silence means that nothing is known.
//! 5. Tokens, codes and keys are stored only as hashes; other secrets only through [`Sealed`].
//!
//! ```
//! use mcp_auth_core::store::{Key, MemoryStore, StoreExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = MemoryStore::default();
//! let key = Key::new("nonces", "", "n1");
//! assert!(store.insert_new(&key, "used", None).await?);
//! assert!(!store.insert_new(&key, "used", None).await?, "consumed once");
//! # Ok::<_, mcp_auth_core::store::StoreError>(()) }).unwrap();
//! ```

#[cfg(feature = "conformance")]
pub mod conformance;
mod memory;
mod sealed;
mod watch;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::time::Timestamp;

pub use memory::MemoryStore;
pub use sealed::{KeyId, KeyRing, KeyRingError, Sealed};
pub use watch::{Change, Watch};

/// The largest value that an entry has, in bytes.
pub const MAX_VALUE: usize = 1 << 20;

/// Names an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The kind of entry, a constant of the code: `clients`, `codes`.
    pub collection: Cow<'static, str>,
    /// What is committed together; often empty, or the owner's id.
    pub partition: String,
    /// The entry within its partition.
    pub id: String,
}

impl Key {
    /// The key of `id` in `partition` of `collection`.
    pub fn new(
        collection: impl Into<Cow<'static, str>>,
        partition: impl Into<String>,
        id: impl Into<String>,
    ) -> Self {
        Self { collection: collection.into(), partition: partition.into(), id: id.into() }
    }
}

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key's id.
    pub id: String,
    /// The content.
    pub value: Bytes,
    /// Grows with each write; never reused for the key.
    pub version: u64,
    /// From when on the entry is gone.
    pub expires_at: Option<Timestamp>,
}

/// Under which condition a write happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no entry.
    Absent,
    /// There is one, at this version.
    Version(u64),
    /// Whatever there is.
    Any,
}

/// One write of a commit.
#[derive(Clone, Debug)]
pub struct Write {
    /// What is written; all keys of one commit share collection and partition.
    pub key: Key,
    /// When it happens.
    pub condition: Condition,
    /// The new content and its expiry; `None` deletes.
    pub content: Option<(Bytes, Option<Timestamp>)>,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a conflict means that nothing was written"]
pub enum Committed {
    /// All writes happened.
    Yes,
    /// None happened: a condition did not hold.
    Conflict,
}

/// Why a store did not answer. Decisions that need it are answered 503.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached, or failed.
    #[error("the store does not answer")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// A value is larger than [`MAX_VALUE`].
    #[error("an entry is too large")]
    TooLarge,
    /// The store holds as much as it may.
    #[error("the store is full")]
    Full,
    /// The writes of one commit name several collections or partitions.
    #[error("a commit spans partitions")]
    SpansPartitions,
    /// What is stored cannot be read as what it should be.
    #[error("a stored entry is damaged")]
    Damaged(#[source] Box<dyn StdError + Send + Sync>),
}

/// Keeps entries. Implementations are shared behind `Arc`.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The entry, unless it is absent or expired.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot tell.
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError>;

    /// The entries of a partition in order of their ids, those after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot tell.
    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// Applies all `writes` or none.
    ///
    /// # Errors
    /// [`StoreError`] if it is not known that they were applied, or they were not.
    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError>;

    /// What changes from now on, in every collection; at least every two seconds a sign of life.
    fn watch(&self) -> Watch;
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        (**self).get(key).await
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        (**self).scan(collection, partition, after, limit).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        (**self).commit(writes).await
    }

    fn watch(&self) -> Watch {
        (**self).watch()
    }
}

/// What most callers do with a [`Store`], written once.
#[async_trait]
pub trait StoreExt: Store {
    /// Writes if nothing is there; false if something was. Consumes a nonce, claims a name.
    ///
    /// # Errors
    /// [`StoreError`] of the commit.
    async fn insert_new(
        &self,
        key: &Key,
        value: impl Into<Bytes> + Send,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let content = Some((value.into(), expires_at));
        let write = Write { key: key.clone(), condition: Condition::Absent, content };
        Ok(self.commit(vec![write]).await? == Committed::Yes)
    }

    /// Writes if the entry still has `version`; false if it has moved on.
    ///
    /// # Errors
    /// [`StoreError`] of the commit.
    async fn replace(
        &self,
        key: &Key,
        version: u64,
        value: impl Into<Bytes> + Send,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let content = Some((value.into(), expires_at));
        let write = Write { key: key.clone(), condition: Condition::Version(version), content };
        Ok(self.commit(vec![write]).await? == Committed::Yes)
    }

    /// Writes whatever is there.
    ///
    /// # Errors
    /// [`StoreError`] of the commit.
    async fn put(
        &self,
        key: &Key,
        value: impl Into<Bytes> + Send,
        expires_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let content = Some((value.into(), expires_at));
        match self.commit(vec![Write { key: key.clone(), condition: Condition::Any, content }]).await? {
            Committed::Yes => Ok(()),
            Committed::Conflict => {
                Err(StoreError::Unavailable("an unconditional write met a conflict".into()))
            }
        }
    }

    /// Removes the entry and returns it; of several callers at once, one gets it.
    ///
    /// # Errors
    /// [`StoreError`] of the store.
    async fn take(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let Some(entry) = self.get(key).await? else { return Ok(None) };
        let write = Write { key: key.clone(), condition: Condition::Version(entry.version), content: None };
        Ok((self.commit(vec![write]).await? == Committed::Yes).then_some(entry))
    }

    /// Removes the entry, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] of the commit.
    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        match self.commit(vec![Write { key: key.clone(), condition: Condition::Any, content: None }]).await? {
            Committed::Yes => Ok(()),
            Committed::Conflict => {
                Err(StoreError::Unavailable("an unconditional write met a conflict".into()))
            }
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
