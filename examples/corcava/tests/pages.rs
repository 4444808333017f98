//! The pages, as a browser without script uses them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod browser;
mod support;

use std::io;
use std::sync::Mutex;

use browser::{Browser, SETTINGS};
use serde_json::json;
use support::{EVERYTHING, Server, call, connect, refused, succeed};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_created_used_rotated_and_revoked() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, "ada").await;
    let page = browser.get(SETTINGS).await;
    assert!(page.text.contains("There are no keys yet.") && page.text.contains(server.url()));

    let made = browser.create(&page, "cursor-work-laptop", &["tasks:read"]).await;
    assert_eq!(made.status, 200);
    let key = made.key().unwrap();
    assert!(!browser.get(SETTINGS).await.text.contains(&key), "it is shown once");
    let client = connect(server.url(), &key).await;
    assert_eq!(succeed(&client, "list_tasks", json!({})).await["total"], 6);
    call(&client, "create_task", json!({ "title": "x" })).await.expect_err("it may only read");
    let mut listed = browser.get(SETTINGS).await;
    for _ in 0..200 {
        if listed.text.contains("127.0.0.1</span>") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        listed = browser.get(SETTINGS).await;
    }
    for shown in ["cursor-work-laptop", "tasks:read", "Production", "just now", "127.0.0.1", "Active"] {
        assert!(listed.text.contains(shown), "{shown}");
    }

    let id = listed.between("id=\"key-", "\"").unwrap();
    let rotated = browser
        .send(&format!("{SETTINGS}/keys/{id}/rotate"), &listed.form("/rotate"), &[("overlap", "1")])
        .await;
    let second = rotated.key().unwrap();
    assert_ne!(second, key);
    for each in [&key, &second] {
        let client = connect(server.url(), each).await;
        succeed(&client, "list_tasks", json!({})).await;
    }
    let listed = browser.get(SETTINGS).await;
    assert!(listed.text.contains("Old secret taken until"));

    let revoked = browser.send(&format!("{SETTINGS}/keys/{id}/revoke"), &listed.form("/revoke"), &[]).await;
    assert_eq!((revoked.status, revoked.location.as_deref()), (303, Some(SETTINGS)));
    for each in [&key, &second] {
        assert_eq!(server.status_with(each).await, 401);
    }
    assert!(browser.get(SETTINGS).await.text.contains("Revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_others_and_forms_sent_twice_do_nothing() {
    let server = Server::start().await;
    let (ada, bob) = (Browser::signed_in(&server, "ada").await, Browser::signed_in(&server, "bob").await);
    let page = ada.get(SETTINGS).await;
    let fields = [("name", "x"), ("environment", "production"), ("lifetime", ""), ("scope", "tasks:read")];
    let create = format!("{SETTINGS}/keys");
    let form = page.form("/keys");
    assert_eq!(bob.send(&create, &form, &fields).await.status, 403, "another browser's form");
    assert_eq!(ada.send(&create, &[], &fields).await.status, 403, "no code");
    assert_eq!(ada.send_from("https://evil.example", &create, &form, &fields).await.status, 403);
    assert_eq!(
        Browser::new(&server).send(&create, &form, &fields).await.location.unwrap(),
        format!("/login?next={SETTINGS}")
    );
    let first = ada.send(&create, &form, &fields).await;
    assert_eq!(first.status, 200);
    let again = ada.send(&create, &form, &fields).await;
    assert_eq!((again.status, again.key()), (400, None), "sent twice");

    // Bob cannot name Ada's key, even with a form code of his own.
    let listed = ada.get(SETTINGS).await;
    let id = listed.between("id=\"key-", "\"").unwrap();
    bob.create(&bob.get(SETTINGS).await, "own", &["tasks:read"]).await;
    let own = bob.get(SETTINGS).await;
    assert!(!own.text.contains(&id));
    assert_eq!(
        bob.send(&format!("{SETTINGS}/keys/{id}/revoke"), &own.form("/revoke"), &[]).await.status,
        403
    );
    assert_eq!(server.status_with(&first.key().unwrap()).await, 200);
}

/// A user sends the form again and again, with a mark of their own each time: what is kept of it stays little.
#[tokio::test(flavor = "multi_thread")]
async fn forms_that_make_secrets_are_answered_so_often_and_no_more() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, "ada").await;
    browser.create(&browser.get(SETTINGS).await, "laptop", &["tasks:read"]).await.key().unwrap();
    let page = browser.get(SETTINGS).await;
    let id = page.between("id=\"key-", "\"").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let marked = |action: &str, mark: &str| {
        let mut form = page.form(action);
        form.iter_mut().find(|(name, _)| name == "mark").unwrap().1 = mark.to_owned();
        form
    };
    let rotate = async |mark: &str| {
        browser
            .send(&format!("{SETTINGS}/keys/{id}/rotate"), &marked("/rotate", mark), &[("overlap", "0")])
            .await
    };
    for stale in ["", "x", &format!("{}-x", now - 3700), &format!("{}-x", now + 3600)] {
        assert_eq!(rotate(stale).await.status, 403, "{stale}");
    }
    // A name that is refused counts as well.
    let create = marked("/keys", &format!("{now}-create"));
    let fields = [("name", ""), ("environment", "production"), ("lifetime", "30"), ("scope", "tasks:read")];
    assert_eq!(browser.send(&format!("{SETTINGS}/keys"), &create, &fields).await.status, 400);
    let mut rotated = 0;
    for number in 0..70 {
        let answer = rotate(&format!("{now}-{number}")).await;
        assert_eq!(answer.status == 200, answer.key().is_some());
        assert!(answer.status == 200 || answer.text.contains("Too many forms"), "{}", answer.text);
        rotated += usize::from(answer.status == 200);
    }
    assert_eq!(rotated, 58, "with the two before: sixty an hour");
    assert_eq!(server.running.keys().get(&id).await.unwrap().rotations, 58);
    let revoked = browser.send(&format!("{SETTINGS}/keys/{id}/revoke"), &page.form("/revoke"), &[]).await;
    assert_eq!(revoked.status, 303, "it makes no secret");
    let bob = Browser::signed_in(&server, "bob").await;
    assert!(bob.create(&bob.get(SETTINGS).await, "own", &["tasks:read"]).await.key().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_fields_are_refused_and_shown_as_text() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, "ada").await;
    let page = browser.get(SETTINGS).await;
    let markup = "<img src=x onerror=alert(1)>'\"";
    let made = browser.create(&page, markup, &[EVERYTHING]).await;
    assert!(made.status == 200 && !made.text.contains("<img"));
    assert!(!browser.get(SETTINGS).await.text.contains("<img"));
    for (name, scopes, status) in [
        ("", &["tasks:read"][..], 400),
        ("a\u{202e}b", &["tasks:read"], 400),
        ("x", &[], 400),
        ("x", &["admin"], 400),
    ] {
        let page = browser.get(SETTINGS).await;
        let answer = browser.create(&page, name, scopes).await;
        assert_eq!((answer.status, answer.key()), (status, None), "{name} {scopes:?}");
    }
    let long = browser.create(&browser.get(SETTINGS).await, &"x".repeat(20_000), &["tasks:read"]).await;
    assert_eq!(long.status, 413);
    let policy = browser.get(SETTINGS).await.policy.unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    let german = browser.get(&format!("{SETTINGS}?lang=de")).await;
    assert!(german.text.contains("lang=\"de\"") && german.text.contains("Öffentliche API"));
    assert!(browser.get(SETTINGS).await.text.contains("Neuer Schlüssel"), "the choice is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_leads_back_here_and_nowhere_else() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let own = server.at("//evil.example");
    for (next, way) in [
        ("/authorize?client_id=x&state=a%26b", "/authorize?client_id=x&state=a%26b"),
        ("https://evil.example/", SETTINGS),
        ("//evil.example", SETTINGS),
        ("/\\evil.example", SETTINGS),
        ("javascript:alert(1)", SETTINGS),
        ("/.//evil.example/login", SETTINGS),
        ("/x/..//evil.example", SETTINGS),
        ("/%2e//evil.example", SETTINGS),
        (own.as_str(), SETTINGS),
        ("", SETTINGS),
    ] {
        let page = browser.get("/login").await;
        let form = page.form("/login");
        let form: Vec<_> = form.into_iter().filter(|(name, _)| name != "next").collect();
        let fields = [("next", next), ("username", "ada"), ("password", "ada-password")];
        let answer = browser.send("/login", &form, &fields).await;
        assert_eq!((answer.status, answer.location.as_deref()), (303, Some(way)), "{next}");
    }
    let page = browser.get("/login").await;
    let wrong =
        browser.send("/login", &page.form("/login"), &[("username", "ada"), ("password", "wrong")]).await;
    assert_eq!(wrong.status, 401);
    let page = browser.get(SETTINGS).await;
    let out = browser.send("/logout", &page.form("/logout"), &[]).await;
    assert_eq!(out.location.as_deref(), Some("/login"));
    assert_eq!(browser.get(SETTINGS).await.status, 303, "signed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_comes_by_token_to_the_same_workspace() {
    let server = Server::start().await;
    let by_key = server.client("ada", EVERYTHING).await;
    let task = succeed(&by_key, "create_task", json!({ "title": "Made with a key" })).await;

    let token = browser::authorize(&server, "ada", "tasks:read").await;
    let by_token = connect(server.url(), &token).await;
    assert_eq!(succeed(&by_token, "get_task", json!({ "task_id": task["id"] })).await, task);
    call(&by_token, "delete_task", json!({ "task_id": task["id"] })).await.expect_err("it may only read");

    // Deleting includes seeing, and consent says so.
    let deletes = connect(server.url(), &browser::authorize(&server, "ada", "tasks:delete").await).await;
    assert_eq!(succeed(&deletes, "get_task", json!({ "task_id": task["id"] })).await, task);

    let foreign = connect(server.url(), &browser::authorize(&server, "bob", "tasks:read").await).await;
    assert_eq!(refused(&foreign, "get_task", json!({ "task_id": task["id"] })).await.0, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_keys_are_refused() {
    let server = Server::start().await;
    let key = server.key("ada", EVERYTHING).await;
    assert_eq!(server.status_with(&key).await, 200);
    for at in [0, 8, 20, key.len() - 1] {
        let mut bytes = key.clone().into_bytes();
        bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        let wrong = String::from_utf8(bytes).unwrap();
        assert_eq!(server.status_with(&wrong).await, 401, "another character at {at}");
    }
    let new = mcp_auth_core::verify::api_key::NewKey::new("elsewhere", "ada").environment("staging");
    let staging = server.running.keys().create(new).await.unwrap();
    assert_eq!(server.status_with(staging.expose_secret()).await, 401, "of another environment");
    let in_query =
        reqwest::Client::new().post(server.at(&format!("/mcp?access_token={key}"))).send().await.unwrap();
    assert!(in_query.status().is_client_error() && in_query.status() != 200);
    assert_eq!(reqwest::get(server.at("/readyz")).await.unwrap().status(), 200);
}

/// Everything that is logged in this process.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Logged;

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_and_who_fails_to_is_logged() {
    let subscriber = tracing_subscriber::fmt().with_writer(|| Logged).with_ansi(false);
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let server = Server::with(&["--user", "grace:grace-password"]).await;
    let browser = Browser::signed_in(&server, "grace").await;
    let page = browser.get("/login").await;
    let fields = [("username", "grace"), ("password", "guessed-password")];
    assert_eq!(browser.send("/login", &page.form("/login"), &fields).await.status, 401);
    let logged = String::from_utf8(LOGGED.lock().unwrap().clone()).unwrap();
    let line = |part: &str| logged.lines().find(|line| line.contains(part)).unwrap_or_default();
    assert!(line("user=\"grace\"").contains("a user signed in"), "{logged}");
    assert!(line("sign_in_failed").contains("127.0.0.1"), "{logged}");
    assert!(!logged.contains("grace-password") && !logged.contains("guessed-password"));
}
