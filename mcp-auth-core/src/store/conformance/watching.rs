//! Being told.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use super::{Checked, Shared, Wrong, commits, ensure_eq};
use crate::store::{Change, Committed, Condition, Key, Store, StoreExt as _, Watch};
use crate::time::Clock;

/// How long a change may take to be told.
const SOON: Duration = Duration::from_secs(5);
/// Two seconds, and time for a busy machine.
const QUIET: Duration = Duration::from_secs(4);

/// Reads `watch` until it told of every key in `wanted`, or that all have to be read again.
async fn told(watch: &mut Watch, mut wanted: BTreeSet<Key>) -> Checked {
    let all = async {
        while !wanted.is_empty() {
            match watch.next().await {
                Some(Change::Changed { key, .. }) => {
                    wanted.remove(&key);
                }
                Some(Change::Resync) => return Ok(()),
                Some(Change::Alive) => {}
                None => return Err(Wrong("the watch ended while the store was open".to_owned())),
            }
        }
        Ok(())
    };
    match timeout(SOON, all).await {
        Ok(told) => told,
        Err(_) => Err(Wrong(format!("not told within {SOON:?}: {wanted:?}"))),
    }
}

async fn change_all(store: &dyn Store) -> Result<BTreeSet<Key>, Wrong> {
    let [new, gone, taken, one, two] =
        ["new", "gone", "taken", "one", "two"].map(|id| Key::new("a", "p", id));
    let other = Key::new("b", "", "other");
    store.put(&new, "1", None).await?;
    store.put(&other, "1", None).await?;
    store.remove(&gone).await?;
    store.take(&taken).await?;
    let writes = [&one, &two].map(|key| commits::write(key, Condition::Absent, Some("1")));
    ensure_eq(store.commit(writes.into()).await?, Committed::Yes, "a commit")?;
    Ok([new, gone, taken, one, two, other].into())
}

async fn prepare(store: &dyn Store) -> Checked {
    for id in ["gone", "taken"] {
        store.put(&Key::new("a", "p", id), "1", None).await?;
    }
    Ok(())
}

pub(super) async fn every_change_is_told(store: Shared, _: Clock) -> Checked {
    prepare(&*store).await?;
    let mut watch = store.watch();
    told(&mut watch, change_all(&*store).await?).await?;
    // One at a time, each told before the next.
    for version in 0..3 {
        let key = Key::new("a", "p", "again");
        store.put(&key, version.to_string(), None).await?;
        told(&mut watch, [key].into()).await?;
    }
    Ok(())
}

pub(super) async fn every_watch_is_told(store: Shared, _: Clock) -> Checked {
    prepare(&*store).await?;
    let (mut one, mut two) = (store.watch(), store.watch());
    let wanted = change_all(&*store).await?;
    told(&mut one, wanted.clone()).await?;
    told(&mut two, wanted).await
}

pub(super) async fn a_quiet_watch_is_alive(store: Shared, _: Clock) -> Checked {
    let mut watch = store.watch();
    for _ in 0..2 {
        match timeout(QUIET, watch.next()).await {
            Ok(Some(_)) => {}
            Ok(None) => return Err(Wrong("the watch ended while the store was open".to_owned())),
            Err(_) => return Err(Wrong(format!("nothing was told for {QUIET:?}"))),
        }
    }
    Ok(())
}
