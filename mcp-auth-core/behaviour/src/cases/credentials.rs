//! How a token is presented, and what happens when there is none.

use std::num::NonZeroU32;
use std::time::Duration;

use mcp_auth_core::Credential;
use mcp_auth_core::verify::{TokenVerifier, Verified, VerifyContext, VerifyError};
use serde_json::json;

use crate::{Fixture, Serve, message, raw};

/// 401 without an error: that is how a client begins.
pub async fn no_token_is_asked_for<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let session = message::initialize("2025-06-18");
    for message in [message::call("list_notes", json!({})), message::modern("tools/list", json!({})), session]
    {
        let answer = fixture.post(&message).send().await;
        answer.is(401, -32000).challenges("", "notes:read");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    // Nothing of the body matters before somebody is known.
    let no_message = fixture.call("list_notes", json!({})).body("{").send().await;
    no_message.is(401, -32000);
    fixture.ask("GET", "/mcp").header("accept", "text/event-stream").send().await.is(401, -32000);
    fixture.ask("DELETE", "/mcp").send().await.is(401, -32000);
    fixture.nothing_ran();
}

/// 400 `invalid_request` (RFC 6750, section 3.1).
pub async fn malformed_authorization_is_a_bad_request<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.reader();
    let basic = format!("Basic {token}");
    for value in
        ["", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \"a\"", &basic, &token, "Bearer\ta"]
    {
        let answer = fixture.call("list_notes", json!({})).header("authorization", value).send().await;
        answer.is(400, -32000).challenges("invalid_request", "");
    }
    let bytes = fixture.call("list_notes", json!({})).header_bytes("authorization", b"Bearer t\xc3\xb6ken");
    bytes.send().await.is(400, -32000).challenges("invalid_request", "");
    let twice = fixture.call("list_notes", json!({})).token(&token);
    for second in [format!("Bearer {token}"), "Basic x".to_owned()] {
        let answer = twice.clone().add_header("authorization", &second).send().await;
        answer.is(400, -32000).challenges("invalid_request", "");
    }
    for query in
        [format!("access_token={token}"), "x=1&access%5ftoken=x".to_owned(), "ACCESS_TOKEN=x".to_owned()]
    {
        let answer = fixture.call("list_notes", json!({})).query(&query).send().await;
        answer.is(400, -32000).challenges("invalid_request", "");
        let beside = fixture.call("list_notes", json!({})).token(&token).query(&query).send().await;
        beside.is(400, -32000);
    }
    // A scheme that proves possession is not taken as if it did.
    let dpop = fixture.call("list_notes", json!({})).header("authorization", &format!("DPoP {token}"));
    dpop.send().await.is(401, -32000).challenges("invalid_token", "notes:read");
    fixture.nothing_ran();
}

/// RFC 9110, section 11.1.
pub async fn the_scheme_is_read_in_any_case<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    for scheme in ["bearer", "BEARER", "bEaReR", "Bearer  "] {
        let value = format!("{scheme} {}", fixture.reader());
        fixture.call("list_notes", json!({})).header("authorization", &value).send().await.is(200, None);
    }
}

/// What the framework refuses itself, and a token that is merely too long.
pub async fn a_folded_or_huge_header_reaches_nothing<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let body = message::call("list_notes", json!({})).to_string();
    let (host, length) = (raw::host(&fixture), body.len().to_string());
    let mirrored =
        [("MCP-Protocol-Version", message::MODERN), ("Mcp-Method", "tools/call"), ("Mcp-Name", "list_notes")];
    let headers = |authorization: &str| {
        let own = [("Host", host), ("Content-Length", length.as_str()), ("Authorization", authorization)];
        raw::post("POST /mcp HTTP/1.1", &[&own[..], &mirrored[..]].concat(), &body)
    };
    let token = fixture.reader();
    let good = raw::send(&fixture, &headers(&format!("Bearer {token}"))).await;
    assert_eq!((good.0, fixture.ran.take()), (200, vec!["list_notes".to_owned()]), "{}", good.1);

    let (status, text) = raw::send(&fixture, &headers(&format!("Bearer\r\n {token}"))).await;
    assert!((400..500).contains(&status), "{text}");
    let (status, text) = raw::send(&fixture, &headers(&format!("Bearer {}", "a".repeat(1 << 20)))).await;
    assert!(status == 0 || (400..500).contains(&status), "{text}");
    let long = fixture.call("list_notes", json!({})).token(&"a".repeat(17 * 1024)).send().await;
    long.is(401, -32000).challenges("invalid_token", "notes:read");
    fixture.nothing_ran();
}

/// 429 with `Retry-After`, good tokens from there included.
pub async fn too_many_failures_are_slowed_down<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.failures_per_minute(NonZeroU32::new(3).unwrap())).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(fixture.call("list_notes", json!({})).token("bad").send().await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    let answer = fixture.call("list_notes", json!({})).token(&fixture.reader()).send().await;
    answer.is(429, -32000).does_not_challenge();
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    fixture.nothing_ran();
}

/// A verifier that cannot reach what it needs.
struct Down;

#[async_trait::async_trait]
impl TokenVerifier for Down {
    async fn verify(&self, _: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        Err(VerifyError::Unavailable {
            reason: "secret reason".to_owned(),
            retry_after: Duration::from_secs(9),
        })
    }

    fn authorization_servers(&self) -> Vec<String> {
        vec!["https://issuer.example".to_owned()]
    }
}

/// 503, never 401: a client must not throw a good token away.
pub async fn no_verdict_is_no_refusal<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.verifier(Down)).await;
    let answer = fixture.call("list_notes", json!({})).token("any").send().await;
    answer.is(503, -32000).does_not_challenge();
    assert_eq!(answer.header("retry-after"), "9");
    assert!(!answer.text().contains("secret"));
    fixture.nothing_ran();
}

/// The service learns who asks, and never sees the credential.
pub async fn the_credential_stays_with_the_guard<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let ask = fixture.call("whoami", json!({})).token(&fixture.reader()).header("dpop", "proof");
    assert_eq!(ask.send().await.is(200, None).tool_text(), "ada via test-client");
}
