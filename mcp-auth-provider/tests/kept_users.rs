//! Who may sign in from one start to the next, and who is told to have changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use mcp_auth_core::store::{KeyRing, MemoryStore, Store};
use mcp_auth_provider::{ChangedUser, KeptUsers, KeptUsersError, LocalUsers, SignIn};
use secrecy::{ExposeSecret, SecretString};

struct Place {
    store: Arc<dyn Store>,
    ring: KeyRing,
}

impl Place {
    fn new() -> Self {
        Self { store: Arc::new(MemoryStore::default()), ring: KeyRing::generate().unwrap() }
    }

    async fn load(&self) -> KeptUsers {
        KeptUsers::load(Arc::clone(&self.store), self.ring.clone()).await.unwrap()
    }

    /// A start with these users.
    async fn start(&self, users: &[(&str, &str)]) -> (LocalUsers, Vec<ChangedUser>) {
        let mut kept = self.load().await;
        for (name, password) in users {
            kept.user(name, &(*password).into()).await.unwrap();
        }
        kept.finish().unwrap()
    }
}

async fn knows(users: &LocalUsers, name: &str, password: &str) -> bool {
    users.check(name, &password.into(), None).await.is_ok()
}

fn names(changed: &[ChangedUser]) -> Vec<(&str, bool)> {
    changed.iter().map(|user| (user.name.as_str(), user.is_gone())).collect()
}

#[tokio::test]
async fn a_change_is_told_until_it_is_done() {
    let place = Place::new();
    let (users, changed) = place.start(&[("ada", "engine"), ("grace", "compiler"), ("lin", "kernel")]).await;
    assert!(changed.is_empty() && knows(&users, "ada", "engine").await);
    let (marks, none) = (["ada", "grace", "lin"].map(|name| users.mark(name).unwrap()), users.mark("nobody"));
    assert_eq!(none, None);

    let (again, changed) = place.start(&[("ada", "engine"), ("grace", "compiler"), ("lin", "kernel")]).await;
    assert!(changed.is_empty());
    assert_eq!(again.mark("ada").as_ref(), Some(&marks[0]), "the same password is the same session");

    // Another password, and one who is gone; broken off, it is told again.
    for _ in 0..2 {
        let (users, changed) = place.start(&[("ada", "engine"), ("grace", "other")]).await;
        assert_eq!(names(&changed), [("grace", false), ("lin", true)]);
        assert!(knows(&users, "grace", "other").await && !knows(&users, "grace", "compiler").await);
        assert!(!knows(&users, "lin", "kernel").await);
        assert_ne!(users.mark("grace").as_ref(), Some(&marks[1]));
        drop(changed);
    }
    let (users, changed) = place.start(&[("ada", "engine"), ("grace", "other")]).await;
    for user in changed {
        user.done().await.unwrap();
    }
    let (later, changed) = place.start(&[("ada", "engine"), ("grace", "other")]).await;
    assert!(changed.is_empty());
    assert_eq!(later.mark("grace"), users.mark("grace"));
    assert_eq!(place.load().await.names().collect::<Vec<_>>(), ["ada", "grace"]);
}

#[tokio::test]
async fn a_generated_password_is_given_once_and_stays() {
    let place = Place::new();
    let (mut one, mut two) = (place.load().await, place.load().await);
    // Two processes that begin together.
    let given = one.generated("demo").await.unwrap();
    assert!(two.generated("demo").await.unwrap().is_none());
    let given: SecretString = given.unwrap();
    for kept in [one, two] {
        let (users, changed) = kept.finish().unwrap();
        assert!(changed.is_empty() && users.check("demo", &given, None).await.is_ok());
    }
    let mut later = place.load().await;
    assert!(later.generated("demo").await.unwrap().is_none());
    assert!(later.finish().unwrap().0.check("demo", &given, None).await.is_ok());

    // Nothing that is kept or shown tells of it.
    let shown = format!("{:?}{:?}", place.load().await, place.start(&[("ada", "engine")]).await);
    assert!(!shown.contains("$argon2id") && !shown.contains(given.expose_secret()), "{shown}");
    for entry in place.store.scan("local_users", "", None, 10).await.unwrap() {
        assert!(!entry.value.windows(9).any(|found| found == b"$argon2id"));
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_at_the_end_and_changes_nobody() {
    let place = Place::new();
    drop(place.start(&[("ada", "engine")]).await);
    let long = "x".repeat(1025);
    for wrong in [
        [("ada", "engine"), ("ada", "other")],
        [("ada", ""), ("lin", "kernel")],
        [("ada", long.as_str()), ("", "x")],
    ] {
        let mut kept = place.load().await;
        for (name, password) in wrong {
            kept.user(name, &password.into()).await.unwrap();
        }
        kept.finish().expect_err("somebody is wrong");
    }
    place.load().await.finish().expect_err("nobody could sign in");
    assert!(knows(&place.start(&[("ada", "engine")]).await.0, "ada", "engine").await);
    let other = KeptUsers::load(Arc::clone(&place.store), KeyRing::generate().unwrap()).await;
    assert!(matches!(other, Err(KeptUsersError::Store(_))));
}
