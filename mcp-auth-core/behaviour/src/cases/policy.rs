//! Declarations, as clients meet them.

use std::num::NonZeroU32;

use serde_json::json;

use crate::{Fixture, Serve, Setup, message};

/// Without a token the public tool runs, and nothing else does.
pub async fn a_public_tool_needs_no_token<S: Serve>() {
    let fixture = Fixture::with::<S>(Setup { public: true, ..Setup::default() }).await;
    fixture.call("about", json!({})).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["about"]);
    let refused = fixture.call("delete_note", json!({ "id": "1" })).send().await;
    refused.is(401, -32000).challenges("", "notes:delete notes:read");
    fixture.call("list_notes", json!({})).send().await.is(401, -32000).challenges("", "notes:read");
    fixture.call("purge", json!({})).send().await.is(200, -32602).does_not_challenge();
    // A bad token is not as good as none.
    fixture
        .call("about", json!({}))
        .token("bad")
        .send()
        .await
        .is(401, -32000)
        .challenges("invalid_token", "notes:read");
    let list = fixture.post(&message::modern("tools/list", json!({}))).send().await;
    list.is(200, None);
    assert!(list.text().contains("about") && !list.text().contains("purge"));
    fixture.nothing_ran();
}

/// Who needs no token has no stream without an end, and is counted by the address.
pub async fn nobody_takes_without_bound<S: Serve>() {
    let fixture = Fixture::with::<S>(Setup {
        public: true,
        guard: Box::new(|guard| guard.requests_per_minute(NonZeroU32::new(4).unwrap())),
        ..Setup::default()
    })
    .await;
    let get = fixture.ask("GET", "/mcp").header("accept", "text/event-stream");
    get.send().await.is(405, -32000).does_not_challenge();
    let params = json!({ "notifications": { "toolsListChanged": true } });
    fixture.post(&message::modern("subscriptions/listen", params)).send().await.is(401, -32000);
    for _ in 0..2 {
        fixture.call("about", json!({})).send().await.is(200, None);
    }
    fixture.call("about", json!({})).send().await.is(429, -32000).does_not_challenge();
    // Who has a token is somebody else.
    fixture.call("about", json!({})).token(&fixture.reader()).send().await.is(200, None);
    assert_eq!(fixture.ran.take().len(), 3);
}

/// All scopes that these arguments need are named at once.
pub async fn scopes_by_arguments<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let writer = fixture.ada("notes:write").sign();
    let to = |folder: &str| fixture.call("move_notes", json!({ "folder": folder }));
    to("inbox").token(&writer).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["move_notes inbox"]);
    let refused = to("archive").token(&writer).send().await;
    refused.is(403, -32000).challenges("insufficient_scope", "notes:archive notes:write");
    assert_eq!(refused.json()["error"]["data"]["scope"], "notes:archive notes:write");
    let half = fixture.ada("notes:archive").sign();
    to("archive").token(&half).send().await.is(403, -32000);
    fixture.nothing_ran();
    let both = fixture.ada("notes:write notes:archive").sign();
    to("archive").token(&both).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["move_notes archive"]);
}

/// Resources by template, to the byte; prompts by name; completion by what it completes.
pub async fn scopes_of_resources_and_prompts<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let (reader, nobody) = (fixture.reader(), fixture.ada("other").sign());
    let read = |uri: &str| fixture.post(&message::modern("resources/read", json!({ "uri": uri })));
    let prompt = fixture.post(&message::modern("prompts/get", json!({ "name": "summary" })));
    let complete = |uri: &str| {
        let params = json!({ "ref": { "type": "ref/resource", "uri": uri }, "argument": { "name": "id", "value": "1" } });
        fixture.post(&message::modern("completion/complete", params))
    };
    for ask in [read("note://1"), prompt.clone(), complete("note://{id}")] {
        ask.token(&nobody).send().await.is(403, -32000).challenges("insufficient_scope", "notes:read");
    }
    for uri in ["note://1/../../diary/1", "NOTE://1", "note://", "file:///etc/passwd", "diary://1"] {
        read(uri).token(&reader).send().await.is(200, -32602);
    }
    complete("diary://{id}").token(&reader).send().await.is(200, -32602);
    fixture.nothing_ran();
    read("note://1").token(&reader).send().await.is(200, None);
    prompt.token(&reader).send().await.is(200, None);
    complete("note://{id}").token(&reader).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["read note://1", "summary", "complete"]);
}
