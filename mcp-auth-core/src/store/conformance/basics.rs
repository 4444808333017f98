//! Reading what was written.

use super::{Checked, Shared, ensure_eq, present};
use crate::store::{Key, StoreExt as _};
use crate::time::{Clock, Timestamp};

pub(super) async fn what_was_written_is_read(store: Shared, _: Clock) -> Checked {
    let key = Key::new("a", "p", "id");
    let far = Some(Timestamp::from_millis(i64::MAX.unsigned_abs()));
    for (value, expires_at) in [("", None), ("\0\u{ff}%'", far), ("again", None)] {
        store.put(&key, value, expires_at).await?;
        let entry = present(store.get(&key).await?, "what was just written")?;
        ensure_eq(entry.id.as_str(), "id", "the id")?;
        ensure_eq(&entry.value[..], value.as_bytes(), "the value")?;
        ensure_eq(entry.expires_at, expires_at, "the expiry")?;
        let scanned = store.scan("a", "p", None, 10).await?;
        ensure_eq(scanned, vec![entry], "a scan")?;
    }
    store.remove(&key).await?;
    ensure_eq(store.get(&key).await?, None, "after its removal")
}

pub(super) async fn an_absent_entry_is_none(store: Shared, _: Clock) -> Checked {
    let key = Key::new("a", "p", "id");
    ensure_eq(store.get(&key).await?, None, "an absent entry")?;
    ensure_eq(store.take(&key).await?, None, "an absent entry, taken")?;
    ensure_eq(store.scan("a", "p", None, 10).await?, vec![], "a scan of nothing")?;
    store.remove(&key).await?;
    ensure_eq(store.get(&key).await?, None, "a removed absent entry")
}

pub(super) async fn partitions_and_collections_are_apart(store: Shared, _: Clock) -> Checked {
    // The same letters, cut elsewhere; and what one separator or another would join.
    let keys = [
        ("a", "b", "c"),
        ("a", "bc", ""),
        ("a", "", "bc"),
        ("ab", "", "c"),
        ("ab", "c", ""),
        ("a", "b\0c", ""),
        ("a", "b", "\0c"),
        ("a", "b:c", ""),
        ("a", "b", ":c"),
        ("a", "b/c", ""),
        ("a", "B", "c"),
        ("a", "b%", "c"),
        ("a", "b_", "c"),
    ]
    .map(|(collection, partition, id)| Key::new(collection, partition, id));
    for key in &keys {
        store.put(key, format!("{key:?}"), None).await?;
    }
    for key in &keys {
        let entry = present(store.get(key).await?, &format!("{key:?}"))?;
        ensure_eq(&entry.value[..], format!("{key:?}").as_bytes(), "the value")?;
        let mut ids: Vec<_> = keys
            .iter()
            .filter(|other| (&other.collection, &other.partition) == (&key.collection, &key.partition))
            .map(|other| other.id.clone())
            .collect();
        ids.sort();
        let scanned = store.scan(&key.collection, &key.partition, None, 100).await?;
        let scanned: Vec<_> = scanned.into_iter().map(|entry| entry.id).collect();
        ensure_eq(scanned, ids, &format!("the ids beside {key:?}"))?;
    }
    let [first, rest @ ..] = &keys;
    store.remove(first).await?;
    for key in rest {
        present(store.get(key).await?, &format!("{key:?}, after the removal of another"))?;
    }
    Ok(())
}

/// Ids that a query, a pattern, a separator or a bound could take for something else; not in order.
pub(super) fn odd_ids() -> Vec<String> {
    let long = "x".repeat(511);
    let mut ids: Vec<String> = [
        "z",
        "a",
        "A",
        "",
        "\0",
        "\0\0",
        "a\0",
        "a\0b",
        "%",
        "_",
        "a%",
        "a_",
        "*",
        "?",
        "[",
        "'",
        "\"",
        "\\",
        ";--",
        "10",
        "9",
        "09",
        " ",
        " a",
        "a ",
        "\n",
        "ä",
        "a\u{308}",
        "ß",
        "é",
        "\u{7f}",
        "\u{ffff}",
        "\u{10000}",
        "日本",
        "\u{1f511}",
        ":",
        "/",
        "..",
        "NULL",
        "true",
    ]
    .map(str::to_owned)
    .into();
    ids.extend([format!("{long}a"), format!("{long}b"), long]);
    ids
}

pub(super) async fn odd_ids_are_kept_apart(store: Shared, _: Clock) -> Checked {
    for id in odd_ids() {
        let written = store.insert_new(&Key::new("a", "p", &id), id.clone(), None).await?;
        ensure_eq(written, true, &format!("the id {id:?} is new"))?;
    }
    for id in odd_ids() {
        let entry = present(store.get(&Key::new("a", "p", &id)).await?, &format!("the id {id:?}"))?;
        ensure_eq(entry.id.as_str(), id.as_str(), "the id")?;
        ensure_eq(&entry.value[..], id.as_bytes(), "the value")?;
    }
    Ok(())
}

pub(super) async fn large_values_are_kept(store: Shared, _: Clock) -> Checked {
    let key = Key::new("a", "p", "large");
    let value: Vec<u8> = (0..=u8::MAX).cycle().take(64 * 1024).collect();
    store.put(&key, value.clone(), None).await?;
    let entry = present(store.get(&key).await?, "a value of 64 KiB")?;
    ensure_eq(entry.value == value, true, "a value of 64 KiB is the same")
}
