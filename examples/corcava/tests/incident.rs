//! The record on the pages, and the drill: a key got out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod browser;
mod support;

use std::time::{Duration, Instant};

use browser::{Browser, Page, SETTINGS, authorize};
use corcava_mcp::start;
use mcp_auth_core::audit::chain::{CheckpointKey, Verify, files};
use serde_json::{Value, json};
use support::{Client, EVERYTHING, Server, call, connect, options, succeed};

const AUDIT: &str = "/settings/audit";

async fn created(server: &Server, browser: &Browser, name: &str) -> (String, String) {
    let fields = [("name", name), ("environment", "development"), ("lifetime", "30"), ("scope", EVERYTHING)];
    let page = browser.get(SETTINGS).await;
    let made = browser.send(&format!("{SETTINGS}/keys"), &page.form("/keys"), &fields).await;
    let key = made.key().unwrap();
    assert_eq!(server.status_with(&key).await, 200);
    let page = browser.get(SETTINGS).await;
    let before = &page.text[..page.text.find(&format!("<h3>{name}</h3>")).unwrap()];
    let id = before.rsplit("id=\"key-").next().unwrap().split('"').next().unwrap().to_owned();
    (key, id)
}

async fn task(client: &Client, title: &str) -> Value {
    succeed(client, "list_tasks", json!({ "search": title })).await["items"][0].clone()
}

/// The ids of the changes that the page offers to undo, the newest first.
fn undoable(page: &Page) -> Vec<String> {
    let parts = page.text.split("/changes/").skip(1);
    parts.map(|part| part.split('/').next().unwrap().to_owned()).collect()
}

async fn undo(browser: &Browser, page: &Page, change: &str) -> Page {
    let action = format!("/settings/changes/{change}/undo");
    browser.send(&action, &page.form(&format!("/changes/{change}/undo")), &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_got_out_is_ended_looked_at_and_undone() {
    let server = Server::development().await;
    let browser = Browser::signed_in(&server, "ada").await;
    let (key, id) = created(&server, &browser, "stolen-laptop").await;
    let own = server.client("ada", EVERYTHING).await;
    let imprint = task(&own, "imprint").await;
    let domain = task(&own, "domain").await;
    let talk = succeed(&own, "list_task_comments", json!({ "task_id": domain["id"] })).await;
    assert_eq!(talk["total"], 1);

    let thief = connect(server.url(), &key).await;
    let spam = succeed(&thief, "create_task", json!({ "title": "Buy <script>now</script>" })).await;
    let patch =
        json!({ "task_id": imprint["id"], "title": "Defaced", "status": "done", "reason": "because" });
    succeed(&thief, "update_task", patch).await;
    succeed(&thief, "update_task", json!({ "task_id": imprint["id"], "description": "Again" })).await;
    succeed(&thief, "add_task_comment", json!({ "task_id": imprint["id"], "content": "Visit me" })).await;
    succeed(&thief, "delete_task", json!({ "task_id": domain["id"] })).await;

    // 1. Revoke: at once.
    let at = format!("{SETTINGS}/keys/{id}");
    let page = browser.get(&at).await;
    assert_eq!(page.status, 200);
    let begun = Instant::now();
    let revoked = browser.send(&format!("{at}/revoke"), &page.form("/revoke"), &[]).await;
    assert_eq!((revoked.status, revoked.location.as_deref()), (303, Some(at.as_str())));
    assert_eq!(server.status_with(&key).await, 401);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(call(&thief, "list_tasks", json!({})).await.is_err());

    // 2. and 3. What it did, and what it changed, before and after.
    let page = browser.get(&at).await;
    for part in
        ["This key is refused", "create_task", "delete_task", "revoke a key", "succeeded", "127.0.0.1"]
    {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(page.text.contains("confirmed: elicitation (asserted by client)"), "{}", page.text);
    assert!(!page.text.contains("<script>now"), "data is text");
    assert!(page.text.contains("<th scope=\"row\">title</th><td>Write the imprint</td><td>Defaced</td>"));
    assert!(page.text.contains("Reason: because"));
    let changes = undoable(&page);
    assert_eq!(changes.len(), 5, "{}", page.text);
    let bob = Browser::signed_in(&server, "bob").await;
    assert_eq!(bob.get(&at).await.status, 404, "another user's key");

    // Undo: the first of two changes waits for the second.
    let first_update = &changes[3];
    assert_eq!(undo(&browser, &page, first_update).await.status, 409);
    for change in &changes {
        let page = browser.get(&at).await;
        let done = undo(&browser, &page, change).await;
        assert_eq!(done.status, 303, "{change}: {}", done.text);
        assert_eq!(undo(&browser, &page, change).await.status, 409, "once");
    }
    let same = |now: &Value, then: &Value| {
        [
            "id",
            "title",
            "description",
            "status",
            "due_date",
            "project_id",
            "board_id",
            "assignee_id",
            "created_at",
        ]
        .iter()
        .all(|field| now[field] == then[field])
    };
    assert!(same(&task(&own, "imprint").await, &imprint));
    assert!(same(&task(&own, "domain").await, &domain));
    assert_eq!(
        succeed(&own, "list_task_comments", json!({ "task_id": domain["id"] })).await["items"],
        talk["items"]
    );
    let gone = call(&own, "get_task", json!({ "task_id": spam["id"] })).await.unwrap();
    assert_eq!(gone.is_error, Some(true));
    let comments = succeed(&own, "list_task_comments", json!({ "task_id": imprint["id"] })).await;
    assert!(!comments.to_string().contains("Visit me"), "{comments}");
    assert!(undoable(&browser.get(&at).await).is_empty());
    let record = browser.get(&format!("{AUDIT}?tool=undo+a+change&outcome=succeeded")).await;
    let back = "<th scope=\"row\">title</th><td>Defaced</td><td>Write the imprint</td>";
    assert!(record.text.contains(back), "{}", record.text);

    // 4. A new key.
    let (new, _) = created(&server, &browser, "new-laptop").await;
    assert_eq!(server.status_with(&new).await, 200);
    server.running.stop().await;
}

/// More than a page of changes: what can be undone comes first, and links lead to all of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_many_changes_is_undone_as_well() {
    let server = Server::development().await;
    let browser = Browser::signed_in(&server, "ada").await;
    let (key, id) = created(&server, &browser, "busy-script").await;
    let client = connect(server.url(), &key).await;
    let first = succeed(&client, "create_task", json!({ "title": "The first of all" })).await;
    let mut last = Value::Null;
    for number in 1..=100 {
        last = succeed(&client, "create_task", json!({ "title": format!("Task {number}") })).await;
    }
    // What cannot be undone takes no place from what can.
    succeed(&client, "start_time_tracking", json!({ "task_id": last["id"] })).await;
    succeed(&client, "stop_time_tracking", json!({})).await;
    let own = format!("{SETTINGS}/keys/{id}");
    for at in [own.as_str(), "/settings/changes"] {
        let newest = browser.get(at).await;
        assert_eq!(undoable(&newest).len(), 100, "{at}");
        assert!(newest.text.contains("1–100 of 103") && !newest.text.contains("The first of all"));
        let way = newest.between("rel=\"next\" href=\"", "\"").expect("a way on");
        let oldest = browser.get(&way).await;
        assert!(oldest.text.contains("101–103 of 103") && oldest.text.contains("The first of all"), "{way}");
        assert_eq!((undoable(&oldest).len(), oldest.between("rel=\"next\"", "\"")), (1, None));
        let back = oldest.between("rel=\"prev\" href=\"", "\"").expect("a way back");
        assert_eq!(undoable(&browser.get(&back).await), undoable(&newest));
        let german = browser.get(&format!("{at}?offset=100&lang=de")).await;
        assert!(german.text.contains("101–103 von 103") && german.text.contains("Vorherige Änderungen"));
        assert_eq!(browser.get(&format!("{at}?lang=en")).await.status, 200);
        for (wrong, status) in [("-1", 400), ("x", 400), ("99999999999", 400), ("103", 404)] {
            assert_eq!(browser.get(&format!("{at}?offset={wrong}")).await.status, status, "{wrong}");
        }
    }
    let oldest = browser.get(&format!("{own}?offset=100")).await;
    let undone = undo(&browser, &oldest, &undoable(&oldest)[0]).await;
    assert_eq!((undone.status, undone.location), (303, Some(format!("{own}?offset=100#changes"))));
    let gone = call(&client, "get_task", json!({ "task_id": first["id"] })).await.unwrap();
    assert_eq!(gone.is_error, Some(true));
    let oldest = browser.get(&format!("{own}?offset=100")).await;
    assert!(undoable(&oldest).is_empty() && oldest.text.contains("undone</span>"), "{}", oldest.text);
    server.running.stop().await;
}

/// A task that others have written on since is not undone with what they wrote.
#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_creation_takes_nothing_that_came_later() {
    let server = Server::development().await;
    let browser = Browser::signed_in(&server, "ada").await;
    let own = server.client("ada", EVERYTHING).await;
    let changes = async || browser.get("/settings/changes").await;
    for is_comment in [true, false] {
        let made = succeed(&own, "create_task", json!({ "title": "Kept" })).await["id"].clone();
        let created = undoable(&changes().await).remove(0);
        if is_comment {
            succeed(&own, "update_task", json!({ "task_id": made, "status": "done" })).await;
            let updated = undoable(&changes().await).remove(0);
            assert_eq!(undo(&browser, &changes().await, &updated).await.status, 303);
            succeed(&own, "add_task_comment", json!({ "task_id": made, "content": "Mine" })).await;
        } else {
            succeed(&own, "start_time_tracking", json!({ "task_id": made })).await;
            succeed(&own, "stop_time_tracking", json!({})).await;
        }
        assert_eq!(undo(&browser, &changes().await, &created).await.status, 409);
        succeed(&own, "get_task", json!({ "task_id": made })).await;
        if is_comment {
            // The later changes first: then nothing is lost.
            let commented = undoable(&changes().await).remove(0);
            assert_eq!(undo(&browser, &changes().await, &commented).await.status, 303);
            assert_eq!(undo(&browser, &changes().await, &created).await.status, 303);
            let gone = call(&own, "get_task", json!({ "task_id": made })).await.unwrap();
            assert_eq!(gone.is_error, Some(true));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_says_who_did_what_and_is_whole() {
    let server = Server::development().await;
    let browser = Browser::signed_in(&server, "ada").await;
    let (key, id) = created(&server, &browser, "cursor-work-laptop").await;
    let client = connect(server.url(), &key).await;
    let first = task(&client, "imprint").await;
    succeed(&client, "create_task", json!({ "title": "Recorded" })).await;
    call(&client, "get_task", json!({ "task_id": "nothing" })).await.unwrap();
    // What a key may not do is refused, and recorded.
    let reader = server.client("ada", "tasks:read").await;
    for _ in 0..5 {
        call(&reader, "delete_task", json!({ "task_id": first["id"] })).await.unwrap_err();
    }
    let mut wrong = key.clone();
    wrong.truncate(key.len() - 1);
    assert_eq!(server.status_with(&wrong).await, 401);
    let bob = server.client("bob", EVERYTHING).await;
    succeed(&bob, "create_task", json!({ "title": "Of bob" })).await;

    let page = browser.get(AUDIT).await;
    for part in
        ["verified", "cursor-work-laptop", "create_task", "create a key", "insufficient_scope", "denied"]
    {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(
        page.text.contains("Five refusals (401, 403) in five minutes</span><span class=\"badge wrong\">seen"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("Ten deletions in five minutes</span><span class=\"badge\">quiet"),
        "{}",
        page.text
    );
    assert!(page.text.contains("Refused callers"), "{}", page.text);
    assert!(!page.text.contains(&key) && !page.text.contains(&wrong));

    let rows = |page: &Page| page.text.matches("<strong class=\"what\">").count();
    let all = rows(&page);
    let writes = browser.get(&format!("{AUDIT}?tool=create_task&outcome=succeeded")).await;
    assert_eq!(rows(&writes), 1, "of ada's only: {}", writes.text);
    let of_key = browser.get(&format!("{AUDIT}?key=cursor-work-laptop")).await;
    assert!(rows(&of_key) > 2 && rows(&of_key) < all);
    assert_eq!(rows(&browser.get(&format!("{AUDIT}?key=%27%3B--")).await), 0);

    let export = browser.get(&format!("{AUDIT}/export")).await;
    assert_eq!(export.status, 200);
    let events: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), all);
    assert!(events.iter().all(|event| event["principal"]["subject"] == "ada"));
    let made = events.iter().find(|event| event["target"] == "create_task").unwrap();
    assert_eq!((&made["key"]["name"], &made["outcome"]), (&json!("cursor-work-laptop"), &json!("succeeded")));
    assert_eq!((&made["params"]["title"], &made["key"]["id"]), (&json!("Recorded"), &json!(id)));
    // Which key was made, and for what: found again from the record alone.
    let made = events.iter().find(|event| event["target"] == "create a key").unwrap();
    assert_eq!(made["result"], json!({ "key_id": id }), "{made}");
    let asked = json!({ "name": "cursor-work-laptop", "environment": "development", "scopes": [EVERYTHING], "days": 30 });
    assert_eq!(made["params"], asked);
    assert_eq!(Browser::new(&server).get(AUDIT).await.status, 303, "nobody else sees it");
    assert_eq!(Browser::new(&server).get(&format!("{AUDIT}/export")).await.status, 303);

    // Somebody changes a line.
    let path = server.data.path().join("audit.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(Verify::default().files(&files(&path).unwrap(), |_| {}).is_ok());
    std::fs::write(&path, text.replacen("Recorded", "Recorder", 1)).unwrap();
    let page = browser.get(AUDIT).await;
    assert!(page.text.contains("<span class=\"badge wrong\">broken</span>"), "{}", page.text);
    std::fs::write(&path, text).unwrap();
    server.running.stop().await;
}

/// Somebody takes the oldest records away: what is left is whole, and not all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_its_beginning_is_broken() {
    let Server { running, data } = Server::start().await;
    running.stop().await;
    let path = data.path().join("audit.jsonl");
    let again = |flags: &[&str]| {
        let users = ["--user", "ada:ada-password", "--user", "bob:bob-password"];
        start(options(data.path().to_str().unwrap(), &[&users, flags].concat()))
    };
    // Cut where no signature is missed.
    again(&[]).await.unwrap().stop().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let key = CheckpointKey::load_or_create(&path.with_extension("key")).unwrap().public_key();
    let first = (1..text.lines().count()).find_map(|gone| {
        std::fs::write(&path, text.split_inclusive('\n').skip(gone).collect::<String>()).unwrap();
        let report = Verify::default().key(key).files(&files(&path).unwrap(), |_| {});
        report.ok().map(|report| report.first).filter(|first| *first > 1)
    });
    let first = first.expect("a place to cut");
    for (flags, says) in [
        (&[][..], format!("broken</span> The record begins with number {first}")),
        (&["--audit-archived"][..], "verified</span>".to_owned()),
    ] {
        let server = Server { running: again(flags).await.unwrap(), data: tempfile::tempdir().unwrap() };
        let page = Browser::signed_in(&server, "ada").await.get(AUDIT).await;
        assert!(page.text.contains(&says), "{says}: {}", page.text);
        server.running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connected_applications_are_listed_and_ended() {
    let server = Server::start().await;
    let token = authorize(&server, "ada", "tasks:read tasks:write").await;
    assert_eq!(server.status_with(&token).await, 200);
    let browser = Browser::signed_in(&server, "ada").await;
    // What an application changed is undone as well, and has no key.
    let made =
        succeed(&connect(server.url(), &token).await, "create_task", json!({ "title": "By app" })).await;
    let page = browser.get("/settings/changes").await;
    assert!(page.text.contains("Task: By app"), "{}", page.text);
    let change = undoable(&page).remove(0);
    let undone = undo(&browser, &page, &change).await;
    assert_eq!((undone.status, undone.location.as_deref()), (303, Some("/settings/changes")));
    let own = server.client("ada", EVERYTHING).await;
    assert_eq!(call(&own, "get_task", json!({ "task_id": made["id"] })).await.unwrap().is_error, Some(true));
    assert_eq!(undo(&Browser::signed_in(&server, "bob").await, &page, &change).await.status, 403);
    assert_eq!(Browser::new(&server).get("/settings/changes").await.status, 303);

    let page = browser.get(SETTINGS).await;
    let connected = page.between("id=\"connections\"", "</section>").unwrap();
    assert!(connected.contains("<h3>app</h3>") && connected.contains("tasks:read"), "{connected}");
    let id = page.between("/connections/", "/end").unwrap();
    let path = format!("{SETTINGS}/connections/{id}/end");

    let bob = Browser::signed_in(&server, "bob").await;
    let of_bob = bob.get(SETTINGS).await;
    assert!(!of_bob.text.contains("/connections/"));
    assert_eq!(bob.send(&path, &of_bob.form("/logout"), &[]).await.status, 403);
    assert_eq!(server.status_with(&token).await, 200);

    let ended = browser.send(&path, &page.form(&format!("/connections/{id}/end")), &[]).await;
    assert_eq!(ended.status, 303, "{}", ended.text);
    assert_eq!(server.status_with(&token).await, 401);
    assert!(!browser.get(SETTINGS).await.text.contains("/connections/"));
    let again = browser.send(&path, &page.form(&format!("/connections/{id}/end")), &[]).await;
    assert_eq!(again.status, 404);
    assert!(browser.get(AUDIT).await.text.contains("disconnect an application"));
    let export = browser.get(&format!("{AUDIT}/export?tool=disconnect+an+application")).await;
    let events: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [ended, again] = events.as_slice() else { panic!("{}", export.text) };
    assert_eq!((&ended["outcome"], &again["outcome"]), (&json!("succeeded"), &json!("failed")));
    assert_eq!((&ended["params"]["connection"], &again["params"]["connection"]), (&json!(id), &json!(id)));
    assert_eq!((&ended["params"]["name"], again["params"].get("name")), (&json!("app"), None), "{ended}");
    assert!(ended["params"]["client"].as_str().is_some_and(|client| !client.is_empty()), "{ended}");
    let export = browser.get(&format!("{AUDIT}/export?tool=undo+a+change")).await;
    assert!(export.text.contains(&format!("\"params\":{{\"change\":\"{change}\"}}")), "{}", export.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_can_be_elsewhere_or_off() {
    let server = Server::with(&["--audit", "off", "--user", "ada:ada-password"]).await;
    let browser = Browser::signed_in(&server, "ada").await;
    assert!(browser.get(AUDIT).await.text.contains("Calls are not recorded"));
    assert_eq!(browser.get(&format!("{AUDIT}/export")).await.status, 404);
    assert!(!server.data.path().join("audit.jsonl").exists());
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("calls.jsonl");
    let flag = format!("jsonl:{}", path.display());
    let server = Server::with(&["--audit", &flag, "--user", "ada:ada-password"]).await;
    succeed(&server.client("ada", EVERYTHING).await, "list_tasks", json!({})).await;
    server.running.stop().await;
    assert!(std::fs::read_to_string(&path).unwrap().contains("list_tasks"));
}
