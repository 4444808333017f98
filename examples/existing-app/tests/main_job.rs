//! An MCP client meets the service: it signs in through the service's own login page and acts as that user.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod harness;

use harness::{App, Person, REDIRECT};
use reqwest::StatusCode;
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::service::RunningService;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationManager, AuthorizationRequest, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, serde_json::json};

/// Goes the whole way with a real MCP client; the person is `person`.
async fn authorize(app: &App, person: &Person, scopes: &[&str]) -> AuthorizationManager {
    let refused = reqwest::Client::new().post(app.url("/mcp")).json(&json!({})).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.contains("resource_metadata="), "{challenge}");

    let mut state = OAuthState::new(app.url("/mcp"), None).await.unwrap();
    let request =
        AuthorizationRequest::new(REDIRECT).with_client_name("notes test").with_challenge(challenge);
    state.start_authorization(request.with_scopes(scopes.iter().copied())).await.unwrap();
    let callback = person.walk(app, &state.get_authorization_url().await.unwrap()).await;
    state.handle_callback_url(&callback).await.unwrap();
    state.into_authorization_manager().unwrap()
}

async fn connect(app: &App, manager: AuthorizationManager) -> RunningService<RoleClient, ()> {
    let http = AuthClient::new(reqwest::Client::new(), manager);
    let config = StreamableHttpClientTransportConfig::with_uri(app.url("/mcp"));
    ().serve(StreamableHttpClientTransport::with_client(http, config)).await.unwrap()
}

async fn call(client: &RunningService<RoleClient, ()>, request: CallToolRequestParams) -> String {
    let answer = client.call_tool(request).await.unwrap();
    answer.content[0].as_text().unwrap().text.clone()
}

#[tokio::test]
async fn tools_act_on_the_notes_of_who_signed_in() {
    let app = App::start().await;
    let (ada, grace) = (Person::new("ada", "analytical engine"), Person::new("grace", "nanoseconds"));
    let scopes = ["notes:read", "notes:write"];
    let adas = connect(&app, authorize(&app, &ada, &scopes).await).await;
    let graces = connect(&app, authorize(&app, &grace, &scopes).await).await;

    let mut names: Vec<_> =
        adas.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["add_note", "list_notes"]);

    let new = json!({ "text": "Bernoulli numbers" }).as_object().cloned().unwrap();
    call(&adas, CallToolRequestParams::new("add_note").with_arguments(new)).await;
    let list = || CallToolRequestParams::new("list_notes");
    assert_eq!(call(&adas, list()).await, "Weave algebraic patterns\nWrite to Charles\nBernoulli numbers");
    assert_eq!(call(&graces, list()).await, "Catch the moth");

    // The same data as on the service's own page and in its API, by the service's own session.
    assert!(ada.text(&app, "/").await.contains("Bernoulli numbers"));
    assert_eq!(grace.text(&app, "/api/notes").await, r#"["Catch the moth"]"#);
}

#[tokio::test]
async fn an_ordinary_route_takes_the_same_token() {
    let app = App::start().await;
    let ada = Person::new("ada", "analytical engine");
    let bare = reqwest::Client::new();
    let token = authorize(&app, &ada, &["notes:read"]).await.get_access_token().await.unwrap();
    let answer = bare.get(app.url("/api/export")).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), r#"["Weave algebraic patterns","Write to Charles"]"#);

    let token = authorize(&app, &ada, &["notes:write"]).await.get_access_token().await.unwrap();
    let answer = bare.get(app.url("/api/export")).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().contains("notes:read"));

    // The session is no substitute for a token, and a token none for the session.
    assert_eq!(ada.get(&app, "/api/export").await.status(), StatusCode::UNAUTHORIZED);
    let token = authorize(&app, &ada, &["notes:read"]).await.get_access_token().await.unwrap();
    let answer = bare.get(app.url("/api/notes")).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
