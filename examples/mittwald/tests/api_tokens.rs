//! mStudio API tokens as `Authorization: Bearer`: roles, whose account is used, and what ends them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use mcp_auth_core::testing::Authority;
use mittwald_mcp::Running;
use mittwald_mcp::fake::{DEMO_RO_TOKEN, DEMO_RO_TOKEN_ID, DEMO_RW_TOKEN, FIRST_SERVER, SERVICE_TOKEN_ID};
use reqwest::Response;
use serde_json::{Value, json};
use support::{connect, fail, server, server_with_authority, succeed, token};

const LIST: &str = "mittwald_project_list";

/// One modern call without any client.
async fn post(running: &Running, token: &str, tool: &str, arguments: Value) -> Response {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments, "_meta": meta } });
    reqwest::Client::new()
        .post(running.mcp_url())
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .json(&body)
        .send()
        .await
        .unwrap()
}

fn challenge(answer: &Response) -> String {
    answer.headers()["www-authenticate"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn roles_are_scopes() {
    let running = server(&[]).await;
    let read_write = connect(running.mcp_url(), DEMO_RW_TOKEN).await;
    let create = json!({ "serverId": FIRST_SERVER, "description": "New" });
    succeed(&read_write, "project_create", create.clone()).await;

    let read_only = connect(running.mcp_url(), DEMO_RO_TOKEN).await;
    assert_eq!(
        read_only.list_all_tools().await.unwrap().len(),
        read_write.list_all_tools().await.unwrap().len()
    );
    assert_eq!(succeed(&read_only, "project_list", json!({})).await.as_array().unwrap().len(), 4);
    let refused = post(&running, DEMO_RO_TOKEN, "mittwald_project_create", create).await;
    assert_eq!(refused.status(), 403);
    let challenge = challenge(&refused);
    assert!(challenge.contains("insufficient_scope") && challenge.contains("project:write"), "{challenge}");
}

#[tokio::test]
async fn a_user_acts_with_their_own_token() {
    let (running, authority) = server_with_authority().await;
    let by_oauth = connect(running.mcp_url(), &token(&running, &authority, "project:read")).await;
    let by_token = connect(running.mcp_url(), DEMO_RW_TOKEN).await;
    // Without the service's token, only who brings their own goes on.
    succeed(&by_token, "user_api_token_revoke", json!({ "tokenId": SERVICE_TOKEN_ID })).await;
    succeed(&by_token, "project_list", json!({})).await;
    assert_eq!(fail(&by_oauth, "project_list", json!({})).await["meta"]["kind"], "service_token");
}

#[tokio::test]
async fn a_token_that_is_revoked_here_ends_at_once() {
    let running = server(&[]).await;
    assert_eq!(post(&running, DEMO_RO_TOKEN, LIST, json!({})).await.status(), 200);
    let client = connect(running.mcp_url(), DEMO_RW_TOKEN).await;
    succeed(&client, "user_api_token_revoke", json!({ "tokenId": DEMO_RO_TOKEN_ID })).await;
    let refused = post(&running, DEMO_RO_TOKEN, LIST, json!({})).await;
    assert_eq!(refused.status(), 401);
    assert!(challenge(&refused).contains("invalid_token"));
}

#[tokio::test]
async fn what_is_no_api_token_is_not_shown_to_the_api() {
    let running = server(&[]).await;
    let before = running.fake().unwrap().served();
    let jwt = Authority::start().await.unwrap().token(running.mcp_url()).sign();
    for token in [jwt.as_str(), "eyJhbGciOiJub25lIn0.e30.", "opaque", "user:demo:rw"] {
        assert_eq!(post(&running, token, LIST, json!({})).await.status(), 401, "{token}");
    }
    assert_eq!(running.fake().unwrap().served(), before);
    let unknown = post(&running, "11111111-1111-4111-8111-111111111112:demo:rw", LIST, json!({})).await;
    assert_eq!(unknown.status(), 401);
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_503_and_what_is_known_goes_on() {
    let running = server(&[]).await;
    assert_eq!(post(&running, DEMO_RW_TOKEN, LIST, json!({})).await.status(), 200);
    running.fake().unwrap().limit_requests(Some(0));
    let unavailable = post(&running, DEMO_RO_TOKEN, LIST, json!({})).await;
    assert_eq!(unavailable.status(), 503);
    assert!(unavailable.headers().contains_key("retry-after"));
    // The verdict is known; the tool says what the API says.
    assert_eq!(post(&running, DEMO_RW_TOKEN, LIST, json!({})).await.status(), 200);
}

#[tokio::test]
async fn other_tokens_of_an_issuer_are_introspected() {
    let authority = Authority::start().await.unwrap();
    authority.introspection_client("mcp", "hunter2");
    let url = authority.introspection_endpoint();
    let flags = [
        "--issuer",
        authority.issuer(),
        "--introspection-url",
        &url,
        "--introspection-client",
        "mcp:hunter2",
    ];
    let running = server(&flags).await;
    let good = authority.opaque_for(running.mcp_url(), "project:read");
    let client = connect(running.mcp_url(), &good).await;
    succeed(&client, "project_list", json!({})).await;
    succeed(&connect(running.mcp_url(), DEMO_RW_TOKEN).await, "project_list", json!({})).await;
    assert_eq!(post(&running, "opaque-and-unknown", LIST, json!({})).await.status(), 401);
}
