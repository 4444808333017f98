//! The states before and after a change, in the record of calls.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod browser;
mod support;

use browser::Browser;
use serde_json::{Value, json};
use support::{EVERYTHING, Server, User, connect_as, succeed};

/// Changes what can be changed, one after the other; then what the record says of each: tool, before, after.
async fn recorded(server: &Server, browser: &Browser) -> Vec<(String, Value, Value)> {
    let user = User::agrees();
    let client = connect_as(user, server.url(), &server.key("ada", EVERYTHING).await).await;
    let made = succeed(&client, "create_task", json!({ "title": "First", "description": "Long" })).await;
    let id = made["id"].clone();
    let patch = json!({ "task_id": id, "title": "Second", "description": null });
    succeed(&client, "update_task", patch).await;
    succeed(&client, "add_task_comment", json!({ "task_id": id, "content": "Said" })).await;
    succeed(&client, "start_time_tracking", json!({ "task_id": id })).await;
    succeed(&client, "stop_time_tracking", json!({})).await;
    succeed(&client, "list_tasks", json!({})).await;
    let refused =
        support::call(&client, "update_task", json!({ "task_id": "nothing", "title": "Third" })).await;
    assert_eq!(refused.unwrap().is_error, Some(true));
    succeed(&client, "delete_task", json!({ "task_id": id })).await;

    let export = browser.get("/settings/audit/export?outcome=succeeded").await;
    let events = export.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let calls = events.filter(|event| event["method"] == "tools/call");
    calls
        .map(|event| {
            let tool = event["target"].as_str().unwrap().to_owned();
            (tool, event["before"].clone(), event["after"].clone())
        })
        .collect()
}

fn check(recorded: &[(String, Value, Value)]) {
    let tools: Vec<_> = recorded.iter().map(|(tool, ..)| tool.as_str()).collect();
    let expected = [
        "create_task",
        "update_task",
        "add_task_comment",
        "start_time_tracking",
        "stop_time_tracking",
        "list_tasks",
        "delete_task",
    ];
    assert_eq!(tools, expected);
    let [created, updated, commented, started, stopped, listed, deleted] = recorded else {
        panic!("{recorded:?}")
    };
    assert_eq!((&created.1, &created.2["title"]), (&Value::Null, &json!("First")));
    assert_eq!((&updated.1["title"], &updated.2["title"]), (&json!("First"), &json!("Second")));
    assert_eq!((&updated.1["description"], &updated.2["description"]), (&json!("Long"), &Value::Null));
    assert_eq!((&updated.1["version"], &updated.2["version"]), (&json!(1), &json!(2)));
    assert_eq!((&commented.1, &commented.2["content"]), (&Value::Null, &json!("Said")));
    assert_eq!((&started.1, &started.2["is_running"]), (&Value::Null, &json!(true)));
    assert_eq!((&stopped.1["task_title"], &stopped.2["task_id"]), (&json!("Second"), &updated.2["id"]));
    assert_eq!((&listed.1, &listed.2), (&Value::Null, &Value::Null), "a read leaves no states");
    assert_eq!((&deleted.1["title"], &deleted.2), (&json!("Second"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_recorded_with_what_was_and_what_is() {
    let server = Server::development().await;
    let browser = Browser::signed_in(&server, "ada").await;
    check(&recorded(&server, &browser).await);
    let page = browser.get("/settings/audit?tool=update_task&outcome=succeeded").await;
    let row = "<th scope=\"row\">title</th><td>First</td><td>Second</td>";
    assert!(page.text.contains(row) && page.text.contains("<td>Long</td><td>–</td>"), "{}", page.text);
    let page = browser.get("/settings/audit?tool=list_tasks").await;
    assert!(!page.text.contains("class=\"diff\""), "{}", page.text);
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_confirmed_is_recorded_in_the_same_way() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, "ada").await;
    check(&recorded(&server, &browser).await);
    server.running.stop().await;
}
