//! Ending in time.

use std::time::Duration;

use super::{Checked, Shared, Wrong, ensure, ensure_eq, present};
use crate::store::{Key, StoreExt as _};
use crate::time::{Clock, Timestamp};

const ALMOST: Duration = Duration::from_millis(9_999);
const EDGE: Duration = Duration::from_millis(1);

/// Ten seconds from now, by a clock that the check can move.
fn soon(clock: &Clock) -> Result<Timestamp, Wrong> {
    let before = clock.now();
    clock.advance(EDGE);
    ensure_eq(clock.now(), before.plus(EDGE), "the clock handed over is `Clock::manual`")?;
    Ok(clock.now().plus(Duration::from_secs(10)))
}

pub(super) async fn an_entry_is_gone_at_its_expiry(store: Shared, clock: Clock) -> Checked {
    let key = Key::new("a", "p", "id");
    let at = soon(&clock)?;
    store.put(&key, "1", Some(at)).await?;
    clock.advance(ALMOST);
    let entry = present(store.get(&key).await?, "an entry a millisecond before its expiry")?;
    ensure_eq(entry.expires_at, Some(at), "the expiry")?;
    clock.advance(EDGE);
    ensure_eq(store.get(&key).await?, None, "at its expiry")?;
    clock.advance(Duration::from_secs(1_000_000));
    ensure_eq(store.get(&key).await?, None, "long after its expiry")
}

pub(super) async fn a_scan_leaves_out_what_expired(store: Shared, clock: Clock) -> Checked {
    let at = soon(&clock)?;
    for id in ["a", "b", "c", "d"] {
        let expires_at = matches!(id, "a" | "c").then_some(at);
        store.put(&Key::new("a", "p", id), "1", expires_at).await?;
    }
    clock.advance(ALMOST);
    ensure_eq(store.scan("a", "p", None, 10).await?.len(), 4, "entries before the expiry")?;
    clock.advance(EDGE);
    for (after, limit, wanted) in
        [(None, 10, vec!["b", "d"]), (None, 1, vec!["b"]), (Some("b"), 1, vec!["d"])]
    {
        let ids: Vec<_> = store.scan("a", "p", after, limit).await?.into_iter().map(|e| e.id).collect();
        ensure_eq(ids, wanted.iter().map(ToString::to_string).collect(), "the ids at the expiry")?;
    }
    Ok(())
}

pub(super) async fn an_expired_entry_is_absent(store: Shared, clock: Clock) -> Checked {
    let key = Key::new("a", "p", "id");
    store.put(&key, "1", Some(soon(&clock)?)).await?;
    let old = present(store.get(&key).await?, "the entry")?.version;
    clock.advance(ALMOST);
    ensure_eq(store.insert_new(&key, "2", None).await?, false, "inserting before the expiry")?;
    clock.advance(EDGE);
    ensure_eq(store.replace(&key, old, "2", None).await?, false, "replacing what expired")?;
    ensure_eq(store.take(&key).await?, None, "taking what expired")?;
    ensure_eq(store.insert_new(&key, "2", None).await?, true, "inserting at the expiry")?;
    let new = present(store.get(&key).await?, "what was inserted at the expiry")?;
    ensure_eq(&new.value[..], b"2".as_slice(), "the value")?;
    ensure_eq(new.expires_at, None, "the new expiry")?;
    ensure(new.version > old, || format!("version {} after {old}", new.version))
}

pub(super) async fn what_is_written_expired_is_never_seen(store: Shared, clock: Clock) -> Checked {
    let key = Key::new("a", "p", "id");
    for at in [clock.now(), clock.now().minus(Duration::from_secs(60)), Timestamp::from_millis(0)] {
        store.put(&key, "before", None).await?;
        store.put(&key, "late", Some(at)).await?;
        ensure_eq(store.get(&key).await?, None, "an entry written at its expiry, or after")?;
        ensure_eq(store.scan("a", "p", None, 10).await?, vec![], "a scan")?;
    }
    ensure_eq(store.insert_new(&key, "new", None).await?, true, "inserting in its place")
}

pub(super) async fn a_new_expiry_replaces_the_old(store: Shared, clock: Clock) -> Checked {
    let [longer, never] = ["longer", "never"].map(|id| Key::new("a", "p", id));
    let at = soon(&clock)?;
    for (key, new) in [(&longer, Some(at.plus(EDGE))), (&never, None)] {
        store.put(key, "1", Some(at)).await?;
        store.put(key, "2", new).await?;
    }
    clock.advance(ALMOST + EDGE);
    present(store.get(&longer).await?, "an entry whose expiry was moved")?;
    clock.advance(EDGE);
    ensure_eq(store.get(&longer).await?, None, "at the moved expiry")?;
    present(store.get(&never).await?, "an entry whose expiry was removed").map(drop)
}
