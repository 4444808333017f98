//! The fake API's tokens of the user's own: roles, and an end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod shapes;

use mittwald_mcp::fake::{
    DEMO_RO_TOKEN, DEMO_RO_TOKEN_ID, DEMO_RW_TOKEN, DEMO_RW_TOKEN_ID, FIRST_SERVER, Fake,
};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

async fn send(fake: &Fake, token: &str, method: Method, path: &str) -> Response {
    Client::new()
        .request(method, format!("{}{path}", fake.url()))
        .bearer_auth(token)
        .json(&json!({ "description": "New" }))
        .send()
        .await
        .unwrap()
}

async fn read(fake: &Fake, token: &str, method: Method, path: &str) -> Value {
    let response = send(fake, token, method, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn a_token_is_told_its_id_and_its_roles() {
    let fake = Fake::start("ada").await.unwrap();
    for (token, id, roles) in [
        (DEMO_RW_TOKEN, DEMO_RW_TOKEN_ID, json!(["api_read", "api_write"])),
        (DEMO_RO_TOKEN, DEMO_RO_TOKEN_ID, json!(["api_read"])),
    ] {
        let presented = read(&fake, token, Method::POST, "/users/self/credentials/token").await;
        assert_eq!(presented["id"], id);
        let one = read(&fake, token, Method::GET, &format!("/users/self/api-tokens/{id}")).await;
        shapes::api_token(&one);
        assert_eq!(one["roles"], roles);
        let all = read(&fake, token, Method::GET, "/users/self/api-tokens").await;
        all.as_array().unwrap().iter().for_each(shapes::api_token);
        assert!(all.as_array().unwrap().contains(&one));
        assert!(!all.to_string().contains(":demo:"), "no token is ever shown");
    }
}

#[tokio::test]
async fn who_only_reads_changes_nothing() {
    let fake = Fake::start("ada").await.unwrap();
    let create = format!("/servers/{FIRST_SERVER}/projects");
    let revoke = format!("/users/self/api-tokens/{DEMO_RW_TOKEN_ID}");
    for (method, path) in [(Method::POST, &create), (Method::DELETE, &revoke)] {
        let response = send(&fake, DEMO_RO_TOKEN, method, path).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
        shapes::problem(&response.json().await.unwrap());
    }
    assert_eq!(read(&fake, DEMO_RO_TOKEN, Method::GET, "/projects").await.as_array().unwrap().len(), 3);
    assert_eq!(send(&fake, DEMO_RW_TOKEN, Method::POST, &create).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_revoked_one_is_refused_and_the_other_goes_on() {
    let fake = Fake::start("ada").await.unwrap();
    let revoke = format!("/users/self/api-tokens/{DEMO_RO_TOKEN_ID}");
    assert_eq!(send(&fake, DEMO_RW_TOKEN, Method::DELETE, &revoke).await.status(), StatusCode::NO_CONTENT);
    for path in ["/users/self", "/users/self/api-tokens", "/projects"] {
        let response = send(&fake, DEMO_RO_TOKEN, Method::GET, path).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    read(&fake, DEMO_RW_TOKEN, Method::GET, "/users/self").await;
}
