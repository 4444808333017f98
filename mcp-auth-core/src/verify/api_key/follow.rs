//! The work beside the requests: following the store, and writing down uses.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::record::KEYS;
use super::{ApiKeys, Inner, KeyId};
use crate::store::{Change, Watch};

const PAUSE: Duration = Duration::from_secs(1);

impl ApiKeys {
    /// Runs until it is dropped.
    pub(super) async fn work(self) {
        let inner = &*self.inner;
        tokio::join!(inner.follow(), inner.usage.write_down());
    }
}

impl Inner {
    async fn follow(&self) {
        loop {
            // Watched before it is forgotten: what is read from now on, a change is heard of.
            let watch = self.store.watch();
            self.cache.clear();
            self.epoch.fetch_add(1, Ordering::AcqRel);
            self.hear(watch).await;
            self.heard.store(0, Ordering::Release);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Hears every change; ends when one may have been missed.
    async fn hear(&self, mut watch: Watch) {
        let mut now = self.clock.now();
        loop {
            self.heard.store(now.as_millis(), Ordering::Release);
            now = self.clock.now();
            match watch.next().await {
                Some(Change::Changed { key, version }) if key.collection == KEYS => {
                    match KeyId::read(&key.id) {
                        Some(id) => self.changed(id, version),
                        None => tracing::warn!("something that is no key is kept among the API keys"),
                    }
                }
                Some(Change::Changed { .. } | Change::Alive) => {}
                Some(Change::Resync) | None => return,
            }
        }
    }
}
