//! The tools, called by a real client with a key, through the guard.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::{EVERYTHING, Server, refused, succeed, titles, unreadable};

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_is_listed_and_does_what_it_says() {
    let server = Server::development().await;
    let client = server.client("ada", EVERYTHING).await;
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 14);

    let projects = succeed(&client, "list_projects", json!({})).await;
    assert_eq!((&projects["total"], &projects["has_more"]), (&json!(2), &json!(false)));
    let found = succeed(&client, "list_projects", json!({ "search": "WEBSITE" })).await;
    let project = found["items"][0]["id"].clone();
    let shown = succeed(&client, "get_project", json!({ "project_id": project })).await;
    assert_eq!(shown["name"], "Website relaunch");
    assert_eq!(shown["counts"], json!({ "boards": 1, "open": 2, "in_progress": 1, "done": 1, "blocked": 1 }));
    assert_eq!(shown["settings"], json!({ "default_priority": "high", "time_tracking": true }));
    let members = shown["members"].as_array().unwrap();
    let ada = members.iter().find(|member| member["name"] == "ada").unwrap()["id"].clone();

    assert_eq!(succeed(&client, "list_boards", json!({})).await["total"], 2);
    let boards = succeed(&client, "list_boards", json!({ "project_id": project })).await;
    let board = boards["items"][0]["id"].clone();
    let shown = succeed(&client, "get_board", json!({ "board_id": board })).await;
    assert_eq!(shown["states"], json!(["open", "in_progress", "done", "blocked"]));
    assert_eq!((&shown["columns"][0]["name"], &shown["columns"][0]["tasks"]), (&json!("To do"), &json!(2)));

    let new = json!({ "title": "Write the report", "board_id": board, "due_date": "2031-05-31",
                      "assignee_id": ada, "description": "Short.", "reason": "weekly planning" });
    let task = succeed(&client, "create_task", new).await;
    assert_eq!((&task["project_id"], &task["priority"]), (&project, &json!("high")), "the project's own");
    let id = task["id"].clone();
    assert_eq!(succeed(&client, "get_task", json!({ "task_id": id })).await, task);
    let reason = succeed(&client, "list_task_comments", json!({ "task_id": id })).await;
    assert_eq!(reason["items"][0]["content"], "Created via MCP: weekly planning");

    let patch = json!({ "task_id": id, "version": 1, "status": "in_progress", "description": null, "due_date": null });
    let changed = succeed(&client, "update_task", patch).await;
    assert_eq!(changed["version"], 2);
    assert_eq!((&changed["description"], &changed["due_date"]), (&Value::Null, &Value::Null));
    assert_eq!((&changed["title"], &changed["assignee_id"]), (&task["title"], &ada), "absent fields stay");

    let comment =
        succeed(&client, "add_task_comment", json!({ "task_id": id, "content": "Half done." })).await;
    assert_eq!((&comment["author"], &comment["task_id"]), (&json!("ada"), &id));

    assert_eq!(succeed(&client, "get_tracking_status", json!({})).await["is_running"], false);
    let started = succeed(&client, "start_time_tracking", json!({ "task_id": id })).await;
    assert_eq!((&started["is_running"], &started["task_title"]), (&json!(true), &task["title"]));
    assert_eq!(succeed(&client, "get_tracking_status", json!({})).await, started);
    let why = refused(&client, "delete_task", json!({ "task_id": id })).await.1;
    assert_eq!(why, "a timer runs on this task: stop it first");
    let stopped = succeed(&client, "stop_time_tracking", json!({ "summary": "Outline." })).await;
    assert!(stopped["duration_minutes"].is_number() && stopped["duration_hours"].is_number());
    let comments = succeed(&client, "list_task_comments", json!({ "task_id": id, "offset": 1 })).await;
    assert_eq!((&comments["total"], &comments["items"][2]["id"]), (&json!(4), &stopped["comment_id"]));

    // A comment and a timer that began and ended.
    let before = refused(&client, "delete_task", json!({ "task_id": id, "version": 2 })).await.1;
    assert_eq!(before, "the task was changed meanwhile: it is at version 5; read it again");
    let deleted = succeed(&client, "delete_task", json!({ "task_id": id, "version": 5 })).await;
    assert_eq!((&deleted["success"], &deleted["deleted_task_id"]), (&json!(true), &id));
    assert_eq!(refused(&client, "get_task", json!({ "task_id": id })).await.0, "not_found");
    assert_eq!(
        refused(&client, "delete_task", json!({ "task_id": id })).await.1,
        "there is no task with this id"
    );
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_pages() {
    let server = Server::development().await;
    let client = server.client("ada", EVERYTHING).await;
    let list = async |filter: Value| succeed(&client, "list_tasks", filter).await;
    let all = list(json!({})).await;
    assert_eq!((&all["total"], &all["limit"], &all["offset"]), (&json!(6), &json!(20), &json!(0)));
    assert_eq!(titles(&list(json!({ "status": "blocked" })).await), ["Move the domain"]);
    assert_eq!(titles(&list(json!({ "due_date": "none" })).await), ["Choose the fonts"]);
    assert_eq!(list(json!({ "due_date": "today" })).await["total"], 2);
    assert_eq!(list(json!({ "due_date": "overdue" })).await["total"], 0);
    let week = list(json!({ "due_date": "this_week" })).await;
    assert!(titles(&week).contains(&"Write the imprint"));
    assert!(!titles(&week).contains(&"Check contrast in dark mode"), "eight days are never this week");
    assert_eq!(titles(&list(json!({ "search": "refund" })).await), ["Answer the refund request"]);

    let first = list(json!({ "limit": 4 })).await;
    let second = list(json!({ "limit": 4, "offset": 4 })).await;
    assert_eq!((&first["has_more"], &second["has_more"]), (&json!(true), &json!(false)));
    assert_eq!([titles(&first), titles(&second)].concat(), titles(&all));
    assert_eq!(titles(&list(json!({ "offset": 4_000_000_000_u32 })).await), [""; 0]);
    for limit in [0, 101] {
        assert_eq!(refused(&client, "list_tasks", json!({ "limit": limit })).await.0, "invalid");
    }
    for bad in [
        json!({ "due_date": "next month" }),
        json!({ "status": "Done" }),
        json!({ "limit": -1 }),
        json!({ "projekt_id": "x" }),
    ] {
        unreadable(&client, "list_tasks", bad).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_bounds_is_refused_and_changes_nothing() {
    let server = Server::development().await;
    let client = server.client("ada", EVERYTHING).await;
    let task = succeed(&client, "list_tasks", json!({ "limit": 1 })).await["items"][0].clone();
    let id = &task["id"];
    for (bad, kind) in [
        (json!({ "title": "" }), "invalid"),
        (json!({ "title": "two\nlines" }), "invalid"),
        (json!({ "title": "x".repeat(301) }), "invalid"),
        (json!({ "description": "x".repeat(20_001) }), "invalid"),
        (json!({ "reason": "nothing else" }), "invalid"),
        (json!({ "version": 7, "title": "x" }), "changed"),
        (json!({ "project_id": "nothing" }), "not_found"),
        (json!({ "board_id": "nothing" }), "not_found"),
        (json!({ "assignee_id": "nobody" }), "not_found"),
    ] {
        let mut patch = bad.clone();
        patch["task_id"] = id.clone();
        assert_eq!(refused(&client, "update_task", patch).await.0, kind, "{bad}");
    }
    for bad in [json!({ "title": null }), json!({ "status": null }), json!({ "due_date": "31.5.2031" })] {
        let mut patch = bad.clone();
        patch["task_id"] = id.clone();
        unreadable(&client, "update_task", patch).await;
    }
    assert_eq!(succeed(&client, "get_task", json!({ "task_id": id })).await, task);

    // A board of another project; and moving between projects.
    let boards = succeed(&client, "list_boards", json!({})).await;
    let other =
        boards["items"].as_array().unwrap().iter().find(|board| board["project_id"] != task["project_id"]);
    let other = other.unwrap();
    let both = json!({ "task_id": id, "board_id": other["id"], "project_id": task["project_id"] });
    assert_eq!(refused(&client, "update_task", both).await.0, "invalid");
    let moved = succeed(&client, "update_task", json!({ "task_id": id, "board_id": other["id"] })).await;
    assert_eq!(moved["project_id"], other["project_id"], "the board's project");
    let back =
        succeed(&client, "update_task", json!({ "task_id": id, "project_id": task["project_id"] })).await;
    assert_eq!(back["board_id"], Value::Null, "it has left the other project's board");
}
