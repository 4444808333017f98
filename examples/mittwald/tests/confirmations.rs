//! Destructive tools are asked about, by what a real client can do, in both eras.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use mittwald_mcp::fake::SPARE_TOKEN_ID;
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};
use support::{EVERY_SCOPE, call, connect_as, server_with_authority, succeed, token};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_asked_and_decides() {
    let (running, authority) = server_with_authority().await;
    let token = token(&running, &authority, EVERY_SCOPE);
    for modern in [false, true] {
        let reluctant = connect_as(running.mcp_url(), &token, false, Some(modern)).await;
        let project = succeed(&reluctant, "project_list", json!({})).await[0].clone();
        assert!(reluctant.service().asked.lock().unwrap().is_empty(), "nobody is asked about reading");
        let arguments = json!({ "projectId": project["id"] });
        let declined = call(&reluctant, "project_delete", arguments.clone()).await.unwrap();
        assert_eq!(declined.is_error, Some(true));
        let text = serde_json::to_value(&declined).unwrap()["content"][0]["text"].clone();
        assert!(text.as_str().unwrap().contains("declined"), "{text}");
        let asked = reluctant.service().asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked[0].contains("mittwald_project_delete"), "{asked:?}");
        succeed(&reluctant, "project_get", arguments.clone()).await;

        let willing = connect_as(running.mcp_url(), &token, true, Some(modern)).await;
        succeed(&willing, "project_delete", arguments.clone()).await;
        assert_eq!(willing.service().asked.lock().unwrap().len(), 1);
        let gone = call(&willing, "project_get", arguments).await.unwrap();
        assert_eq!(gone.is_error, Some(true));
    }
    running.stop().await;
}

/// Whatever its model says about confirming.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_ask_deletes_nothing() {
    let (running, authority) = server_with_authority().await;
    let token = token(&running, &authority, EVERY_SCOPE);
    let config = StreamableHttpClientTransportConfig::with_uri(running.mcp_url()).auth_header(token.as_str());
    let client = ().serve(StreamableHttpClientTransport::from_config(config)).await.unwrap();
    for arguments in
        [json!({ "tokenId": SPARE_TOKEN_ID }), json!({ "tokenId": SPARE_TOKEN_ID, "confirm": true })]
    {
        let arguments = arguments.as_object().unwrap().clone();
        let revoke = CallToolRequestParams::new("mittwald_user_api_token_revoke").with_arguments(arguments);
        let refused = serde_json::to_value(client.call_tool(revoke).await.unwrap()).unwrap();
        assert_eq!(refused["isError"], true);
        assert!(refused["content"][0]["text"].as_str().unwrap().starts_with("Not run"), "{refused}");
    }
    let other = connect_as(running.mcp_url(), &token, true, None).await;
    let revoked: Value = succeed(&other, "user_api_token_revoke", json!({ "tokenId": SPARE_TOKEN_ID })).await;
    drop(revoked);
    running.stop().await;
}
