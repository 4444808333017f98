//! Writing under conditions, all or nothing.

use bytes::Bytes;

use super::{Checked, Shared, Wrong, ensure, ensure_eq, present};
use crate::store::{Committed, Condition, Key, Store, StoreError, StoreExt as _, Write};
use crate::time::Clock;

pub(super) fn write(key: &Key, condition: Condition, value: Option<&str>) -> Write {
    let content = value.map(|value| (Bytes::copy_from_slice(value.as_bytes()), None));
    Write { key: key.clone(), condition, content }
}

async fn one(
    store: &dyn Store,
    key: &Key,
    condition: Condition,
    value: Option<&str>,
) -> Result<Committed, Wrong> {
    Ok(store.commit(vec![write(key, condition, value)]).await?)
}

pub(super) async fn conditions_hold_or_nothing_is_written(store: Shared, _: Clock) -> Checked {
    use Committed::{Conflict, Yes};
    use Condition::{Absent, Any, Version};
    let key = Key::new("a", "p", "id");
    let no = "on an absent entry";
    ensure_eq(one(&*store, &key, Version(0), Some("1")).await?, Conflict, &format!("version 0 {no}"))?;
    ensure_eq(one(&*store, &key, Version(1), None).await?, Conflict, &format!("version 1 {no}"))?;
    ensure_eq(store.get(&key).await?, None, "after conflicts")?;
    ensure_eq(one(&*store, &key, Absent, Some("1")).await?, Yes, &format!("`Absent` {no}"))?;
    let first = present(store.get(&key).await?, "the first value")?;
    ensure_eq(one(&*store, &key, Absent, Some("2")).await?, Conflict, "`Absent` on what is there")?;
    ensure_eq(one(&*store, &key, Absent, None).await?, Conflict, "a deletion if absent")?;
    for other in [0, first.version.wrapping_sub(1), first.version + 1, i64::MAX.unsigned_abs(), u64::MAX] {
        let answer = one(&*store, &key, Version(other), Some("2")).await?;
        ensure_eq(answer, Conflict, &format!("version {other} where it is {}", first.version))?;
    }
    ensure_eq(store.get(&key).await?, Some(first.clone()), "after conflicts")?;
    ensure_eq(one(&*store, &key, Version(first.version), Some("2")).await?, Yes, "the right version")?;
    ensure_eq(one(&*store, &key, Version(first.version), Some("3")).await?, Conflict, "an old version")?;
    ensure_eq(one(&*store, &key, Any, Some("4")).await?, Yes, "`Any`")?;
    let last = present(store.get(&key).await?, "the last value")?;
    ensure_eq(&last.value[..], b"4".as_slice(), "the value")?;
    ensure_eq(one(&*store, &key, Version(first.version), None).await?, Conflict, "deleting an old version")?;
    ensure_eq(one(&*store, &key, Version(last.version), None).await?, Yes, "deleting the right version")?;
    ensure_eq(store.get(&key).await?, None, "after its deletion")?;
    ensure_eq(one(&*store, &key, Version(last.version), Some("5")).await?, Conflict, "a deleted version")
}

pub(super) async fn versions_are_never_reused(store: Shared, _: Clock) -> Checked {
    let (key, other) = (Key::new("a", "p", "id"), Key::new("a", "p", "other"));
    let mut last = None;
    for round in 0..6 {
        store.put(&key, "same", None).await?;
        let version = present(store.get(&key).await?, "what was just written")?.version;
        ensure(last.is_none_or(|last| version > last), || {
            format!("version {version} after {last:?}, round {round}")
        })?;
        last = Some(version);
        match round % 3 {
            0 => store.remove(&key).await?,
            1 => ensure(store.take(&key).await?.is_some(), || "it could not be taken".to_owned())?,
            _ => {}
        }
        store.put(&other, "x", None).await?;
    }
    Ok(())
}

pub(super) async fn a_commit_is_atomic(store: Shared, _: Clock) -> Checked {
    let [a, b, c] = ["a", "b", "c"].map(|id| Key::new("a", "p", id));
    store.put(&b, "old", None).await?;
    let before = store.scan("a", "p", None, 10).await?;
    // The condition that fails comes last, first, and between.
    for order in [[&a, &c, &b], [&b, &a, &c], [&a, &b, &c]] {
        let writes = order.map(|key| write(key, Condition::Absent, Some("new")));
        ensure_eq(store.commit(writes.into()).await?, Committed::Conflict, "one condition fails")?;
        ensure_eq(store.scan("a", "p", None, 10).await?, before.clone(), "after a conflict")?;
    }
    let writes = vec![
        write(&a, Condition::Absent, Some("new")),
        write(&b, Condition::Any, None),
        write(&c, Condition::Absent, Some("new")),
    ];
    ensure_eq(store.commit(writes).await?, Committed::Yes, "all conditions hold")?;
    let ids: Vec<_> = store.scan("a", "p", None, 10).await?.into_iter().map(|entry| entry.id).collect();
    ensure_eq(ids, vec!["a".to_owned(), "c".to_owned()], "after the commit")
}

pub(super) async fn a_commit_stays_in_one_partition(store: Shared, _: Clock) -> Checked {
    let home = Key::new("a", "p", "id");
    for away in [Key::new("a", "q", "id"), Key::new("b", "p", "id")] {
        for order in [[&home, &away], [&away, &home]] {
            let writes = order.map(|key| write(key, Condition::Any, Some("x")));
            let answer = store.commit(writes.into()).await;
            ensure(matches!(answer, Err(StoreError::SpansPartitions)), || {
                format!("a commit of {home:?} and {away:?} was answered {answer:?}")
            })?;
            ensure_eq(store.get(&home).await?, None, "after the refusal")?;
            ensure_eq(store.get(&away).await?, None, "after the refusal")?;
        }
    }
    Ok(())
}

pub(super) async fn an_empty_commit_does_nothing(store: Shared, _: Clock) -> Checked {
    ensure_eq(store.commit(vec![]).await?, Committed::Yes, "a commit of nothing")
}
