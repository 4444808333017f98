//! A service that compresses its answers, behind a guard that reads some of them. Not in the suite: an adapter's test serves such
//! a service.

use mcp_auth_core::confirm::Rule;
use serde_json::json;

use crate::{Fixture, Serve, Setup, Stream, message};

/// What the guard reads comes plain, in both eras; what it does not read may be compressed.
pub async fn what_is_read_comes_plain<S: Serve>() {
    for json in [true, false] {
        let fixture = Fixture::with::<S>(Setup { json, ..Setup::default() }).await;
        let token = fixture.reader();
        let session = if json { None } else { Some(fixture.session(&token).await) };
        let legacy = |message: &serde_json::Value| {
            let ask = fixture.post(message).token(&token).header("mcp-protocol-version", message::LEGACY);
            let ask = ask.header("accept-encoding", "gzip");
            session.iter().fold(ask, |ask, session| ask.header("mcp-session-id", session))
        };
        let modern = fixture.post(&message::modern("tools/list", json!({}))).token(&token);
        for list in
            [modern.header("accept-encoding", "gzip"), legacy(&message::legacy("tools/list", json!({})))]
        {
            let list = list.send().await;
            let tools = list.is(200, None).json()["result"]["tools"].clone();
            assert_eq!(tools.as_array().map(Vec::len), Some(9), "{}", list.text());
            assert!(!list.headers.contains_key("content-encoding"));
        }
        if json {
            let call = message::legacy_call("echo", json!({ "text": "again and again ".repeat(20) }));
            let answer = legacy(&call).send().await;
            assert_eq!(answer.is(200, None).header("content-encoding"), "gzip", "the service does compress");
        }
    }

    let fixture = Fixture::with::<S>(Setup { rule: Rule::destructive(), ..Setup::default() }).await;
    let token = fixture.ada("notes:read notes:delete").sign();
    let session = fixture.session_of(&token, json!({ "elicitation": {} })).await;
    let inside = |message: serde_json::Value| {
        let ask = fixture.post(&message).token(&token).header("mcp-session-id", &session);
        ask.header("mcp-protocol-version", message::LEGACY).header("accept-encoding", "gzip")
    };
    let mut stream =
        Stream::new(inside(message::legacy_call("delete_note", json!({ "id": "1" }))).open().await);
    let question = stream.next().await.expect("a question");
    let yes = json!({ "action": "accept", "content": { "confirm": true } });
    let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": yes });
    inside(answer).send().await.is(202, None);
    let ran = stream.next().await.expect("an answer");
    assert_eq!(ran["result"]["content"][0]["text"], "deleted", "{ran}");
}
