//! Outliving the process.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Checked, Shared, Wrong, commits, ensure, ensure_eq, present};
use crate::store::{Committed, Condition, Key, Store as _, StoreExt as _};
use crate::time::Clock;

const WRITERS: usize = 16;
const ENOUGH: usize = 100;

pub(super) async fn what_was_written_is_there<F, Fut>(open: &F) -> Checked
where
    F: Fn() -> Fut,
    Fut: Future<Output = (Shared, Clock)>,
{
    let (store, clock) = open().await;
    for id in ["a", "b", "gone", "\0", "ä"] {
        let expires_at = (id == "b").then(|| clock.now().plus(Duration::from_secs(60)));
        store.put(&Key::new("kept", "p", id), id, expires_at).await?;
    }
    store.remove(&Key::new("kept", "p", "gone")).await?;
    let before = store.scan("kept", "p", None, 10).await?;
    ensure_eq(before.len(), 4, "entries")?;
    drop(store);
    for _ in 0..3 {
        let (store, _) = open().await;
        ensure_eq(store.scan("kept", "p", None, 10).await?, before.clone(), "after reopening")?;
    }
    Ok(())
}

pub(super) async fn versions_grow<F, Fut>(open: &F) -> Checked
where
    F: Fn() -> Fut,
    Fut: Future<Output = (Shared, Clock)>,
{
    let key = Key::new("versions", "p", "id");
    let mut last = 0;
    for round in 0..4 {
        let (store, _) = open().await;
        store.put(&key, "same", None).await?;
        let version = present(store.get(&key).await?, "what was just written")?.version;
        ensure(round == 0 || version > last, || format!("version {version} after {last}, reopened"))?;
        last = version;
        store.remove(&key).await?;
    }
    Ok(())
}

pub(super) async fn an_entry_expires_while_closed<F, Fut>(open: &F) -> Checked
where
    F: Fn() -> Fut,
    Fut: Future<Output = (Shared, Clock)>,
{
    let key = Key::new("expiry", "p", "id");
    let (store, clock) = open().await;
    store.put(&key, "1", Some(clock.now().plus(Duration::from_secs(10)))).await?;
    drop(store);
    clock.advance(Duration::from_secs(10));
    let (store, _) = open().await;
    ensure_eq(store.get(&key).await?, None, "what expired while the store was closed")?;
    ensure_eq(store.insert_new(&key, "2", None).await?, true, "inserting in its place")
}

/// Writers commit pairs until they are cut off in the middle; what was acknowledged is there, and no half pair.
pub(super) async fn a_crash_loses_nothing<F, Fut>(open: &F) -> Checked
where
    F: Fn() -> Fut,
    Fut: Future<Output = (Shared, Clock)>,
{
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let (store, _) = open().await;
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let begun = Arc::new(AtomicUsize::new(0));
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let (store, sender, begun) = (Arc::clone(&store), sender.clone(), Arc::clone(&begun));
            writers.spawn(async move {
                loop {
                    let name = format!("{round}-{}", begun.fetch_add(1, Ordering::SeqCst));
                    let pair = ["l", "r"].map(|half| Key::new("crash", "p", format!("{name}{half}")));
                    let pair = pair.map(|key| commits::write(&key, Condition::Absent, Some(&name)));
                    match store.commit(pair.into()).await {
                        Ok(Committed::Yes) => drop(sender.send(Ok(name))),
                        other => return drop(sender.send(Err(format!("{other:?}")))),
                    }
                }
            });
        }
        for _ in 0..ENOUGH {
            match receiver.recv().await {
                Some(Ok(name)) => acknowledged.insert(name),
                Some(Err(answer)) => return Err(Wrong(format!("a commit of a new pair: {answer}"))),
                None => return Err(Wrong("the writers ended".to_owned())),
            };
        }
        writers.shutdown().await;
        drop(store);
        while let Ok(more) = receiver.try_recv() {
            acknowledged.extend(more);
        }
        let (store, _) = open().await;
        let mut halves = BTreeMap::<String, usize>::new();
        for entry in store.scan("crash", "p", None, 1_000_000).await? {
            *halves.entry(String::from_utf8_lossy(&entry.value).into_owned()).or_default() += 1;
        }
        ensure(halves.values().all(|count| *count == 2), || "half a commit is there".to_owned())?;
        let lost: Vec<_> = acknowledged.iter().filter(|name| !halves.contains_key(*name)).collect();
        ensure(lost.is_empty(), || format!("acknowledged and lost: {lost:?}"))?;
    }
    Ok(())
}
