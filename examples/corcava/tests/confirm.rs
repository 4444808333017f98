//! Changes are previewed and confirmed, on a running server, by real clients.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod browser;
mod support;

use browser::Browser;
use corcava_mcp::domain::{Domain, Id, PageRequest, TaskFilter};
use mcp_auth_core::time::Clock;
use serde_json::{Value, json};
use support::{Client, EVERYTHING, Server, User, call, connect_as, refused, succeed};
use tokio::runtime::Handle;

async fn text(client: &Client, tool: &'static str, arguments: Value) -> String {
    let result = serde_json::to_value(call(client, tool, arguments).await.unwrap()).unwrap();
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

async fn first_task(client: &Client) -> Value {
    succeed(client, "list_tasks", json!({ "search": "imprint" })).await["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_a_change_is_shown_field_by_field_and_takes_the_words() {
    let server = Server::start().await;
    let key = server.key("ada", EVERYTHING).await;
    let user = User::agrees();
    let client = connect_as(user.clone(), server.url(), &key).await;
    let task = first_task(&client).await;
    let id = task["id"].clone();
    assert_eq!(user.questions(), 0, "reading asks nothing");

    let new = json!({ "title": "Plan <b>the week</b>", "project_id": task["project_id"], "reason": "weekly planning" });
    let made = succeed(&client, "create_task", new).await;
    let shown = user.asked.lock().unwrap()[0].clone();
    assert!(shown.contains("title: \"–\" becomes \"Plan ‹b›the week‹/b›\""), "{shown}");
    assert!(shown.contains("project_id: \"–\" becomes \"Website relaunch\""), "names, not ids: {shown}");
    assert!(shown.contains("priority: \"–\" becomes \"high\""), "the project's own: {shown}");
    assert!(shown.contains("Created via MCP: weekly planning"), "{shown}");
    let comments = succeed(&client, "list_task_comments", json!({ "task_id": made["id"] })).await;
    assert_eq!(comments["items"][0]["content"], "Created via MCP: weekly planning");

    let patch = json!({ "task_id": id, "status": "done", "due_date": null });
    let changed = succeed(&client, "update_task", patch).await;
    let shown = user.asked.lock().unwrap()[1].clone();
    assert!(shown.contains("status: \"open\" becomes \"done\""), "{shown}");
    assert!(shown.contains("due_date: ") && shown.contains("becomes \"–\""), "{shown}");
    assert!(!shown.contains("title:"), "what stays is not listed: {shown}");
    assert_eq!(changed["version"], 2);
    let comments = succeed(&client, "list_task_comments", json!({ "task_id": id })).await;
    assert_eq!(
        comments["items"][0]["content"], "Updated via MCP: no reason was given",
        "each change says why"
    );

    for (tool, arguments) in [
        ("add_task_comment", json!({ "task_id": id, "content": "Looks good." })),
        ("start_time_tracking", json!({ "task_id": id })),
        ("stop_time_tracking", json!({ "summary": "Half of it." })),
    ] {
        let before = user.questions();
        succeed(&client, tool, arguments).await;
        assert_eq!(user.questions(), before + 1, "{tool}");
    }
    succeed(&client, "delete_task", json!({ "task_id": id })).await;
    let shown = user.asked.lock().unwrap().last().unwrap().clone();
    assert!(
        shown.contains("task: Write the imprint") || shown.contains("\"task: Write the imprint\""),
        "{shown}"
    );
    assert!(shown.contains("4 comments and time entries with it"), "{shown}");
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_words_and_a_no_change_nothing() {
    let server = Server::start().await;
    let key = server.key("ada", EVERYTHING).await;
    for (tool, words) in [
        ("update_task", Some("yes")),
        ("update_task", Some("confirm")),
        ("update_task", Some("DELETE CONFIRM")),
        ("update_task", None),
        ("delete_task", Some("CONFIRM")),
        ("delete_task", Some("ok")),
        ("delete_task", None),
    ] {
        let user = User::types(move |_, _| words.map(str::to_owned));
        let client = connect_as(user.clone(), server.url(), &key).await;
        let task = first_task(&client).await;
        let mut arguments = json!({ "task_id": task["id"] });
        if tool == "update_task" {
            arguments["title"] = json!("Not wanted");
        }
        let said = call(&client, tool, arguments).await;
        assert!(said.is_err() || said.unwrap().is_error == Some(true), "{tool} {words:?}");
        assert_eq!(first_task(&client).await, task, "{tool} {words:?}");
        assert_eq!(user.questions(), if words.is_some() { 3 } else { 1 }, "{tool} {words:?}");
    }
    // What a model writes about confirming means nothing.
    let client = connect_as(User::types(|_, _| None), server.url(), &key).await;
    let task = first_task(&client).await;
    let forged = json!({ "task_id": task["id"], "confirm": true, "phrase": "DELETE CONFIRM" });
    assert_eq!(call(&client, "delete_task", forged).await.unwrap().is_error, Some(true));
    assert_eq!(first_task(&client).await, task);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_happen_and_asks_nobody() {
    let server = Server::start().await;
    let user = User::agrees();
    let client = connect_as(user.clone(), server.url(), &server.key("ada", EVERYTHING).await).await;
    let task = first_task(&client).await;
    for (tool, mut arguments, says) in [
        ("create_task", json!({ "title": "Not made" }), "title: \"–\" becomes \"Not made\""),
        ("update_task", json!({ "title": "Not so" }), "title: \"Write the imprint\" becomes \"Not so\""),
        ("delete_task", json!({}), "Delete the task"),
        ("add_task_comment", json!({ "content": "Not said" }), "comment: Not said"),
        ("start_time_tracking", json!({}), "Start the timer on the task"),
    ] {
        arguments["dry_run"] = json!(true);
        if tool != "create_task" {
            arguments["task_id"] = task["id"].clone();
        }
        let said = text(&client, tool, arguments).await;
        assert!(said.starts_with("Dry run: nothing was changed.") && said.contains(says), "{tool}: {said}");
    }
    let said =
        refused(&client, "update_task", json!({ "task_id": "nothing", "title": "x", "dry_run": true })).await;
    assert_eq!(said, ("not_run".to_owned(), "there is no task with this id".to_owned()));
    assert_eq!((first_task(&client).await, user.questions()), (task.clone(), 0));
    assert_eq!(succeed(&client, "list_task_comments", json!({ "task_id": task["id"] })).await["total"], 0);
    assert_eq!(succeed(&client, "list_tasks", json!({})).await["total"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_meanwhile_is_shown_anew() {
    let server = Server::start().await;
    let key = server.key("ada", EVERYTHING).await;
    let other = connect_as(User::agrees(), server.url(), &key).await;
    let task = first_task(&other).await;
    let id = task["id"].clone();
    let (other, asks) = (std::sync::Arc::new(other), id.clone());
    // While the first question is read, somebody else changes the task.
    let user = User::types(move |number, demanded| {
        if number == 1 {
            let (other, id) = (other.clone(), asks.clone());
            Handle::current().block_on(async move {
                succeed(&other, "update_task", json!({ "task_id": id, "title": "Changed meanwhile" })).await
            });
        }
        Some(demanded.to_owned())
    });
    let client = connect_as(user.clone(), server.url(), &key).await;
    let changed = succeed(&client, "update_task", json!({ "task_id": id, "status": "blocked" })).await;
    assert_eq!((&changed["title"], &changed["version"]), (&json!("Changed meanwhile"), &json!(3)));
    let asked = user.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].contains("Write the imprint") && asked[1].contains("Changed meanwhile"), "{asked:?}");
}

/// What goes with a task is part of what is confirmed.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_attached_meanwhile_is_asked_about() {
    let server = Server::development().await;
    let key = server.key("ada", EVERYTHING).await;
    let other = std::sync::Arc::new(connect_as(User::agrees(), server.url(), &key).await);
    for is_comment in [true, false] {
        let id = succeed(&other, "create_task", json!({ "title": "To go" })).await["id"].clone();
        let (meanwhile, of) = (other.clone(), id.clone());
        let user = User::types(move |number, demanded| {
            let (other, id) = (meanwhile.clone(), of.clone());
            Handle::current().block_on(async move {
                if number == 1 && is_comment {
                    succeed(&other, "add_task_comment", json!({ "task_id": id, "content": "Keep" })).await;
                } else if number == 1 {
                    succeed(&other, "start_time_tracking", json!({ "task_id": id })).await;
                    succeed(&other, "stop_time_tracking", json!({})).await;
                }
            });
            Some(demanded.to_owned())
        });
        let client = connect_as(user.clone(), server.url(), &key).await;
        succeed(&client, "delete_task", json!({ "task_id": id })).await;
        let asked = user.asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert!(asked[0].contains("1 comments and time entries with it"), "{}", asked[0]);
        assert!(asked[1].contains("2 comments and time entries with it"), "{}", asked[1]);
    }
}

/// The timer that was shown is stopped, and no other.
#[tokio::test]
async fn another_timer_is_not_stopped() {
    let data = tempfile::tempdir().unwrap();
    let domain = Domain::open(&data.path().join("corcava.sqlite"), Clock::system()).await.unwrap();
    let workspace = domain.workspace_of("ada").await.unwrap();
    let task = workspace.tasks(&TaskFilter::default(), PageRequest::default()).await.unwrap().items.remove(0);
    let id = Id::parse(task.id.as_str()).unwrap();
    let shown = workspace.start_timer(&id).await.unwrap().entry_id;
    workspace.stop_timer(None, None).await.unwrap();
    workspace.start_timer(&id).await.unwrap();
    let refused = workspace.stop_timer(shown.as_deref(), None).await.unwrap_err();
    assert_eq!(refused.to_string(), "another timer runs by now: look again");
    assert!(workspace.tracking().await.unwrap().is_running);
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_changes_are_free_until_the_budget_is_used_up() {
    let server = Server::development().await;
    let user = User::agrees();
    let client = connect_as(user.clone(), server.url(), &server.key("ada", EVERYTHING).await).await;
    let begun = std::time::Instant::now();
    for number in 0..30 {
        succeed(&client, "create_task", json!({ "title": format!("Task {number}") })).await;
        if number == 19 && begun.elapsed().as_secs() < 3 {
            assert_eq!(user.questions(), 0, "within the budget");
        }
    }
    let refilled = begun.elapsed().as_secs() / 3 + 1;
    assert!(user.questions() as u64 + refilled >= 10, "{} after {begun:?}", user.questions());
    let before = user.questions();
    let task = first_task(&client).await;
    succeed(&client, "delete_task", json!({ "task_id": task["id"] })).await;
    assert_eq!(user.questions(), before + 1, "deletions are always confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_client_that_cannot_ask_a_person_decides_on_the_page() {
    let server = Server::start().await;
    let client = connect_as(User::unasked(), server.url(), &server.key("ada", EVERYTHING).await).await;
    let task = first_task(&client).await;
    let arguments = json!({ "task_id": task["id"], "reason": "clean-up" });
    let said = text(&client, "delete_task", arguments.clone()).await;
    let link = said.split("/approve?").nth(1).unwrap();
    let link: String = link.chars().take_while(|c| !c.is_whitespace() && *c != ')').collect();
    let link = format!("/approve?{}", link.trim_end_matches('.'));

    let stranger = Browser::new(&server).get(&link).await;
    assert_eq!(stranger.status, 303, "{}", stranger.text);
    assert!(stranger.location.unwrap().starts_with("/login?next=%2Fapprove%3Fid%3D"));
    let bob = Browser::signed_in(&server, "bob").await.get(&link).await;
    assert_eq!(bob.status, 404, "another user's call");
    let ada = Browser::signed_in(&server, "ada").await;
    let page = ada.get(&link).await;
    assert!(page.text.contains("Write the imprint") && page.text.contains("DELETE CONFIRM"), "{}", page.text);
    let code = page.between("name=\"form\" value=\"", "\"").unwrap();
    let id = link.split_once("id=").unwrap().1.to_owned();
    let form = [("form".to_owned(), code), ("id".to_owned(), id)];
    let weak = ada.send("/approve", &form, &[("decision", "approve"), ("typed", "yes")]).await;
    assert!(weak.text.contains("the words were not typed exactly"), "{}", weak.text);
    assert_eq!(first_task(&client).await, task, "not yet");
    let page = ada.get(&link).await;
    let code = page.between("name=\"form\" value=\"", "\"").unwrap();
    let form = [("form".to_owned(), code), form[1].clone()];
    let decided = ada.send("/approve", &form, &[("decision", "approve"), ("typed", "DELETE CONFIRM")]).await;
    assert!(decided.status < 400, "{}", decided.text);
    assert_eq!(succeed(&client, "delete_task", arguments.clone()).await["success"], true);
    assert_eq!(refused(&client, "delete_task", arguments).await.0, "not_run");
}
