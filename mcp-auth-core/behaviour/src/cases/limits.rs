//! How much an address may get wrong, and how much a principal may do.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;

use crate::{Fixture, Serve, message};

/// Only what would cost a verification is refused: who was let in before goes on beside a flood from the same address.
pub async fn a_known_token_passes_beside_a_flood<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.failures_per_minute(NonZeroU32::new(3).unwrap())).await;
    let known = fixture.reader();
    let call = |token: &str| fixture.call("list_notes", json!({})).token(token);
    call(&known).send().await.is(200, None);
    for n in 0..10 {
        let status = call(&format!("bad{n}")).send().await.status;
        assert_eq!(status, if n < 3 { 401 } else { 429 });
    }
    call(&known).send().await.is(200, None);
    let unknown = fixture.ada("notes:read").claim("jti", json!("another")).sign();
    let refused = call(&unknown).send().await;
    refused.is(429, -32000).does_not_challenge();
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    // To come without a token is how everybody begins, and no failure.
    fixture.call("list_notes", json!({})).send().await.is(401, -32000).challenges("", "notes:read");
}

/// 429 with `Retry-After`, for all tokens of one principal together, and for nobody else.
pub async fn requests_in_a_minute<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.requests_per_minute(NonZeroU32::new(2).unwrap())).await;
    let call = |token: &str| fixture.call("list_notes", json!({})).token(token);
    let token =
        |id: &str, subject: &str| fixture.ada("notes:read").subject(subject).claim("jti", json!(id)).sign();
    call(&token("1", "ada")).send().await.is(200, None);
    call(&token("2", "ada")).send().await.is(200, None);
    let refused = call(&token("3", "ada")).send().await;
    refused.is(429, -32000).does_not_challenge();
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(refused.json()["error"]["data"]["error"], "too_many_requests");
    call(&token("4", "bob")).send().await.is(200, None);
    assert_eq!(fixture.ran.take().len(), 3);
}

/// A call counts until it has ended, or its client has gone.
pub async fn requests_at_once<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.requests_at_once(NonZeroU32::MIN)).await;
    let token = fixture.reader();
    let mut slow = message::call("count", json!({ "steps": 100 }));
    slow["params"]["_meta"]["progressToken"] = json!("p");
    let mut stream = fixture.post(&slow).token(&token).open().await;
    assert!(stream.chunk().await.unwrap().is_some());
    let refused = fixture.call("list_notes", json!({})).token(&token).send().await;
    refused.is(429, -32000).does_not_challenge();
    assert_eq!(refused.json()["error"]["data"]["error"], "too_many_at_once");
    drop(stream);
    let ended = async {
        while fixture.call("list_notes", json!({})).token(&token).send().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    for _ in 0..3 {
        fixture.call("list_notes", json!({})).token(&token).send().await.is(200, None);
    }
}
