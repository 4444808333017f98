//! What is no key is refused before anything is looked up.

use mcp_auth_core::Credential;
use mcp_auth_core::verify::TokenRefusal;
use proptest::prelude::*;

use super::fixture::{Fixture, refused};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn every_change_of_one_character_is_refused_without_a_lookup() {
    runtime().block_on(async {
        let fixture = Fixture::new();
        let key = fixture.create().await.expose_secret().to_owned();
        fixture.asked.gets();
        for place in 0..key.len() {
            for byte in (0x21..0x7f).filter(|byte| *byte != key.as_bytes()[place]) {
                let mut changed = key.clone().into_bytes();
                changed[place] = byte;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(refused(fixture.check(&changed).await), TokenRefusal::Malformed, "{changed}");
            }
        }
        assert_eq!(fixture.asked.gets(), 0);
        assert!(fixture.check(&key).await.is_ok());
        assert_eq!(fixture.asked.gets(), 1);
    });
}

#[tokio::test]
async fn a_key_is_a_token_and_says_nothing_in_debug() {
    let fixture = Fixture::new();
    let created = fixture.create().await;
    let key = created.expose_secret();
    assert_eq!(key.len(), "corcava_".len() + 12 + 43 + 6);
    assert!(key.starts_with(&format!("corcava_{}", created.key().id)));
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    let read = Credential::from_request(&headers, &http::Uri::from_static("/mcp")).unwrap().unwrap();
    assert_eq!(read.expose_token(), key);
    let debug = format!("{created:?} {:?}", fixture.keys);
    assert!(!debug.contains(&key[20..40]) && !debug.contains(key), "{debug}");
}

#[tokio::test]
async fn pieces_of_a_key_are_no_key() {
    let fixture = Fixture::new();
    let key = fixture.create().await.expose_secret().to_owned();
    fixture.asked.gets();
    for end in 0..key.len() {
        assert_eq!(refused(fixture.check(&key[..end]).await), TokenRefusal::Malformed);
        assert_eq!(refused(fixture.check(&key[key.len() - end..]).await), TokenRefusal::Malformed);
    }
    for odd in
        [format!("{key}0"), format!(" {key}"), key.to_uppercase(), key.repeat(200), "corcava_".to_owned()]
    {
        assert_eq!(refused(fixture.check(&odd).await), TokenRefusal::Malformed);
    }
    assert_eq!(fixture.asked.gets(), 0);
}

proptest! {
    #[test]
    fn random_text_is_refused_without_a_lookup(text in "(corcava_)?[0-9A-Za-z_.:~+/=-]{0,80}") {
        runtime().block_on(async {
            let fixture = Fixture::new();
            assert_eq!(refused(fixture.check(&text).await), TokenRefusal::Malformed);
            assert_eq!(fixture.asked.gets(), 0);
        });
    }

    #[test]
    fn swapped_neighbours_are_refused_without_a_lookup(place in 8_usize..68) {
        runtime().block_on(async {
            let fixture = Fixture::new();
            let key = fixture.create().await.expose_secret().to_owned();
            fixture.asked.gets();
            let mut swapped = key.clone().into_bytes();
            swapped.swap(place, place + 1);
            let swapped = String::from_utf8(swapped).unwrap();
            if swapped != key {
                assert_eq!(refused(fixture.check(&swapped).await), TokenRefusal::Malformed);
                assert_eq!(fixture.asked.gets(), 0);
            }
        });
    }
}
