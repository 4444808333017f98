//! Event streams: passed on at once, and ended with what opened them.

use std::time::{Duration, Instant};

use mcp_auth_core::guard::Lease;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::Revocation;
use serde_json::json;

use crate::{Fixture, Serve, message};

/// The next chunk with `text` in it, within ten seconds; none if the stream ends first.
pub(super) async fn until(response: &mut reqwest::Response, text: &str) -> Option<String> {
    let mut all = String::new();
    let read = async {
        while let Some(chunk) = response.chunk().await.ok().flatten() {
            all.push_str(&String::from_utf8_lossy(&chunk));
            if all.contains(text) {
                return Some(all);
            }
        }
        None
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("the stream neither ends nor says it")
}

/// Reads to the end of the stream; what came, and how long it took.
pub(super) async fn to_end(mut response: reqwest::Response) -> (String, Duration) {
    let (start, mut all) = (Instant::now(), String::new());
    let read = async {
        while let Some(chunk) = response.chunk().await.ok().flatten() {
            all.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("the stream does not end");
    (all, start.elapsed())
}

/// Progress is there while the tool still runs.
pub async fn progress_passes_at_once<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let mut call = message::call("count", json!({ "steps": 10 }));
    call["params"]["_meta"]["progressToken"] = json!("p");
    let mut response = fixture.post(&call).token(&fixture.reader()).open().await;
    assert_eq!(response.status(), 200);
    let first = until(&mut response, "notifications/progress").await.expect("progress");
    assert!(!first.contains("counted"), "held back: {first}");
    assert!(until(&mut response, "counted").await.is_some());
}

/// Nobody is served who has gone.
pub async fn a_client_that_leaves_cancels<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let call = fixture.call("wait", json!({})).token(&fixture.reader());
    let asking = tokio::spawn(async move {
        // Held open until the client leaves.
        let mut response = call.open().await;
        while let Ok(Some(_)) = response.chunk().await {}
    });
    fixture.ran.wait_for("wait").await.unwrap();
    asking.abort();
    fixture.ran.wait_for("wait dropped").await.unwrap();
}

/// A stream of notices ends when its token does, and an answer that still runs does not.
pub async fn a_stream_ends_with_its_token<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let exp = Clock::system().now().as_secs() + 2;
    let token = fixture.ada("notes:read").claim("exp", json!(exp)).sign();
    let session = fixture.session(&token).await;
    let get = fixture.ask("GET", "/mcp").header("accept", "text/event-stream").token(&token);
    let get = get.header("mcp-session-id", &session).header("mcp-protocol-version", message::LEGACY);
    let stream = get.open().await;
    assert_eq!(stream.status(), 200);
    let listen =
        message::modern("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let listening = fixture.post(&listen).token(&token).open().await;
    assert_eq!(listening.status(), 200);
    let running = fixture.call("count", json!({ "steps": 30 })).token(&token).open().await;

    let (_, took) = to_end(stream).await;
    assert!(took < Duration::from_secs(4), "{took:?}");
    let (text, took) = to_end(listening).await;
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(text.contains("\"resultType\":\"complete\"") && text.contains("subscriptionId"), "{text}");
    assert!(to_end(running).await.0.contains("counted"));
}

/// With that choice a call ends too, and so does what it was doing.
pub async fn a_lease_of_everything_cuts_calls<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.lease(Lease::All)).await;
    let mut call = message::call("count", json!({ "steps": 100 }));
    call["params"]["_meta"]["progressToken"] = json!("p");
    let token = fixture.ada("notes:read").claim("jti", json!("one")).sign();
    let mut response = fixture.post(&call).token(&token).open().await;
    assert!(until(&mut response, "notifications/progress").await.is_some());
    fixture.revoke(&Revocation::token(fixture.authority.issuer(), "one")).await;
    let (text, took) = to_end(response).await;
    assert!(took < Duration::from_secs(2) && !text.contains("counted"), "{took:?} {text}");
}

/// At once, not at the next request.
pub async fn a_stream_ends_when_it_is_revoked<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.ada("notes:read").claim("jti", json!("one")).sign();
    let session = fixture.session(&token).await;
    let get = fixture.ask("GET", "/mcp").header("accept", "text/event-stream").token(&token);
    let mut stream =
        get.header("mcp-session-id", &session).header("mcp-protocol-version", message::LEGACY).open().await;
    assert!(until(&mut stream, "\n").await.is_some());
    fixture.revoke(&Revocation::token(fixture.authority.issuer(), "one")).await;
    let (_, took) = to_end(stream).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// Then nothing new is begun: 503, and when to come again.
pub async fn a_stream_ends_at_shutdown<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.reader();
    let listen =
        message::modern("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut stream = fixture.post(&listen).token(&token).open().await;
    assert!(until(&mut stream, "\n").await.is_some());
    assert!(fixture.guard.is_ready());
    assert_eq!(fixture.ran.take(), ["listen"]);
    fixture.guard.shutdown();
    let (_, took) = to_end(stream).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(!fixture.guard.is_ready());
    let answer = fixture.call("list_notes", json!({})).token(&token).send().await;
    answer.is(503, -32000).does_not_challenge();
    assert_eq!(answer.header("retry-after"), "5");
    fixture.nothing_ran();
}
