//! The job that keeps a view of revocations in step with the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Entry, REVOKED, Revocations};
use crate::background::Job;
use crate::store::{Change, Store, StoreError, Watch};

const PAGE: usize = 500;
const PAUSE: Duration = Duration::from_secs(1);

impl Revocations {
    /// The work of following the store, for the first who asks; `None` where there is no store, or somebody has it already.
    #[must_use]
    pub fn background(&self) -> Option<Job> {
        let store = Arc::clone(self.inner.store.as_ref()?);
        let is_first = !self.inner.followed.swap(true, Ordering::AcqRel);
        is_first.then(|| Box::pin(self.clone().follow(store)) as Job)
    }

    async fn follow(self, store: Arc<dyn Store>) {
        loop {
            // Watched before it is read: what changes in between is seen twice rather than not at all.
            let watch = store.watch();
            if let Err(error) = self.follow_once(store.as_ref(), watch).await {
                tracing::error!(%error, "revocations cannot be followed: tried again");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads everything, then every change; ends when a change may have been missed.
    async fn follow_once(&self, store: &dyn Store, mut watch: Watch) -> Result<(), StoreError> {
        let began = self.inner.clock.now();
        self.read_all(store).await?;
        self.forget_unread();
        self.heard(began);
        loop {
            let now = self.inner.clock.now();
            match watch.next().await {
                Some(Change::Changed { key, .. }) if key.collection == REVOKED => {
                    match store.get(&key).await {
                        Ok(Some(entry)) => self.apply(key.id.into(), Entry::read(&entry)),
                        Ok(None) => {}
                        Err(error) => {
                            // Not to know for how long is no reason not to revoke. Everything is read next.
                            self.apply_unread(key.id.into());
                            return Err(error);
                        }
                    }
                }
                // Changes come in order: none before this one was missed.
                Some(Change::Changed { .. } | Change::Alive) => self.heard(now),
                Some(Change::Resync) | None => return Ok(()),
            }
        }
    }

    async fn read_all(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut after: Option<String> = None;
        loop {
            let page = store.scan(REVOKED, "", after.as_deref(), PAGE).await?;
            for entry in &page {
                self.apply(entry.id.as_str().into(), Entry::read(entry));
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Up to `at` nothing was missed.
    fn heard(&self, at: crate::time::Timestamp) {
        self.inner.heard.store(at.as_millis(), Ordering::Release);
    }
}
