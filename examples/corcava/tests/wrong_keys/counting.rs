//! A store that counts how often a key is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_auth_core::store::{Committed, Entry, Key, Store, StoreError, Watch, Write};

pub(crate) struct Counting {
    inner: Arc<dyn Store>,
    key_reads: AtomicUsize,
}

impl Counting {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, key_reads: AtomicUsize::new(0) }
    }

    /// How often a key was asked for since this was called last.
    pub(crate) fn key_reads(&self) -> usize {
        self.key_reads.swap(0, Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Store for Counting {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        if key.collection == "api_keys" {
            self.key_reads.fetch_add(1, Ordering::SeqCst);
        }
        self.inner.get(key).await
    }

    async fn scan(
        &self,
        collection: &str,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner.scan(collection, partition, after, limit).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        self.inner.commit(writes).await
    }

    fn watch(&self) -> Watch {
        self.inner.watch()
    }
}
