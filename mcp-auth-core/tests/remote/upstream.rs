//! The service's own tokens, shown to its API.

use std::time::Duration;

use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::upstream::{UpstreamPrincipal, UpstreamVerifier, UpstreamVerifierBuilder};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, VerifierRouter};
use serde::Deserialize;

use super::server::Server;
use super::{refused, unavailable, verify};

const TOKEN: &str = "11111111-1111-4111-8111-111111111111:demo:rw";

#[derive(Deserialize)]
struct User {
    id: String,
}

#[derive(Deserialize)]
struct Token {
    roles: Vec<String>,
}

fn builder(server: &Server) -> UpstreamVerifierBuilder {
    UpstreamVerifier::builder(format!("{}/v2/users/self", server.origin))
        .also_post(format!("{}/v2/check", server.origin))
        .then({
            let origin = server.origin.clone();
            move |answers| Some(format!("{origin}/v2/tokens/{}", answers.json::<User>(1)?.id))
        })
        .shape(|token| token.split(':').count() == 3)
        .header("x-access-token")
        .principal(|answers| {
            let (user, token): (User, Token) = (answers.json(0)?, answers.json(2)?);
            Some(UpstreamPrincipal::new(user.id).roles(token.roles))
        })
        .role("api_read", "app:read project:read")
        .role("api_write", "app:write")
}

async fn api() -> Server {
    let server = Server::start().await;
    server.answers("/v2/users/self", "200 OK", r#"{"id":"ada"}"#);
    server.answers("/v2/check", "200 OK", r#"{"id":"t1"}"#);
    server.answers("/v2/tokens/t1", "200 OK", r#"{"roles":["api_read","somebody_new"]}"#);
    server
}

#[tokio::test]
async fn roles_become_scopes_and_tools_get_the_token_for_its_origin() {
    let server = api().await;
    let verifier = builder(&server).build().unwrap();
    let verified = verify(&verifier, TOKEN).await.unwrap();
    let ada = verified.principal();
    assert_eq!((ada.issuer(), ada.subject(), ada.client_id()), (server.origin.as_str(), "ada", None));
    assert_eq!(
        ada.scopes().to_string(),
        "app:read project:read",
        "a role that is not in the table grants nothing"
    );
    let upstream = verified.upstream().unwrap();
    assert_eq!(upstream.expose_for(&format!("{}/v2/projects", server.origin)), Some(TOKEN));
    assert_eq!(upstream.expose_for("https://evil.example/v2/projects"), None);
    assert!(verified.reuse_until().is_some());
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[1].starts_with("POST /v2/check ") && requests[2].starts_with("GET /v2/tokens/t1 "));
    assert!(requests.iter().all(|request| request.contains(&format!("x-access-token: {TOKEN}"))));
    assert!(!format!("{verifier:?}{verified:?}").contains("demo:rw"));
}

#[tokio::test]
async fn an_answer_does_not_lead_elsewhere() {
    let (server, other) = (api().await, Server::start().await);
    for url in [format!("{}/v2/tokens/t1", other.origin), "https://evil.example/".to_owned(), "t1".to_owned()]
    {
        let verifier = builder(&server).then(move |_| Some(url.clone())).build().unwrap();
        unavailable(&verifier, TOKEN).await;
    }
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn what_has_another_shape_is_shown_to_nobody() {
    let server = api().await;
    let greedy = builder(&server).shape(|_| true).build().unwrap();
    let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2ln";
    assert_eq!(refused(&greedy, jwt).await, TokenRefusal::Malformed);
    let verifier = builder(&server).build().unwrap();
    assert_eq!(refused(&verifier, "opaque").await, TokenRefusal::Malformed);
    let router = VerifierRouter::new().shape(|_| true, builder(&server).build().unwrap());
    assert_eq!(refused(&router, jwt).await, TokenRefusal::Malformed);
    assert!(server.requests().is_empty());
    assert!(verify(&router, TOKEN).await.is_ok());
    assert!(router.authorization_servers().is_empty());
}

#[tokio::test]
async fn refusals_are_remembered_and_failures_are_not_refusals() {
    let server = api().await;
    let clock = Clock::manual(Clock::system().now());
    let verifier = builder(&server).clock(clock.clone()).build().unwrap();
    for status in ["401 Unauthorized", "403 Forbidden"] {
        server.answers("/v2/users/self", status, "{}");
        let before = server.requests().len();
        assert_eq!(refused(&verifier, TOKEN).await, TokenRefusal::Unknown);
        assert_eq!(refused(&verifier, TOKEN).await, TokenRefusal::Unknown);
        assert_eq!(server.requests().len(), before + 1);
        clock.advance(Duration::from_secs(11));
    }
    let failures =
        [("302 Found\r\nlocation: /v2/tokens/t1", "{}"), ("404 Not Found", "{}"), ("200 OK", "[]")];
    for (status, json) in failures {
        server.answers("/v2/users/self", status, json);
        assert!(unavailable(&verifier, TOKEN).await.1 >= 1, "{status}");
    }
    server.answers("/v2/users/self", "200 OK", &format!("{{\"id\":\"{}\"}}", "x".repeat(300 << 10)));
    unavailable(&verifier, TOKEN).await;
    server.answers("/v2/users/self", "200 OK", r#"{"id":"ada","id":"eve"}"#);
    assert_eq!(unavailable(&verifier, TOKEN).await.1, 1, "what may be this token's doing opens nothing");
    server.answers("/v2/users/self", "500 Internal Server Error", "{}");
    for _ in 0..5 {
        unavailable(&verifier, TOKEN).await;
    }
    assert_eq!(unavailable(&verifier, TOKEN).await.1, 10, "the breaker is open");
    server.answers("/v2/users/self", "200 OK", r#"{"id":"ada"}"#);
    clock.advance(Duration::from_secs(10));
    assert!(verify(&verifier, TOKEN).await.is_ok());
}

#[test]
fn every_problem_of_a_configuration_at_once() {
    let builder = UpstreamVerifier::builder("http://api.example/self").also("https://other.example");
    let errors = builder
        .header("no header")
        .role("r", "a\"b")
        .cache_for(Duration::from_secs(3600))
        .build()
        .unwrap_err();
    assert_eq!(errors.as_slice().len(), 6, "{errors}");
}
