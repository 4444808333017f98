//! The tools for containers, stacks, backups and domains, called by a real client through the guard.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use mittwald_mcp::fake::{AUTH_CODE, READS_UNTIL_READY};
use serde_json::{Value, json};
use support::{Client, call, connect, fail, not_run, server_with_authority, succeed, token};

const SCOPES: &str = "project:read stack:delete backup:delete domain:read";
const FILE: &str = "
services:
  web:
    image: caddy:2
    ports: ['80:8080']
    environment: { API_KEY: hunter-two }
  store: { image: 'postgres:17', volumes: ['data:/var/lib/postgresql'] }
volumes: { data: }
";

async fn first_project(client: &Client) -> Value {
    succeed(client, "project_list", json!({})).await[0]["id"].clone()
}

#[tokio::test]
async fn containers_are_listed_read_and_restarted() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, SCOPES)).await;
    let project = first_project(&client).await;
    let all = succeed(&client, "container_list", json!({ "projectId": project })).await;
    let shop = &all[0];
    assert_eq!((&shop["serviceName"], &shop["status"]), (&json!("shop"), &json!("running")));
    assert_eq!(
        shop["deployedState"],
        json!({ "image": "nginx:1.27-alpine", "ports": ["80:80/tcp"] }),
        "an environment is not shown"
    );
    let of = |id: &Value| json!({ "projectId": project, "containerId": id });
    for (tail, lines) in [(json!(null), 100), (json!(3), 3), (json!(1000), 201)] {
        let mut input = of(&shop["id"]);
        input["tail"] = tail;
        let logs = succeed(&client, "container_logs", input).await;
        assert_eq!(logs["logs"].as_str().unwrap().lines().count(), lines);
        assert_eq!(logs["truncated"], false);
    }
    for tail in [0, 1001] {
        let mut input = of(&shop["id"]);
        input["tail"] = json!(tail);
        assert_eq!(fail(&client, "container_logs", input).await["meta"]["fields"][0]["path"], "tail");
    }

    succeed(&client, "container_restart", of(&shop["shortId"])).await;
    let all = json!({ "projectId": project });
    assert_eq!(succeed(&client, "container_list", all.clone()).await[0]["status"], "starting");
    for _ in 0..READS_UNTIL_READY {
        succeed(&client, "container_list", all.clone()).await;
    }
    assert_eq!(succeed(&client, "container_list", all).await[0]["status"], "running");
    let of_another_project = json!({ "projectId": "p-000002", "containerId": shop["id"] });
    for other in [of(&json!("c-none")), of_another_project] {
        assert_eq!(fail(&client, "container_logs", other.clone()).await["meta"]["kind"], "not_found");
        assert!(not_run(&client, "container_restart", other).await.contains("not found"));
    }
}

#[tokio::test]
async fn a_stack_is_replaced_and_emptied() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, SCOPES)).await;
    let project = first_project(&client).await;
    let before = succeed(&client, "stack_list", json!({ "projectId": project })).await[0].clone();
    let names = |stack: &Value| -> Vec<String> {
        let services = stack["services"].as_array().unwrap().iter();
        services.map(|service| service["serviceName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&before), ["shop", "store"]);

    let deploy = json!({ "stackId": before["id"], "composeYaml": FILE });
    let result = call(&client, "stack_deploy", deploy).await.unwrap();
    let stack = support::json_of(&result)["data"].clone();
    assert_eq!(names(&stack), ["store", "web"], "what is not in the file goes");
    assert!(!stack.to_string().contains("hunter-two"), "an environment is not shown");
    assert_eq!(stack["services"][0]["id"], before["services"][1]["id"], "what was there stays the same");
    assert_eq!(
        stack["services"][1]["deployedState"],
        json!({ "image": "caddy:2", "ports": ["80:8080/tcp"] })
    );
    assert_eq!(
        (&stack["services"][1]["status"], &stack["volumes"][0]["orphaned"]),
        (&json!("creating"), &json!(false))
    );

    let gone = succeed(&client, "stack_delete", json!({ "stackId": before["id"] })).await;
    assert_eq!(gone["services"], json!([]));
    assert_eq!(gone["volumes"][0]["orphaned"], true, "volumes are detached, not deleted");
    assert!(not_run(&client, "stack_delete", json!({ "stackId": "none" })).await.contains("not found"));
}

#[tokio::test]
async fn a_file_that_is_not_understood_changes_nothing() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, SCOPES)).await;
    let project = first_project(&client).await;
    let served = running.fake().unwrap().served();
    for (file, said) in [
        ("services: { web: { image: a, privileged: true } }".to_owned(), "privileged"),
        ("services: { web: { image: a, volumes: ['../a:/b'] } }".to_owned(), "a volume "),
        ("services: { web: { image: &a a, command: [*a] } }".to_owned(), "composeYaml"),
        ("services: {}".to_owned(), "no services"),
        (" ".repeat(70_000), "64 KiB"),
    ] {
        let deploy = json!({ "stackId": project, "composeYaml": file });
        let answer = not_run(&client, "stack_deploy", deploy).await;
        assert!(answer.contains("composeYaml") && answer.contains(said), "{answer}");
    }
    assert_eq!(running.fake().unwrap().served(), served, "nothing reached the API");
}

#[tokio::test]
async fn backups_are_made_by_hand_and_by_schedule_and_deleted() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, SCOPES)).await;
    let project = first_project(&client).await;
    let all = json!({ "projectId": project });
    let seeded = succeed(&client, "backup_list", all.clone()).await;
    assert_eq!((&seeded[0]["deletable"], &seeded[1]["deletable"]), (&json!(true), &json!(false)));

    let new = json!({ "projectId": project, "expires": "1y", "description": "before the update" });
    let made = succeed(&client, "backup_create", new).await;
    assert_eq!((&made["status"], &made["description"]), (&json!("Pending"), &json!("before the update")));
    for _ in 0..=READS_UNTIL_READY {
        succeed(&client, "backup_list", all.clone()).await;
    }
    assert_eq!(succeed(&client, "backup_list", all.clone()).await[2]["status"], "Completed");
    let one = json!({ "backupId": made["id"] });
    succeed(&client, "backup_delete", one.clone()).await;
    assert!(not_run(&client, "backup_delete", one).await.contains("not found"));
    let kept = not_run(&client, "backup_delete", json!({ "backupId": seeded[1]["id"] })).await;
    assert!(kept.contains("may not do this"), "{kept}");

    let new = json!({ "projectId": project, "schedule": "0 2 * * *", "ttl": "30d" });
    let schedule = succeed(&client, "backup_schedule_create", new).await;
    assert_eq!((&schedule["schedule"], &schedule["ttl"]), (&json!("0 2 * * *"), &json!("30d")));

    let served = running.fake().unwrap().served();
    for (tool, input, path) in [
        ("backup_create", json!({ "projectId": project, "expires": "6d" }), "expires"),
        ("backup_create", json!({ "projectId": project, "expires": "2020-01-01T00:00:00Z" }), "expires"),
        ("backup_create", json!({ "projectId": project, "expires": "soon" }), "expires"),
        (
            "backup_schedule_create",
            json!({ "projectId": project, "schedule": "* * * * *", "ttl": "7d" }),
            "schedule",
        ),
        (
            "backup_schedule_create",
            json!({ "projectId": project, "schedule": "0 2 * * *", "ttl": "6d" }),
            "ttl",
        ),
    ] {
        let answer = fail(&client, tool, input).await;
        assert_eq!(
            (&answer["meta"]["kind"], &answer["meta"]["fields"][0]["path"]),
            (&json!("invalid_input"), &json!(path))
        );
    }
    assert_eq!(running.fake().unwrap().served(), served, "nothing reached the API");
}

#[tokio::test]
async fn no_answer_holds_a_domains_code_or_a_containers_password() {
    let (running, authority) = server_with_authority().await;
    let client = connect(running.mcp_url(), &token(&running, &authority, SCOPES)).await;
    let project = first_project(&client).await;
    let domains = succeed(&client, "domain_list", json!({ "projectId": project })).await;
    assert_eq!(
        domains[0],
        json!({
            "domainId": "cccccccc-cccc-4ccc-8ccc-000000000001", "domain": "bakery.example.test",
            "connected": true, "nameservers": ["ns1.example.test", "ns2.example.test"],
        })
    );
    let other = succeed(&client, "domain_list", json!({ "projectId": "p-000002" })).await;
    assert_eq!(other, json!([]), "only the project's own");
    let stack = json!({ "stackId": project });
    for (tool, input) in [
        ("domain_list", json!({ "projectId": project })),
        ("container_list", json!({ "projectId": project })),
        ("stack_list", json!({ "projectId": project })),
        ("stack_delete", stack),
    ] {
        let said = serde_json::to_string(&call(&client, tool, input).await.unwrap()).unwrap();
        for secret in [AUTH_CODE, "authCode", "a password of a container", "handleRef"] {
            assert!(!said.contains(secret), "{tool} said {secret}");
        }
    }
}

#[tokio::test]
async fn each_scope_opens_its_tools_and_no_others() {
    let (running, authority) = server_with_authority().await;
    let http = reqwest::Client::new();
    let project = json!({ "projectId": "p-000001" });
    let container = json!({ "projectId": "p-000001", "containerId": "c-000001" });
    let stack = json!({ "stackId": "none" });
    let backup = json!({ "backupId": "none" });
    for (tool, input, opens, shuts, needed) in [
        ("container_list", &project, "read:containers", "project:delete", "stack:read"),
        ("container_logs", &container, "stack:read", "backup:read", "stack:read"),
        ("container_restart", &container, "stack:write", "stack:read", "stack:write"),
        ("stack_list", &project, "stack:read", "domain:read", "stack:read"),
        (
            "stack_deploy",
            &json!({ "stackId": "none", "composeYaml": FILE }),
            "write:containers",
            "read:containers",
            "stack:write",
        ),
        ("stack_delete", &stack, "write:containers", "stack:write", "stack:delete"),
        ("backup_list", &project, "read:backups", "stack:delete", "backup:read"),
        (
            "backup_create",
            &json!({ "projectId": "p-000001", "expires": "7d" }),
            "backup:write",
            "read:backups",
            "backup:write",
        ),
        ("backup_delete", &backup, "write:backups", "backup:write", "backup:delete"),
        (
            "backup_schedule_create",
            &json!({ "projectId": "p-000001", "schedule": "0 2 * * *", "ttl": "7d" }),
            "write:backups",
            "backup:read",
            "backup:write",
        ),
        ("domain_list", &project, "domain:read", "user:write", "domain:read"),
    ] {
        for (held, status) in [(opens, 200), (shuts, 403)] {
            let response = http
                .post(running.mcp_url())
                .bearer_auth(token(&running, &authority, held))
                .header("accept", "application/json, text/event-stream")
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", "tools/call")
                .header("mcp-name", format!("mittwald_{tool}"))
                .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                    "params": {
                        "name": format!("mittwald_{tool}"), "arguments": input,
                        "_meta": {
                            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                            "io.modelcontextprotocol/clientCapabilities": {},
                        },
                    } }))
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), status, "{tool} with {held}");
            if status == 403 {
                let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
                assert!(
                    challenge.contains("insufficient_scope") && challenge.contains(needed),
                    "{challenge}"
                );
            }
        }
    }
}
