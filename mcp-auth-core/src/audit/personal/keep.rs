//! Keeping new keys, and forgetting those that were erased elsewhere.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc;

use super::seal::{Fresh, Kept, Subject};
use super::{COLLECTION, Inner};
use crate::store::{Change, Sealed, Store, StoreExt, Watch};

/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) async fn run<S: Store>(
    store: Arc<Sealed<S>>,
    mut made: mpsc::Receiver<Fresh>,
    inner: Weak<Inner>,
) {
    let mut watch = Some(store.watch());
    loop {
        tokio::select! {
            fresh = made.recv() => match fresh {
                Some(fresh) => keep(&store, fresh).await,
                None => return,
            },
            change = next(&mut watch) => {
                let Some(inner) = inner.upgrade() else { return };
                match change {
                    Some(Change::Changed { key, .. }) if key.collection == COLLECTION => {
                        // Written by this process, or erased by any: the next call makes another.
                        let Some(subject) = Subject::read(&key.partition) else { continue };
                        if !matches!(store.get(&key).await, Ok(Some(_))) {
                            inner.held.remove(&subject);
                        }
                    }
                    Some(Change::Resync) => inner.held.clear(),
                    Some(_) => {}
                    None => watch = None,
                }
            }
        }
    }
}

/// A store that is gone has no changes.
async fn next(watch: &mut Option<Watch>) -> Option<Change> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

async fn keep<S: Store>(store: &Sealed<S>, fresh: Fresh) {
    let Some(place) = fresh.place() else { return };
    loop {
        match store.insert_new(&place, fresh.secret.to_vec(), None).await {
            // An id that is there already is this key: an answer before was lost.
            Ok(_) => {
                fresh.tell.send_replace(Kept::Yes);
                return;
            }
            Err(error) => {
                tracing::error!(%error, "a key for personal fields cannot be kept: writes wait for it");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
