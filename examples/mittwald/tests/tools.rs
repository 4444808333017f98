//! The tools, called by a real client through the guard.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use mittwald_mcp::fake::{FIRST_SERVER, READS_UNTIL_READY, SERVICE_TOKEN_ID, SPARE_TOKEN_ID};
use serde_json::{Value, json};
use support::{EVERY_SCOPE, call, connect, fail, not_run, server_with_authority, succeed, token};

#[tokio::test]
async fn every_tool_is_listed_and_does_what_it_says() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, EVERY_SCOPE)).await;
    let mut tools: Vec<String> =
        client.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name.to_string()).collect();
    tools.sort();
    assert_eq!(tools.len(), 27, "{tools:?}");
    assert!(tools.iter().all(|name| name.starts_with("mittwald_")));

    let user = succeed(&client, "user_get", json!({})).await;
    assert_eq!(user["person"]["firstName"], "ada");
    let same = succeed(&client, "user_get", json!({ "userId": user["userId"] })).await;
    assert_eq!(user, same);
    assert_eq!(succeed(&client, "server_list", json!({})).await[0]["id"], FIRST_SERVER);
    assert_eq!(succeed(&client, "org_list", json!({})).await[0]["projectCount"], 3);

    let made =
        succeed(&client, "project_create", json!({ "serverId": FIRST_SERVER, "description": "New" })).await;
    let project = json!({ "projectId": made["id"] });
    assert_eq!(succeed(&client, "project_get", project.clone()).await["isReady"], false);
    assert_eq!(succeed(&client, "project_list", json!({})).await.as_array().unwrap().len(), 4);

    let new = json!({ "projectId": made["id"], "description": "Shop", "version": "8.0" });
    let created = succeed(&client, "database_mysql_create", new).await;
    assert!(created["password"].as_str().unwrap().len() >= 32);
    let database = json!({ "databaseId": created["id"] });
    for _ in 0..READS_UNTIL_READY {
        assert_eq!(succeed(&client, "database_mysql_get", database.clone()).await["status"], "pending");
    }
    let ready = succeed(&client, "database_mysql_get", database.clone()).await;
    assert_eq!((&ready["status"], &ready["isReady"]), (&json!("ready"), &json!(true)));
    assert!(!ready.to_string().contains(created["password"].as_str().unwrap()));
    assert_eq!(succeed(&client, "database_mysql_list", project.clone()).await.as_array().unwrap().len(), 1);
    succeed(&client, "database_mysql_delete", database.clone()).await;
    assert_eq!(fail(&client, "database_mysql_get", database).await["meta"]["kind"], "not_found");

    let first = succeed(&client, "project_list", json!({})).await[0]["id"].clone();
    let apps = succeed(&client, "app_list", json!({ "projectId": first })).await;
    let app = json!({ "installationId": apps[0]["id"] });
    assert_eq!(succeed(&client, "app_get", app.clone()).await["phase"], "ready");
    let update = json!({ "installationId": apps[0]["id"], "description": "Blog", "documentRoot": "/public" });
    succeed(&client, "app_update", update).await;
    assert_eq!(succeed(&client, "app_get", app.clone()).await["description"], "Blog");
    succeed(&client, "app_uninstall", app.clone()).await;
    fail(&client, "app_get", app).await;

    succeed(&client, "project_delete", project.clone()).await;
    fail(&client, "project_get", project).await;
    succeed(&client, "user_api_token_revoke", json!({ "tokenId": SPARE_TOKEN_ID })).await;
    let twice = not_run(&client, "user_api_token_revoke", json!({ "tokenId": SPARE_TOKEN_ID })).await;
    assert!(twice.contains("not found"), "{twice}");
    running.stop().await;
}

#[tokio::test]
async fn ids_cannot_leave_their_path_segment() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, EVERY_SCOPE)).await;
    let before = running.fake().unwrap().served();
    for id in [
        "..",
        ".",
        "../users/self",
        "a/b",
        "a%2f..%2fb",
        "%2e%2e",
        "a?limit=1",
        "a#b",
        "",
        "a\\b",
        "ä",
        "a\u{0}",
    ] {
        let bad: [(&str, Value); 16] = [
            ("user_get", json!({ "userId": id })),
            ("project_get", json!({ "projectId": id })),
            ("project_delete", json!({ "projectId": id })),
            ("project_create", json!({ "serverId": id, "description": "x" })),
            ("app_uninstall", json!({ "installationId": id })),
            ("database_mysql_list", json!({ "projectId": id })),
            ("database_mysql_delete", json!({ "databaseId": id })),
            ("user_api_token_revoke", json!({ "tokenId": id })),
            ("container_list", json!({ "projectId": id })),
            ("container_logs", json!({ "projectId": "p-000001", "containerId": id })),
            ("container_restart", json!({ "projectId": id, "containerId": "c-000001" })),
            ("stack_deploy", json!({ "stackId": id, "composeYaml": "services: { a: { image: b } }" })),
            ("stack_delete", json!({ "stackId": id })),
            ("backup_create", json!({ "projectId": id, "expires": "30d" })),
            ("backup_delete", json!({ "backupId": id })),
            ("domain_list", json!({ "projectId": id })),
        ];
        for (tool, arguments) in bad {
            let refused = match call(&client, tool, arguments).await {
                Ok(result) => result.is_error == Some(true),
                Err(_) => true,
            };
            assert!(refused, "{tool} took `{id}`");
        }
    }
    assert_eq!(running.fake().unwrap().served(), before, "nothing reached the API");
}

#[tokio::test]
async fn trouble_upstream_is_a_result_that_says_so() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, EVERY_SCOPE)).await;
    let fake = running.fake().unwrap();

    let bad = json!({ "serverId": FIRST_SERVER, "description": "" });
    let answer = fail(&client, "project_create", bad).await;
    assert_eq!(answer["meta"]["kind"], "invalid_input");
    assert_eq!(answer["meta"]["fields"][0]["path"], "description");

    fake.limit_requests(Some(0));
    let answer = fail(&client, "project_list", json!({})).await;
    assert_eq!(
        (&answer["meta"]["kind"], &answer["meta"]["retryAfterSeconds"]),
        (&json!("rate_limited"), &json!(1))
    );
    fake.limit_requests(None);

    succeed(&client, "user_api_token_revoke", json!({ "tokenId": SERVICE_TOKEN_ID })).await;
    let answer = fail(&client, "project_list", json!({})).await;
    assert_eq!(answer["meta"]["kind"], "service_token", "the service's token is no matter of the client's");
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, EVERY_SCOPE)).await;
    for number in 0..120 {
        let new = json!({ "serverId": FIRST_SERVER, "description": format!("Project {number}") });
        succeed(&client, "project_create", new).await;
    }
    assert_eq!(succeed(&client, "project_list", json!({})).await.as_array().unwrap().len(), 123);
}

#[tokio::test]
async fn a_missing_scope_is_403_with_the_scope_that_is_needed() {
    let (running, authority) = server_with_authority().await;
    let http = reqwest::Client::new();
    let before = running.fake().unwrap().served();
    for (held, tool, arguments, needed) in [
        (
            "project:read",
            "project_create",
            json!({ "serverId": FIRST_SERVER, "description": "x" }),
            "project:write",
        ),
        ("project:write", "project_delete", json!({ "projectId": "p-000001" }), "project:delete"),
        ("read:projects", "project_delete", json!({ "projectId": "p-000001" }), "project:delete"),
        ("app:write", "app_uninstall", json!({ "installationId": "a-000001" }), "app:delete"),
        ("user:read", "user_api_token_revoke", json!({ "tokenId": SPARE_TOKEN_ID }), "user:write"),
        ("project:delete", "database_mysql_list", json!({ "projectId": "p-000001" }), "database:read"),
    ] {
        let name = format!("mittwald_{tool}");
        let response = http
            .post(running.mcp_url())
            .bearer_auth(token(&running, &authority, held))
            .header("accept", "application/json, text/event-stream")
            .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": name, "arguments": arguments } }))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 403, "{tool} with {held}");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(
            challenge.contains("error=\"insufficient_scope\"") && challenge.contains(needed),
            "{challenge}"
        );
    }
    assert_eq!(running.fake().unwrap().served(), before, "nothing reached the API");
}

#[tokio::test]
async fn the_guides_spelling_opens_the_same_tools() {
    let (running, authority) = server_with_authority().await;
    let client =
        connect(running.mcp_url(), &token(&running, &authority, "write:projects read:databases")).await;
    let made =
        succeed(&client, "project_create", json!({ "serverId": FIRST_SERVER, "description": "New" })).await;
    let project = json!({ "projectId": made["id"] });
    succeed(&client, "project_get", project.clone()).await;
    succeed(&client, "database_mysql_list", project.clone()).await;
    succeed(&client, "project_delete", project).await;
}
