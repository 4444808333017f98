//! The service's own tokens, shown to its own API on loopback, beside OAuth tokens.

use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::upstream::{UpstreamPrincipal, UpstreamVerifier};
use serde_json::json;

use crate::{Answer, Api, Fixture, Serve};

#[derive(serde::Deserialize)]
struct User {
    id: String,
    role: String,
}

async fn start<S: Serve>() -> (Fixture, Api) {
    let api = Api::start().await;
    let upstream = UpstreamVerifier::builder(format!("{}/self", api.origin))
        .shape(|token| token.starts_with("svc:"))
        .header("x-access-token")
        .principal(|answers| {
            let user: User = answers.json(0)?;
            Some(UpstreamPrincipal::new(user.id).roles([user.role]))
        })
        .role("ro", "notes:read")
        .role("rw", "notes:read notes:write notes:delete")
        .build()
        .unwrap();
    let fixture = Fixture::verified::<S, _>(&Clock::system(), |_, jwt| {
        let seen = upstream.clone();
        VerifierRouter::new().jwt(jwt).shape(move |token| seen.is_for(token), upstream)
    })
    .await;
    (fixture, api)
}

async fn call(fixture: &Fixture, token: &str) -> Answer {
    fixture.call("list_notes", json!({})).token(token).send().await
}

/// Roles become scopes; a role that nobody named grants nothing.
pub async fn a_role_decides_what_may_be_done<S: Serve>() {
    let (fixture, api) = start::<S>().await;
    let delete = |token: &str| fixture.call("delete_note", json!({ "id": "1" })).token(token);
    call(&fixture, "svc:ada:rw").await.is(200, None);
    delete("svc:ada:rw").send().await.is(200, None);
    assert_eq!(api.shown(), ["/self svc:ada:rw"], "shown once, and taken again");
    call(&fixture, "svc:bob:ro").await.is(200, None);
    assert_eq!(fixture.ran.take(), ["list_notes", "delete_note 1", "list_notes"]);
    for _ in 0..2 {
        delete("svc:bob:ro").send().await.is(403, -32000).challenges("insufficient_scope", "notes:delete");
    }
    call(&fixture, "svc:eve:root").await.is(403, -32000).challenges("insufficient_scope", "notes:read");
    fixture.nothing_ran();
}

/// No header of a request that a tool sees holds the token: it comes out for the API's origin alone.
pub async fn the_credential_reaches_tools_sealed<S: Serve>() {
    let (fixture, api) = start::<S>().await;
    let shows = async |url: String, token: &str| {
        let answer = fixture.call("whoami", json!({ "url": url })).token(token).send().await;
        answer.is(200, None).tool_text()
    };
    // Found good now, and known from before.
    for _ in 0..2 {
        let at_home = shows(format!("{}/v2/notes", api.origin), "svc:ada:ro").await;
        assert_eq!(at_home, "ada shows svc:ada:ro");
    }
    let other_port = Api::start().await.origin;
    for elsewhere in [other_port, api.origin.replacen("http", "https", 1), "https://evil.example".to_owned()]
    {
        assert_eq!(shows(elsewhere, "svc:ada:ro").await, "ada shows nothing");
    }
    // A token of another kind brings none.
    assert_eq!(shows(api.origin.clone(), &fixture.reader()).await, "ada via test-client");
}

/// Only that the API refuses a token refuses it. Whatever else it says, nothing can be told: 503, never 401.
pub async fn the_apis_failures_are_no_refusals<S: Serve>() {
    let (fixture, api) = start::<S>().await;
    for status in ["401 Unauthorized", "403 Forbidden"] {
        api.set_fault(Some((status, "", "{}")));
        let token = format!("svc:ada:{}", &status[..3]);
        call(&fixture, &token).await.is(401, -32000).challenges("invalid_token", "notes:read");
        // Remembered: the API is not asked again.
        call(&fixture, &token).await.is(401, -32000);
        assert_eq!(api.shown().len(), 1);
        assert_eq!(fixture.verdicts.take(), ["token_unknown", "token_unknown"]);
    }
    let location = format!("location: {}/elsewhere\r\n", api.origin);
    let large = format!(r#"{{"id":"ada","role":"rw","x":"{}"}}"#, "x".repeat(256 * 1024));
    let good = r#"{"id":"ada","role":"rw"}"#;
    for (status, headers, body) in [
        ("500 Internal Server Error", "", good),
        ("429 Too Many Requests", "", good),
        ("404 Not Found", "", good),
        ("204 No Content", "", ""),
        ("302 Found", location.as_str(), ""),
        ("307 Temporary Redirect", location.as_str(), ""),
        ("200 OK", "", "not JSON"),
        ("200 OK", "", r#"{"id":"ada"}"#),
        ("200 OK", "", r#"{"id":"eve","id":"ada","role":"rw"}"#),
        ("200 OK", "", r#"{"id":"","role":"rw"}"#),
        ("200 OK", "", large.as_str()),
    ] {
        api.set_fault(Some((status, headers, body)));
        let answer = call(&fixture, "svc:ada:rw").await;
        answer.is(503, -32000).does_not_challenge();
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{status}");
        assert_eq!(api.shown(), ["/self svc:ada:rw"], "{status}: followed, or not asked");
        assert_eq!(fixture.verdicts.take(), ["unavailable"], "{status}");
    }
    fixture.nothing_ran();
    api.set_fault(None);
    call(&fixture, "svc:ada:rw").await.is(200, None);
}

/// A token of another shape never leaves this process, an OAuth access token least of all.
pub async fn only_its_own_tokens_are_shown<S: Serve>() {
    let (fixture, api) = start::<S>().await;
    call(&fixture, &fixture.reader()).await.is(200, None);
    let expired = fixture.ada("notes:read").claim("exp", json!(1)).sign();
    let foreign = fixture.ada("notes:read").claim("iss", json!("https://other.example")).sign();
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.".to_owned();
    fixture.ran.take();
    for token in [expired, foreign, unsigned, "SVC:ada:rw".to_owned(), "opaque".to_owned()] {
        call(&fixture, &token).await.is(401, -32000).challenges("invalid_token", "notes:read");
    }
    // Not with a scheme that it has no proof for, either.
    let dpop = fixture.call("list_notes", json!({})).header("authorization", "DPoP svc:ada:rw");
    dpop.send().await.is(401, -32000);
    let query = fixture.call("list_notes", json!({})).query("access_token=svc:ada:rw");
    query.send().await.is(400, -32000).challenges("invalid_request", "");
    assert_eq!(api.shown(), Vec::<String>::new());
    fixture.nothing_ran();
}
