//! A store that a test looks at, holds up or unplugs.

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;

use crate::store::{Committed, Entry, Key, MemoryStore, Store, StoreError, Watch, Write};

/// What a store is asked.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum StoreCall<'a> {
    /// [`Store::get`] of this key.
    Get(&'a Key),
    /// [`Store::scan`] of a page.
    Scan {
        /// Of this collection.
        collection: &'a str,
        /// Of this partition.
        partition: &'a str,
        /// Of what comes after this id.
        after: Option<&'a str>,
        /// So many entries at most.
        limit: usize,
    },
    /// [`Store::commit`] of these writes.
    Commit(&'a [Write]),
}

type Allowed = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// A store in front of another one.
///
/// 1. Before each read and each commit the hook hears what is asked; then the store itself is asked.
/// 2. Until the hook's future is ready nothing is asked; where it fails, nothing is asked and its error is the answer.
/// 3. [`Store::watch`] is the inner store's: the hook does not hear of it, and changes are told whatever it says; or none ever is
///    ([`deaf`](Self::deaf)).
///
/// ```
/// use std::future::ready;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use mcp_auth_core::store::{Key, MemoryStore, StoreError, StoreExt};
/// use mcp_auth_core::testing::{ObservedStore, StoreCall};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let commits = Arc::new(AtomicUsize::new(0));
/// let counted = Arc::clone(&commits);
/// let store = ObservedStore::new(MemoryStore::default(), move |call| {
///     let is_second = matches!(call, StoreCall::Commit(_)) && counted.fetch_add(1, Ordering::SeqCst) == 1;
///     ready(if is_second { Err(StoreError::Unavailable("unplugged".into())) } else { Ok(()) })
/// });
/// let key = Key::new("nonces", "", "n1");
/// assert!(store.insert_new(&key, "used", None).await?);
/// assert!(store.insert_new(&key, "used", None).await.is_err(), "nobody knows");
/// assert!(!store.insert_new(&key, "used", None).await?);
/// assert_eq!(commits.load(Ordering::SeqCst), 3);
/// # Ok::<_, StoreError>(()) }).unwrap();
/// ```
pub struct ObservedStore<S> {
    inner: S,
    hook: Box<dyn Fn(StoreCall<'_>) -> Allowed + Send + Sync>,
    /// What is heard in place of the inner store.
    heard: Option<MemoryStore>,
}

impl<S> ObservedStore<S> {
    /// `inner`, with a hook before it; what waits for nothing returns [`std::future::ready`].
    pub fn new<H, F>(inner: S, hook: H) -> Self
    where
        H: Fn(StoreCall<'_>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        Self { inner, hook: Box::new(move |call| Box::pin(hook(call))), heard: None }
    }

    /// Tells of no change, as to a process that has not heard of it yet.
    #[must_use]
    pub fn deaf(mut self) -> Self {
        self.heard = Some(MemoryStore::default());
        self
    }
}

impl<S: fmt::Debug> fmt::Debug for ObservedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: Store> Store for ObservedStore<S> {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        (self.hook)(StoreCall::Get(key)).await?;
        self.inner.get(key).await
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        (self.hook)(StoreCall::Scan { collection, partition, after, limit }).await?;
        self.inner.scan(collection, partition, after, limit).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        (self.hook)(StoreCall::Commit(&writes)).await?;
        self.inner.commit(writes).await
    }

    fn watch(&self) -> Watch {
        self.heard.as_ref().map_or_else(|| self.inner.watch(), Store::watch)
    }
}
