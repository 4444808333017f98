//! One workspace, and only that: by key, by scope, by whatever is written into a field.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::{EVERYTHING, Server, call, refused, succeed, unreadable};

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_does_not_exist() {
    let server = Server::development().await;
    let (ada, bob) = (server.client("ada", EVERYTHING).await, server.client("bob", EVERYTHING).await);
    let task = succeed(&ada, "list_tasks", json!({ "limit": 1 })).await["items"][0].clone();
    let project = succeed(&ada, "get_project", json!({ "project_id": task["project_id"] })).await;
    let member = &project["members"][0]["id"];
    let own = succeed(&bob, "list_tasks", json!({ "limit": 1 })).await["items"][0]["id"].clone();
    succeed(&ada, "start_time_tracking", json!({ "task_id": task["id"] })).await;
    let task = succeed(&ada, "get_task", json!({ "task_id": task["id"] })).await;

    for (tool, foreign, unknown) in [
        ("get_task", json!({ "task_id": task["id"] }), json!({ "task_id": "x" })),
        (
            "update_task",
            json!({ "task_id": task["id"], "title": "x" }),
            json!({ "task_id": "x", "title": "x" }),
        ),
        ("delete_task", json!({ "task_id": task["id"] }), json!({ "task_id": "x" })),
        ("list_task_comments", json!({ "task_id": task["id"] }), json!({ "task_id": "x" })),
        (
            "add_task_comment",
            json!({ "task_id": task["id"], "content": "x" }),
            json!({ "task_id": "x", "content": "x" }),
        ),
        ("start_time_tracking", json!({ "task_id": task["id"] }), json!({ "task_id": "x" })),
        ("get_project", json!({ "project_id": task["project_id"] }), json!({ "project_id": "x" })),
        ("get_board", json!({ "board_id": task["board_id"] }), json!({ "board_id": "x" })),
        ("list_boards", json!({ "project_id": task["project_id"] }), json!({ "project_id": "x" })),
        ("list_tasks", json!({ "board_id": task["board_id"] }), json!({ "board_id": "x" })),
        ("list_tasks", json!({ "assignee_id": member }), json!({ "assignee_id": "x" })),
        (
            "create_task",
            json!({ "title": "x", "board_id": task["board_id"] }),
            json!({ "title": "x", "board_id": "x" }),
        ),
        (
            "update_task",
            json!({ "task_id": own, "assignee_id": member }),
            json!({ "task_id": own, "assignee_id": "x" }),
        ),
        (
            "update_task",
            json!({ "task_id": own, "project_id": task["project_id"] }),
            json!({ "task_id": own, "project_id": "x" }),
        ),
    ] {
        let answer = refused(&bob, tool, foreign).await;
        // A deletion is looked at before it is asked about.
        assert_eq!(answer.0, if tool == "delete_task" { "not_run" } else { "not_found" }, "{tool}");
        assert!(answer.1.starts_with("there is no "), "{tool}: {answer:?}");
        assert_eq!(
            answer,
            refused(&bob, tool, unknown).await,
            "{tool}: what is foreign and what is nothing look the same"
        );
    }
    assert_eq!(succeed(&bob, "get_tracking_status", json!({})).await["is_running"], false);
    assert_eq!(succeed(&bob, "list_tasks", json!({ "search": "" })).await["total"], 6);
    assert_eq!(
        succeed(&ada, "get_task", json!({ "task_id": task["id"] })).await,
        task,
        "nothing was changed"
    );
    assert_eq!(succeed(&ada, "get_tracking_status", json!({})).await["task_id"], task["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_say() {
    let server = Server::development().await;
    let everything = server.client("ada", EVERYTHING).await;
    let task = succeed(&everything, "list_tasks", json!({ "limit": 1 })).await["items"][0]["id"].clone();
    for (held, tool, arguments, is_allowed) in [
        ("tasks:read", "list_tasks", json!({}), true),
        ("tasks:read", "create_task", json!({ "title": "x" }), false),
        ("tasks:read", "list_projects", json!({}), false),
        ("tasks:write", "get_task", json!({ "task_id": task }), true),
        ("tasks:write", "add_task_comment", json!({ "task_id": task, "content": "x" }), true),
        ("tasks:write", "delete_task", json!({ "task_id": task }), false),
        ("time:read", "get_tracking_status", json!({}), true),
        ("time:read", "start_time_tracking", json!({ "task_id": task }), false),
        ("projects:read", "get_task", json!({ "task_id": task }), false),
        ("projects:read", "list_boards", json!({}), true),
        ("tasks:delete", "update_task", json!({ "task_id": task, "title": "x" }), false),
        ("tasks:delete", "delete_task", json!({ "task_id": task }), true),
    ] {
        let client = server.client("ada", held).await;
        assert_eq!(call(&client, tool, arguments).await.is_ok(), is_allowed, "{tool} with {held}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_what_is_read() {
    let server = Server::development().await;
    let client = server.client("ada", EVERYTHING).await;
    let before = succeed(&client, "list_tasks", json!({})).await["total"].as_i64().unwrap();
    let texts = [
        "'; DROP TABLE tasks; --",
        "\" OR \"1\"=\"1",
        "<script>alert(1)</script>",
        "100% _ \\ ?1 :name @x $y",
        "{{ 7 * 7 }} ${7*7} `id`",
        "\u{1f9ea} ä ß \u{202e}",
        "null",
    ];
    for text in texts {
        let new = json!({ "title": text, "description": text, "reason": text });
        let task = succeed(&client, "create_task", new).await;
        assert_eq!((&task["title"], &task["description"]), (&json!(text), &json!(text)));
        let patch = json!({ "task_id": task["id"], "title": format!("{text}!"), "description": text });
        let changed = succeed(&client, "update_task", patch).await;
        assert_eq!(changed["title"], format!("{text}!"));
        let comment = json!({ "task_id": task["id"], "content": text });
        assert_eq!(succeed(&client, "add_task_comment", comment).await["content"], text);
        let found = succeed(&client, "list_tasks", json!({ "search": text })).await;
        assert_eq!(found["total"], 1, "{text} is a text to search for");
        assert_eq!(succeed(&client, "list_projects", json!({ "search": text })).await["total"], 0);
        for field in ["task_id", "project_id", "board_id"] {
            let tool = match field {
                "task_id" => "get_task",
                "project_id" => "get_project",
                _ => "get_board",
            };
            if text == "null" {
                assert_eq!(refused(&client, tool, json!({ (field): text })).await.0, "not_found");
            } else {
                unreadable(&client, tool, json!({ (field): text })).await;
            }
        }
    }
    let after = succeed(&client, "list_tasks", json!({})).await["total"].as_i64().unwrap();
    assert_eq!(after, before + i64::try_from(texts.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_are_refused() {
    let server = Server::development().await;
    let client = server.client("ada", EVERYTHING).await;
    for text in ["a\u{0}b", "a\u{1b}[31mb", "a\u{7f}"] {
        for new in [json!({ "title": text }), json!({ "title": "x", "description": text })] {
            assert_eq!(refused(&client, "create_task", new).await.0, "invalid");
        }
    }
    assert_eq!(succeed(&client, "list_tasks", json!({})).await["total"], json!(6) as Value);
}
