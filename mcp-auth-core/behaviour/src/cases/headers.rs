//! Headers that mirror the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::{Ask, Fixture, Serve, message};

/// −32020 where they differ; a version nobody knows is −32022.
pub async fn mirrored_headers_say_what_the_body_says<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let call = || fixture.call("list_notes", json!({})).token(&fixture.reader());
    let encoded = |text: &str| format!("=?base64?{}?=", STANDARD.encode(text));
    let wrong: Vec<(&str, Ask)> = vec![
        ("another method", call().header("mcp-method", "tools/list")),
        ("method in another case", call().header("mcp-method", "Tools/Call")),
        ("no method", call().without("mcp-method")),
        ("method twice", call().add_header("mcp-method", "tools/call")),
        ("another name", call().header("mcp-name", "delete_note")),
        ("no name", call().without("mcp-name")),
        ("name twice", call().add_header("mcp-name", "list_notes")),
        ("empty name", call().header("mcp-name", "")),
        ("another name, base64", call().header("mcp-name", &encoded("delete_note"))),
        ("broken base64", call().header("mcp-name", "=?base64?bGlzd?=")),
        ("base64 of no text", call().header("mcp-name", "=?base64?/w==?=")),
        ("name in bytes", call().header_bytes("mcp-name", b"list_n\xf6tes")),
        ("no version", call().without("mcp-protocol-version")),
        ("another version", call().header("mcp-protocol-version", message::LEGACY)),
        ("version twice", call().add_header("mcp-protocol-version", message::MODERN)),
    ];
    for (label, ask) in wrong {
        let answer = ask.send().await;
        let got = (answer.status, answer.json()["error"]["code"].as_i64());
        assert_eq!(got, (400, Some(-32020)), "{label}: {}", answer.text());
        assert_eq!(answer.json()["id"], 7, "{label}");
    }
    let unknown = call().header("mcp-protocol-version", "2099-01-01").send().await;
    unknown.is(400, -32022);
    assert!(unknown.json()["error"]["data"]["supported"].to_string().contains(message::MODERN));
    // The header alone makes no modern request.
    let bare = fixture.post(&message::legacy_call("list_notes", json!({}))).token(&fixture.reader());
    bare.header("mcp-protocol-version", message::MODERN).send().await.is(400, -32602);
    fixture.nothing_ran();
    call().header("mcp-name", &encoded("list_notes")).send().await.is(200, None);
}

/// −32020 as well: what a tool's schema mirrors is compared like the rest.
pub async fn mirrored_parameters_say_what_the_body_says<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.ada("notes:write").sign();
    let to = |folder: &str| fixture.call("move_notes", json!({ "folder": folder })).token(&token);
    let encoded = |text: &str| format!("=?base64?{}?=", STANDARD.encode(text));
    for (label, ask) in [
        ("another folder", to("inbox").header("mcp-param-folder", "archive")),
        ("none", to("inbox").without("mcp-param-folder")),
        ("twice", to("inbox").add_header("mcp-param-folder", "inbox")),
        ("broken base64", to("inbox").header("mcp-param-folder", "=?base64?aW5ib3g?=")),
        // The scope is decided by the body, so that this must not look like the inbox to a proxy.
        (
            "the body says more",
            to("archive")
                .token(&fixture.ada("notes:write notes:archive").sign())
                .header("mcp-param-folder", "inbox"),
        ),
    ] {
        let answer = ask.send().await;
        let got = (answer.status, answer.json()["error"]["code"].as_i64());
        assert_eq!(got, (400, Some(-32020)), "{label}: {}", answer.text());
    }
    fixture.nothing_ran();
    to("inbox").header("mcp-param-folder", &encoded("inbox")).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["move_notes inbox"]);
}

/// What a proxy may believe in the other era is decided by the body here.
pub async fn lying_headers_decide_nothing_in_the_legacy_era<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.reader();
    let session = fixture.session(&token).await;
    let delete = message::legacy_call("delete_note", json!({ "id": "1" }));
    let answer = fixture
        .post(&delete)
        .token(&token)
        .header("mcp-session-id", &session)
        .header("mcp-protocol-version", message::LEGACY)
        .header("mcp-method", "tools/call")
        .header("mcp-name", "list_notes")
        .send()
        .await;
    answer.is(403, -32000).challenges("insufficient_scope", "notes:delete notes:read");
    fixture.nothing_ran();
}
