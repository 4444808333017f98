//! A sealed store tells nothing to whoever holds the storage, and believes nothing of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use mcp_auth_core::store::{Key, KeyRing, KeyRingError, MemoryStore, Sealed, Store, StoreError, StoreExt};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(&secret(byte)).unwrap()
}

fn secret(byte: u8) -> SecretSlice<u8> {
    vec![byte; 32].into()
}

fn at(partition: &str, id: &str) -> Key {
    Key::new("c", partition, id)
}

fn is_damaged<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Damaged(_)))
}

#[tokio::test]
async fn nothing_of_a_value_is_readable_below() {
    let below = Arc::new(MemoryStore::default());
    let store = Sealed::new(Arc::clone(&below), ring(1));
    let (a, b) = (at("p", "a"), at("p", "b"));
    for key in [&a, &b] {
        store.put(key, "a secret of some length", None).await.unwrap();
    }
    let (one, other) = (below.get(&a).await.unwrap().unwrap(), below.get(&b).await.unwrap().unwrap());
    assert!(!one.value.windows(6).any(|part| part == b"secret"));
    assert_eq!(one.value.len(), "a secret of some length".len() + 37);
    assert_ne!(one.value[9..21], other.value[9..21], "a nonce is used once");
    assert_ne!(one.value[21..], other.value[21..]);
}

#[tokio::test]
async fn a_changed_moved_foreign_or_open_value_is_damaged() {
    let below = Arc::new(MemoryStore::default());
    let store = Sealed::new(Arc::clone(&below), ring(1));
    let key = at("ab", "c");
    store.put(&key, "", None).await.unwrap();
    let value = below.get(&key).await.unwrap().unwrap().value;
    for at in 0..value.len() {
        let mut changed = value.to_vec();
        changed[at] ^= 1;
        below.put(&key, changed, None).await.unwrap();
        assert!(is_damaged(store.get(&key).await), "byte {at}");
        assert!(is_damaged(store.scan("c", "ab", None, 9).await), "byte {at}");
    }
    for length in 0..value.len() {
        below.put(&key, value.slice(..length), None).await.unwrap();
        assert!(is_damaged(store.take(&key).await), "length {length}");
    }
    // The same letters, cut elsewhere.
    for moved in [at("a", "bc"), at("abc", ""), Key::new("ca", "b", "c")] {
        below.put(&moved, value.clone(), None).await.unwrap();
        assert!(is_damaged(store.get(&moved).await));
    }
    below.put(&key, value, None).await.unwrap();
    assert!(is_damaged(Sealed::new(Arc::clone(&below), ring(2)).get(&key).await));
    assert_eq!(store.get(&key).await.unwrap().unwrap().value, "");
}

#[tokio::test]
async fn an_older_key_opens_and_the_current_one_seals() {
    let below = Arc::new(MemoryStore::default());
    let (old, new) = (at("p", "old"), at("p", "new"));
    Sealed::new(Arc::clone(&below), ring(1)).put(&old, "1", None).await.unwrap();
    let rotated = ring(1).rotated(&secret(2)).unwrap();
    assert_eq!(rotated.current(), ring(2).current());
    let store = Sealed::new(Arc::clone(&below), rotated.clone());
    assert_eq!(store.get(&old).await.unwrap().unwrap().value, "1");
    store.put(&new, "2", None).await.unwrap();
    let alone = Sealed::new(Arc::clone(&below), ring(2));
    assert_eq!(alone.get(&new).await.unwrap().unwrap().value, "2");
    assert!(is_damaged(alone.get(&old).await));
    assert_eq!(rotated.rotated(&secret(1)).unwrap_err(), KeyRingError::Twice(ring(1).current().unwrap()));
}

#[test]
fn a_key_file_is_read_and_nothing_of_it_shown() {
    let (one, two) = (KeyRing::new_key().unwrap(), KeyRing::new_key().unwrap());
    let (one, two) = (one.expose_secret(), two.expose_secret());
    let read = |text: &str| KeyRing::from_text(&SecretString::from(text));
    let both = read(&format!("# current\n{one}\r\n\n  {two}\n")).unwrap();
    assert_eq!(both.current(), read(one).unwrap().current());
    let shown = format!("{both:?}");
    assert!(shown.contains(&both.current().unwrap().to_string()));
    assert!(!shown.contains(one) && !shown.contains(two));
    let refused = |text: String| read(&text).unwrap_err();
    assert_eq!(refused("\n# none\n".into()), KeyRingError::Empty);
    assert_eq!(refused(format!("{one}\n{two}=\n")), KeyRingError::Line(2));
    assert_eq!(refused("c2hvcnQ=".into()), KeyRingError::Line(1));
    assert_eq!(refused(format!("{}{one}", &one[..40])), KeyRingError::Line(1));
    assert!(matches!(refused(format!("{one}\n{one}")), KeyRingError::Twice(_)));
    assert_eq!(refused("#".repeat(16 * 1024 + 1)), KeyRingError::TooMany);
    let many: Vec<_> = (0..65).map(|_| KeyRing::new_key().unwrap().expose_secret().to_owned()).collect();
    assert_eq!(refused(many.join("\n")), KeyRingError::TooMany);
    assert_eq!(KeyRing::new(&vec![0; 31].into()).unwrap_err(), KeyRingError::Length);
}
