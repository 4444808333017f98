//! Reading a partition in order, in pages.

use super::{Checked, Shared, basics, ensure, ensure_eq};
use crate::store::{Key, Store, StoreError, StoreExt as _};
use crate::time::Clock;

/// The odd ids in order, between those of partitions that sort before and after.
async fn filled(store: &dyn Store) -> Result<Vec<String>, StoreError> {
    for (collection, partition) in [("a", "o"), ("a", "p"), ("a", "q"), ("b", "p")] {
        for id in basics::odd_ids() {
            store.put(&Key::new(collection, partition, id), partition, None).await?;
        }
    }
    let mut ids = basics::odd_ids();
    ids.sort();
    Ok(ids)
}

pub(super) async fn a_scan_is_ordered_by_id(store: Shared, _: Clock) -> Checked {
    let ids = filled(&*store).await?;
    let scanned = store.scan("a", "p", None, 1000).await?;
    ensure(scanned.iter().all(|entry| entry.value == "p"), || "another partition's entries".to_owned())?;
    let scanned: Vec<_> = scanned.into_iter().map(|entry| entry.id).collect();
    ensure_eq(scanned, ids, "the ids, in order of their bytes")
}

pub(super) async fn pages_follow_each_other(store: Shared, _: Clock) -> Checked {
    let ids = filled(&*store).await?;
    for limit in [1, 2, 7, ids.len(), ids.len() + 1] {
        let (mut read, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = store.scan("a", "p", after.as_deref(), limit).await?;
            ensure(page.len() <= limit, || format!("a page of {} where {limit} were asked", page.len()))?;
            let is_last = page.len() < limit;
            read.extend(page.into_iter().map(|entry| entry.id));
            after = read.last().cloned();
            ensure(read.len() <= ids.len(), || format!("pages of {limit} repeat entries"))?;
            if is_last {
                break;
            }
        }
        ensure_eq(&read, &ids, &format!("all pages of {limit}"))?;
    }
    ensure_eq(store.scan("a", "p", None, 0).await?, vec![], "a page of nothing")
}

pub(super) async fn a_scan_begins_after_what_is_not_there(store: Shared, _: Clock) -> Checked {
    for id in ["a", "c", "e"] {
        store.put(&Key::new("a", "p", id), "x", None).await?;
    }
    for (after, wanted) in
        [("", "ace"), ("b", "ce"), ("c", "e"), ("c\0", "e"), ("d", "e"), ("e", ""), ("f", "")]
    {
        let ids: String = store.scan("a", "p", Some(after), 10).await?.into_iter().map(|e| e.id).collect();
        ensure_eq(ids.as_str(), wanted, &format!("the ids after {after:?}"))?;
    }
    Ok(())
}
