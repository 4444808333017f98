//! rmcp's own client and its own OAuth, against the running server, in both eras.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod server;
mod walker;

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientInitializeError, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthorizationCallback, AuthorizationManager, AuthorizationRequest, OAuthState,
};
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, InsufficientScopeError, StreamableHttpClientTransportConfig,
};
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};
use server::Server;

type Client = RunningService<RoleClient, ()>;
type Authorized = AuthClient<reqwest::Client>;

const REDIRECT: &str = "http://127.0.0.1:45999/callback";
const SERVER_ID: &str = "11111111-1111-4111-8111-111111111111";

fn mode(modern: bool) -> ClientLifecycleMode {
    if modern {
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
    } else {
        ClientLifecycleMode::Initialize
    }
}

/// The cause of this type, in a chain of errors.
fn cause<'e, T: std::error::Error + 'static>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e T> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}

/// 401, and from its challenge through registration, sign-in and consent to an authorized client.
async fn authorize(server: &Server, modern: bool) -> Authorized {
    let transport = StreamableHttpClientTransport::from_uri(server.url.clone());
    let refused = ().serve_with_lifecycle(transport, mode(modern)).await.expect_err("there is no token");
    let ClientInitializeError::TransportError { error, .. } = &refused else { panic!("{refused}") };
    let challenge: &AuthRequiredError = cause(error.error.as_ref()).expect("a challenge");

    let manager = AuthorizationManager::new(server.url.as_str()).await.unwrap();
    let mut state = OAuthState::Unauthorized(manager);
    let request = AuthorizationRequest::new(REDIRECT)
        .with_client_name("rmcp")
        .with_initial_scope_selection()
        .with_challenge(challenge.www_authenticate_header.clone());
    state.start_authorization(request).await.unwrap();
    let (back, _) = walker::walk(&state.get_authorization_url().await.unwrap()).await;
    state.handle_callback_url(&back).await.unwrap();
    AuthClient::new(reqwest::Client::new(), state.into_authorization_manager().unwrap())
}

async fn connect(server: &Server, authorized: &Authorized, modern: bool) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(server.url.clone());
    let transport = StreamableHttpClientTransport::with_client(authorized.clone(), config);
    ().serve_with_lifecycle(transport, mode(modern)).await.unwrap()
}

fn call(name: &'static str, arguments: Value) -> CallToolRequestParams {
    CallToolRequestParams::new(name).with_arguments(arguments.as_object().unwrap().clone())
}

async fn full(modern: bool) {
    let server = Server::start(&[]).await;
    let authorized = authorize(&server, modern).await;
    let client = connect(&server, &authorized, modern).await;
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 27);
    let listed = client.call_tool(call("mittwald_project_list", json!({}))).await.unwrap();
    assert_ne!(listed.is_error, Some(true));

    let create =
        call("mittwald_project_create", json!({ "serverId": SERVER_ID, "description": "made by rmcp" }));
    let refused = client.call_tool(create.clone()).await.expect_err("project:write was not granted");
    let ServiceError::TransportSend(error) = &refused else { panic!("{refused}") };
    let challenge: &InsufficientScopeError = cause(error.error.as_ref()).expect("a challenge");
    let scope = challenge.required_scope.clone().unwrap();
    assert!(scope.split(' ').any(|scope| scope == "project:write"), "{scope}");

    let url = authorized.auth_manager.lock().await.request_scope_upgrade(&scope).await.unwrap();
    let back = AuthorizationCallback::from_redirect_url(&walker::walk(&url).await.0).unwrap();
    let manager = authorized.auth_manager.lock().await;
    manager
        .exchange_code_for_token_with_issuer(&back.code, &back.csrf_token, back.issuer.as_deref())
        .await
        .unwrap();
    drop(manager);
    let client = connect(&server, &authorized, modern).await;
    let created = client.call_tool(create).await.unwrap();
    assert_ne!(created.is_error, Some(true), "{created:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn modern_full() {
    full(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_full() {
    full(false).await;
}

/// After a revocation the server answers 401, and a new authorization leads on.
async fn revoked(modern: bool) {
    let server = Server::start(&[]).await;
    let authorized = authorize(&server, modern).await;
    let client = connect(&server, &authorized, modern).await;
    client.call_tool(call("mittwald_project_list", json!({}))).await.unwrap();

    let (client_id, tokens) = authorized.auth_manager.lock().await.get_credentials().await.unwrap();
    let tokens = serde_json::to_value(tokens.unwrap()).unwrap();
    for kind in ["refresh_token", "access_token"] {
        let token = tokens.get(kind).and_then(Value::as_str).unwrap();
        let form = [("token", token), ("token_type_hint", kind), ("client_id", client_id.as_str())];
        let body = form.iter().fold(
            url::form_urlencoded::Serializer::new(String::new()),
            |mut body, (name, value)| {
                body.append_pair(name, value);
                body
            },
        );
        let mut body = body;
        let answer = reqwest::Client::new()
            .post(format!("{}/revoke", server.origin))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    client.call_tool(call("mittwald_project_list", json!({}))).await.expect_err("the token was revoked");

    let again = authorize(&server, modern).await;
    let client = connect(&server, &again, modern).await;
    client.call_tool(call("mittwald_project_list", json!({}))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn modern_revoked() {
    revoked(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_revoked() {
    revoked(false).await;
}

/// A token of two seconds is refreshed by the client itself.
async fn refreshed(modern: bool) {
    let server = Server::start(&["--access-token-ttl", "2s"]).await;
    let authorized = authorize(&server, modern).await;
    let client = connect(&server, &authorized, modern).await;
    let first = authorized.get_access_token().await.unwrap();
    let since = std::time::Instant::now();
    loop {
        client.call_tool(call("mittwald_project_list", json!({}))).await.unwrap();
        if authorized.get_access_token().await.unwrap() != first {
            break;
        }
        assert!(since.elapsed().as_secs() < 30, "the token was not refreshed");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    client.call_tool(call("mittwald_project_list", json!({}))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn modern_refreshed() {
    refreshed(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_refreshed() {
    refreshed(false).await;
}
