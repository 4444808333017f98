//! What nobody should send, and what comes of it. Floods of wrong keys: `wrong_keys.rs`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod browser;
mod support;

use std::net::{IpAddr, Ipv4Addr};

use browser::{Browser, SETTINGS};
use mcp_auth_core::verify::api_key::NewKey;
use serde_json::{Value, json};
use support::{EVERYTHING, Server, User, call, connect, connect_as, refused, succeed};

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

fn from(address: Ipv4Addr) -> reqwest::Client {
    reqwest::Client::builder().local_address(IpAddr::V4(address)).build().unwrap()
}

async fn status(client: &reqwest::Client, url: &str, key: Option<&str>) -> u16 {
    let request = client.post(url).body(HELLO).header("content-type", "application/json");
    let request = request.header("accept", "application/json, text/event-stream");
    let request = key.into_iter().fold(request, |request, key| request.bearer_auth(key));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_in_its_header_and_as_it_was_given_only() {
    let server = Server::start().await;
    let key = server.key("ada", EVERYTHING).await;
    let client = reqwest::Client::new();
    for name in ["access_token", "api_key", "key", "token"] {
        let url = format!("{}?{name}={key}", server.url());
        let status = status(&client, &url, None).await;
        assert!(matches!(status, 400 | 401), "{name}: {status}");
    }
    for at in 0..key.len() {
        let mut wrong = key.clone().into_bytes();
        wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
        let wrong = String::from_utf8(wrong).unwrap();
        // Another address each time, so that it is the key that is refused.
        let client = from(Ipv4Addr::new(127, 0, 1, u8::try_from(at).unwrap()));
        assert_eq!(status(&client, server.url(), Some(&wrong)).await, 401, "another character at {at}");
    }
    for environment in ["staging", "development"] {
        let new = NewKey::new("elsewhere", "ada").environment(environment);
        let key = server.running.keys().create(new).await.unwrap().expose_secret().to_owned();
        assert_eq!(status(&client, server.url(), Some(&key)).await, 401, "{environment}");
    }
    assert_eq!(status(&client, server.url(), Some(&key)).await, 200);
    server.running.stop().await;
    let record = std::fs::read_to_string(server.data.path().join("audit.jsonl")).unwrap();
    assert!(!record.contains(&key[20..]), "no key stands in the record");
}

const NASTY: [&str; 5] = [
    "'; DROP TABLE changes; --",
    "\"><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} ${7*7} %s %n",
    "</textarea></title><!-- &lt;b&gt; -->",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_writes_is_text_on_every_page() {
    let server = Server::development().await;
    let ada = Browser::signed_in(&server, "ada").await;
    for nasty in NASTY {
        let new = NewKey::new(nasty, "ada").scopes(mcp_auth_core::ScopeSet::parse(EVERYTHING).unwrap());
        let created = server.running.keys().create(new).await.unwrap();
        let user = User::agrees();
        let client = connect_as(user.clone(), server.url(), created.expose_secret()).await;
        let new = json!({ "title": nasty, "description": nasty, "reason": nasty });
        let task = succeed(&client, "create_task", new).await;
        let patch =
            json!({ "task_id": task["id"], "title": format!("{nasty} "), "description": nasty.repeat(2) });
        succeed(&client, "update_task", patch).await;
        succeed(&client, "add_task_comment", json!({ "task_id": task["id"], "content": nasty })).await;
        succeed(&client, "start_time_tracking", json!({ "task_id": task["id"] })).await;
        succeed(&client, "stop_time_tracking", json!({ "summary": nasty })).await;
        succeed(&client, "delete_task", json!({ "task_id": task["id"], "reason": nasty })).await;
        let asked = user.asked.lock().unwrap().last().unwrap().clone();
        assert!(!asked.contains('<') && !asked.contains('>'), "{asked}");
        let key = format!("{SETTINGS}/keys/{}", created.key().id);
        let query: String = url::form_urlencoded::byte_serialize(nasty.as_bytes()).collect();
        for path in [
            &key,
            SETTINGS,
            "/settings/audit",
            &format!("/settings/audit?key={query}&tool={query}&outcome={query}"),
        ] {
            let page = ada.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            for raw in ["<script>alert", "<img src=x", "</textarea>", "<!--"] {
                assert!(!page.text.contains(raw), "{raw} on {path}: {}", page.text);
            }
        }
        let page = ada.get(&key).await;
        assert_eq!(page.text.matches("/undo\"").count(), 4, "three of the task, one comment: {}", page.text);
    }
    for nasty in
        NASTY.iter().map(|nasty| url::form_urlencoded::byte_serialize(nasty.as_bytes()).collect::<String>())
    {
        assert_eq!(ada.get(&format!("{SETTINGS}/keys/{nasty}")).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_confirmed_one_version_one_changes_it() {
    let server = Server::start().await;
    let key = server.key("ada", EVERYTHING).await;
    let first = connect(server.url(), &key).await;
    let task = succeed(&first, "list_tasks", json!({ "limit": 1 })).await["items"][0].clone();
    let mut tries = Vec::new();
    for number in 0..8 {
        let client = connect(server.url(), &server.key("ada", EVERYTHING).await).await;
        let patch = json!({ "task_id": task["id"], "version": 1, "title": format!("Title {number}") });
        tries.push(tokio::spawn(async move { call(&client, "update_task", patch).await.unwrap() }));
    }
    let mut changed = 0;
    for each in tries {
        let result = serde_json::to_value(each.await.unwrap()).unwrap();
        let said = result["content"][0]["text"].as_str().unwrap_or_default();
        let is_done = result["isError"] == json!(false);
        assert!(is_done || said.contains("changed meanwhile"), "{result}");
        changed += usize::from(is_done);
    }
    assert_eq!(changed, 1);
    assert_eq!(succeed(&first, "get_task", json!({ "task_id": task["id"] })).await["version"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_is_good_for_its_own_workspace_and_call() {
    let server = Server::start().await;
    let (ada, bob) = (server.client("ada", EVERYTHING).await, server.client("bob", EVERYTHING).await);
    let task = succeed(&ada, "list_tasks", json!({ "limit": 1 })).await["items"][0].clone();
    let foreign = refused(&bob, "delete_task", json!({ "task_id": task["id"], "dry_run": true })).await;
    let unknown = refused(&bob, "delete_task", json!({ "task_id": "x", "dry_run": true })).await;
    assert_eq!(foreign, unknown, "a preview tells nothing of another workspace");
    for bad in [json!({ "dry_run": "yes" }), json!({ "dry_run": 1 }), json!({ "dry_run": "true" })] {
        let mut arguments: Value = bad.clone();
        arguments["title"] = json!("Never made");
        let answer = call(&ada, "create_task", arguments).await;
        assert!(answer.is_err() || answer.unwrap().is_error == Some(true), "{bad}");
    }
    assert_eq!(succeed(&ada, "list_tasks", json!({ "search": "Never made" })).await["total"], 0);
}
