//! Guessing names and passwords.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Browser, Fixture, form_code};

/// Tries one name after the other with a wrong password, and gives the statuses.
async fn guess(fixture: &Fixture, names: impl IntoIterator<Item = String>) -> Vec<u16> {
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    let page = browser.get(request.as_str()).await.text().await.unwrap();
    let form = form_code(&page);
    let mut statuses = Vec::new();
    for name in names {
        let form = [("form", form.as_str()), ("username", &name), ("password", "wrong")];
        statuses.push(browser.post(request.as_str(), &form).await.status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn a_name_that_is_known_waits_like_one_that_is_not() {
    let fixture = Fixture::start().await;
    let unknown = guess(&fixture, (0..14).map(|n| format!("nobody{n}"))).await;
    assert_eq!(unknown, [200; 14], "each name is counted for itself");
    for name in ["ada", "nobody"] {
        let fixture = Fixture::start().await;
        let statuses = guess(&fixture, std::iter::repeat_n(name.to_owned(), 14)).await;
        assert_eq!(statuses[..10], [200; 10], "{name}");
        assert!(statuses[10..].contains(&429), "{name}");
    }
}

#[tokio::test]
async fn a_guess_that_has_to_wait_counts_for_its_address() {
    for name in ["ada", "nobody"] {
        let fixture = Fixture::start().await;
        guess(&fixture, std::iter::repeat_n(name.to_owned(), 40)).await;
        let others = guess(&fixture, (0..6).map(|n| format!("somebody{n}"))).await;
        assert!(others.contains(&429), "{name}: {others:?}");
    }
}
