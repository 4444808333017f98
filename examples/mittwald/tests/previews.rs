//! What a person is shown before each destructive tool runs: the thing itself, from the API's data.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;

use mittwald_mcp::fake::{AUTH_CODE, DEMO_RW_TOKEN, DEMO_RW_TOKEN_ID, SERVICE_TOKEN_ID, SPARE_TOKEN_ID};
use mittwald_mcp::tools::Mittwald;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use support::{
    Client, EVERY_SCOPE, call, connect, connect_as, not_run, server_with_authority, succeed, token,
};

const PROJECT: &str = "22222222-2222-4222-8222-000000000001";
const APP: &str = "33333333-3333-4333-8333-000000000001";
const DATABASE: &str = "44444444-4444-4444-8444-000000000001";
const BACKUP: &str = "bbbbbbbb-bbbb-4bbb-8bbb-000000000001";
const UNDOABLE: &str = "This can be undone.";
const FINAL: &str = "This cannot be undone.";
const FILE: &str = "
services:
  shop: { image: 'nginx:1.28' }
  web: { image: 'caddy:2', environment: { API_KEY: hunter-two } }
volumes: { uploads: }
";

/// Nobody is ever shown these.
const SECRETS: [&str; 5] = ["a password of a container", AUTH_CODE, "hunter-two", DEMO_RW_TOKEN, "API_KEY"];

/// Each destructive tool, a call of it, and what its question says.
fn questions() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    vec![
        (
            "project_delete",
            json!({ "projectId": "p-000001" }),
            vec![
                "Project Bakery website (p-000001)",
                "App WordPress (a-000001)",
                "Database Statistics (mysql_000002)",
                "Container store (postgres:17)",
                "Volume data",
                "Domain bread.example.test",
                "Removes (12)",
                "Affected in all: 12",
                FINAL,
            ],
        ),
        (
            "app_update",
            json!({ "installationId": "a-000001", "description": "Blog", "documentRoot": "/public" }),
            vec![
                "Change WordPress 6.5.3, WordPress (a-000001)",
                "description: \"WordPress\" becomes \"Blog\"",
                "document root: \"the app's own\" becomes \"/public\"",
                UNDOABLE,
            ],
        ),
        (
            "app_uninstall",
            json!({ "installationId": APP }),
            vec!["WordPress 6.5.3, WordPress (a-000001)", "Affected in all: 1", FINAL],
        ),
        (
            "database_mysql_delete",
            json!({ "databaseId": DATABASE }),
            vec![
                "Database WordPress (mysql_000001, MySQL 8.0)",
                "Database user dbu_000001",
                "Affected in all: 2",
                FINAL,
            ],
        ),
        (
            "container_restart",
            json!({ "projectId": PROJECT, "containerId": "c-000001" }),
            vec![
                "Restart container shop (nginx:1.27-alpine, c-000001)",
                "status: \"running\" becomes \"restarts\"",
                "Affected in all: 1",
                FINAL,
            ],
        ),
        (
            "stack_deploy",
            json!({ "stackId": PROJECT, "composeYaml": FILE }),
            vec![
                "Replace what stack default (p-000001) runs",
                "- Container web (caddy:2)",
                "- Volume uploads",
                "container shop: \"nginx:1.27-alpine\" becomes \"nginx:1.28, with the settings of the file\"",
                "volume data: \"attached\" becomes \"detached, with its data\"",
                "Removes (1):\n- Container store (postgres:17, c-000002)",
                "Affected in all: 5",
                FINAL,
            ],
        ),
        (
            "stack_delete",
            json!({ "stackId": PROJECT }),
            vec![
                "Container shop (nginx:1.27-alpine, c-000001)",
                "Container store (postgres:17, c-000002)",
                "volume data: \"attached\" becomes \"detached, with its data\"",
                "Affected in all: 3",
                FINAL,
            ],
        ),
        (
            "backup_delete",
            json!({ "backupId": BACKUP }),
            vec![BACKUP, "2024-01-15T08:00:00.000Z", "kept until 2099-12-31", "Affected in all: 1", FINAL],
        ),
        (
            "user_api_token_revoke",
            json!({ "tokenId": SPARE_TOKEN_ID }),
            vec!["API token Spare", SPARE_TOKEN_ID, "api_read, api_write", "Affected in all: 1", FINAL],
        ),
    ]
}

/// Everything that the account shows, to compare.
async fn world(client: &Client) -> Vec<Value> {
    let mut all = vec![succeed(client, "project_list", json!({})).await];
    for list in ["app_list", "database_mysql_list", "container_list", "stack_list", "backup_list"] {
        all.push(succeed(client, list, json!({ "projectId": PROJECT })).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_destructive_tool_is_asked_about_by_the_real_thing() {
    let destructive: BTreeSet<String> = Mittwald::tools()
        .into_iter()
        .filter(|tool| tool.annotations.as_ref().is_some_and(|hints| hints.destructive_hint == Some(true)))
        .map(|tool| tool.name.to_string())
        .collect();
    let asked_about = questions().into_iter().map(|(tool, ..)| format!("mittwald_{tool}")).collect();
    assert_eq!((destructive.len(), &destructive), (9, &asked_about), "every one, and nothing else");

    let (running, authority) = server_with_authority().await;
    let token = token(&running, &authority, EVERY_SCOPE);
    for modern in [true, false] {
        let client = connect_as(running.mcp_url(), &token, false, Some(modern)).await;
        let before = world(&client).await;
        for (tool, arguments, said) in questions() {
            assert!(not_run(&client, tool, arguments).await.contains("declined"), "{tool}");
            let asked = client.service().take_asked();
            assert_eq!(asked.len(), 1, "{tool}: {asked:?}");
            assert!(asked[0].contains(&format!("Tool: mittwald_{tool}")), "{}", asked[0]);
            for words in said {
                assert!(asked[0].contains(words), "{tool}: {words} is not in\n{}", asked[0]);
            }
            for secret in SECRETS {
                assert!(!asked[0].contains(secret), "{tool} shows {secret}");
            }
            assert!(!asked[0].contains(running.fake().unwrap().token().expose_secret()), "{tool}");
        }
        assert_eq!(world(&client).await, before, "nothing ran");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_changed_meanwhile_is_asked_about_again() {
    let (running, authority) = server_with_authority().await;
    let token = token(&running, &authority, EVERY_SCOPE);
    for (modern, app) in [(true, "a-000001"), (false, "a-000002")] {
        let client = connect_as(running.mcp_url(), &token, true, Some(modern)).await;
        let fake = running.fake().unwrap();
        let change = reqwest::Client::new()
            .patch(format!("{}/app-installations/{app}", fake.url()))
            .header("x-access-token", fake.token().expose_secret())
            .json(&json!({ "description": "The only shop" }));
        *client.service().meanwhile.lock().unwrap() = Some(Box::new(|| {
            Box::pin(async move { drop(change.send().await.unwrap().error_for_status().unwrap()) })
        }));
        succeed(&client, "app_uninstall", json!({ "installationId": app })).await;
        let asked = client.service().take_asked();
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert!(!asked[0].contains("The only shop") && asked[1].contains("The only shop"), "{asked:?}");
        assert!(
            not_run(&client, "app_uninstall", json!({ "installationId": app })).await.contains("not found")
        );
    }
    running.stop().await;
}

/// A name that the scopes would not let them list is not told by a question either.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_more_than_they_may_see() {
    let (running, authority) = server_with_authority().await;
    let token = token(&running, &authority, "project:delete database:read");
    let client = connect_as(running.mcp_url(), &token, false, Some(true)).await;
    not_run(&client, "project_delete", json!({ "projectId": "p-000001" })).await;
    let asked = client.service().take_asked().concat();
    for shown in ["App: 2 that this connection may not see", "Domain: 2", "Database WordPress", ": 12\n"] {
        assert!(asked.contains(shown), "{shown}: {asked}");
    }
    for hidden in ["a-000001", "postgres", "example.test"] {
        assert!(!asked.contains(hidden), "{asked}");
    }
    running.stop().await;
}

/// What was shown, who says that it was agreed to, and no password of the file that was sent.
#[tokio::test(flavor = "multi_thread")]
async fn the_record_holds_what_was_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let running = support::server(&["--audit", &format!("jsonl:{}", path.display())]).await;
    let client = connect(running.mcp_url(), DEMO_RW_TOKEN).await;
    succeed(&client, "stack_deploy", json!({ "stackId": PROJECT, "composeYaml": FILE })).await;
    drop(client);
    running.stop().await;
    let record = std::fs::read_to_string(path).unwrap();
    for kept in ["mittwald_stack_deploy", "Container store (postgres:17, c-000002)", "asserted by client"] {
        assert!(record.contains(kept), "{kept} is not in {record}");
    }
    for secret in SECRETS.into_iter().chain(["caddy:2', environment"]) {
        assert!(!record.contains(secret), "{secret} is in the record");
    }
}

/// Whoever brings their own API token is shown what that token shows; without the service's, others are shown nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_looked_at_with_the_callers_own_token() {
    let (running, authority) = server_with_authority().await;
    let by_oauth = connect(running.mcp_url(), &token(&running, &authority, EVERY_SCOPE)).await;
    for modern in [true, false] {
        let by_token = connect_as(running.mcp_url(), DEMO_RW_TOKEN, true, Some(modern)).await;
        if modern {
            succeed(&by_token, "user_api_token_revoke", json!({ "tokenId": SERVICE_TOKEN_ID })).await;
            assert!(by_token.service().take_asked().concat().contains("API token MCP server"));
        }
        let app = if modern { "a-000001" } else { "a-000002" };
        succeed(&by_token, "app_uninstall", json!({ "installationId": app })).await;
        assert!(by_token.service().take_asked().concat().contains(app));
    }
    let database = json!({ "databaseId": DATABASE });
    assert!(call(&by_oauth, "database_mysql_delete", database.clone()).await.is_err(), "503");
    assert!(by_oauth.service().take_asked().is_empty(), "nobody is asked about what cannot be seen");
    let by_token = connect(running.mcp_url(), DEMO_RW_TOKEN).await;
    succeed(&by_token, "database_mysql_get", database).await;
    succeed(&by_token, "user_api_token_revoke", json!({ "tokenId": DEMO_RW_TOKEN_ID })).await;
    let asked = by_token.service().take_asked().concat();
    assert!(asked.contains("the API token that this connection itself uses"), "{asked}");
    running.stop().await;
}
