//! What a record says: every member, where the guard knows it.

use std::sync::Arc;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::audit::{Audit, ChannelSink};
use mcp_auth_core::confirm::{Preview, PreviewError, Rule};
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use serde_json::{Value, json};

use super::records::{SCOPE, next, recorded};
use crate::{Fixture, Serve, Setup, message};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER_TRACE: &str = "00-11111111111111111111111111111111-2222222222222222-01";

/// A call of a client that shows forms, tells its trace and why.
fn call(tool: &str, arguments: Value, more: &Value) -> Value {
    let mut call = message::call(tool, arguments);
    let meta = &mut call["params"]["_meta"];
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
    meta["traceparent"] = json!(TRACE);
    meta["mcp-auth/reason"] = json!("weekly planning\nworkflow");
    for (key, value) in more.as_object().unwrap() {
        call["params"][key] = value.clone();
    }
    call
}

fn rule() -> Rule {
    Rule::destructive().preview(|_| async {
        Ok::<_, PreviewError>(
            Preview::new("Deletes a note").removes("Buy milk").changes("password", "hunter2", "hunter3"),
        )
    })
}

/// A write, from its question to its outcome.
pub async fn a_write_says_all_that_is_known<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(rule()).await;
    let token = fixture.ada(SCOPE).sign();
    let send = |more: Value| {
        let call = call("delete_note", json!({ "id": "1" }), &more);
        let ask = fixture.post(&call).token(&token).header("traceparent", OTHER_TRACE);
        ask.header("user-agent", "tests/1 \u{202e}exe").send()
    };
    let asked = send(json!({})).await;
    let pending = next(&mut deliveries).await;
    assert_eq!((&pending["outcome"], &pending["confirmation"]["way"]), (&json!("pending"), &json!("mrtr")));
    assert!(pending["confirmation"].get("by").is_none(), "{pending}");
    let state = asked.json()["result"]["requestState"].clone();
    let answer = json!({ "action": "accept", "content": { "confirm": true } });
    let answered = json!({ "requestState": state, "inputResponses": { "confirmation": answer } });
    let (run, intent) = tokio::join!(send(answered), next(&mut deliveries));
    run.is(200, None);
    for record in [&pending, &intent] {
        assert_eq!(record["client"], json!({ "name": "behaviour", "version": "1" }), "{record}");
        assert_eq!(record["trace"], TRACE, "the message's own: {record}");
        assert_eq!(record["reason"], "weekly planning\nworkflow");
        assert_eq!(record["required"], json!(["notes:delete"]), "{record}");
        assert_eq!(record["granted"], json!(["notes:delete", "notes:read", "notes:write"]), "{record}");
        assert_eq!((&record["effect"], &record["target"]), (&json!("destructive"), &json!("delete_note")));
        assert_eq!((&record["era"], &record["authenticated"]), (&json!("2026-07-28"), &json!("jwt")));
        assert_eq!(record["address"], "127.0.0.1");
        assert_eq!(record["preview"]["removes"], json!(["Buy milk"]), "{record}");
        assert_eq!(record["preview"]["changes"][0]["field"], "password");
        assert!(!record.to_string().contains("hunter"), "{record}");
        assert_eq!(record["agent"], "tests/1 \u{202e}exe", "{record}");
    }
    let confirmation = &intent["confirmation"];
    assert_eq!((&confirmation["way"], &confirmation["by"]), (&json!("mrtr"), &json!("ada")), "{intent}");
    assert_eq!(confirmation["vouched"], "asserted by client");
    assert!(confirmation["at"].as_u64().unwrap() <= intent["time"].as_u64().unwrap(), "{intent}");
    let outcome = next(&mut deliveries).await;
    assert_eq!((&outcome["outcome"], &outcome["id"]), (&json!("succeeded"), &intent["id"]));
    assert_eq!(outcome["result"], json!([{ "type": "text", "text": "deleted" }]), "{outcome}");

    // A tool that knows them gives the states.
    let moved = call("move_notes", json!({ "folder": "inbox" }), &json!({}));
    let moved = fixture.post(&moved).token(&token).header("mcp-param-folder", "inbox").send();
    let (moved, intent) = tokio::join!(moved, next(&mut deliveries));
    moved.is(200, None);
    assert_eq!((&intent["effect"], &intent["required"]), (&json!("write"), &json!(["notes:write"])));
    let outcome = next(&mut deliveries).await;
    assert_eq!(
        (&outcome["before"], &outcome["after"]),
        (&json!({"folder": "drafts"}), &json!({"folder": "inbox"}))
    );
}

/// An API key: its id, its name, its environment; never itself.
pub async fn a_key_is_named<S: Serve>() {
    let keys =
        ApiKeys::builder(Arc::new(MemoryStore::default())).prefix("notes").issuer("https://app.example");
    let keys = keys.build().unwrap();
    let scopes = ScopeSet::parse("notes:read").unwrap();
    let key = keys.create(NewKey::new("cursor-work-laptop", "ada").scopes(scopes)).await.unwrap();
    let (sink, mut deliveries) = ChannelSink::new(64);
    let setup = Setup {
        guard: Box::new(|guard| guard.audit(Audit::new(sink))),
        verifier: Box::new(|_, jwt| {
            Arc::new(VerifierRouter::new().jwt(jwt).shape(|token| token.starts_with("notes_"), keys))
        }),
        ..Setup::default()
    };
    let fixture = Fixture::with::<S>(setup).await;
    fixture.call("list_notes", json!({})).token(key.expose_secret()).send().await.is(200, None);
    let intent = next(&mut deliveries).await;
    assert_eq!(
        (&intent["authenticated"], &intent["key"]["name"]),
        (&json!("api_key"), &json!("cursor-work-laptop"))
    );
    assert!(intent["key"]["id"].is_string() && intent["key"]["environment"].is_string(), "{intent}");
    assert!(!intent.to_string().contains(key.expose_secret()), "{intent}");
}

/// A session's client is the one that opened it.
pub async fn a_session_is_told_by_its_hash<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(Rule::default()).await;
    let token = fixture.reader();
    let session = fixture.session(&token).await;
    let call = fixture.post(&message::legacy_call("list_notes", json!({}))).token(&token);
    let call = call.header("mcp-session-id", &session).header("mcp-protocol-version", message::LEGACY);
    call.header("traceparent", TRACE).send().await.is(200, None);
    let mut records = Vec::new();
    while records.last().is_none_or(|record: &Value| record["target"] != "list_notes") {
        records.push(next(&mut deliveries).await);
    }
    let intent = records.last().unwrap();
    assert_eq!((&intent["era"], &intent["trace"]), (&json!(message::LEGACY), &json!(TRACE)), "{intent}");
    assert_eq!(intent["client"], json!({ "name": "behaviour", "version": "1" }), "{intent}");
    let hash = intent["session"].as_str().unwrap();
    assert!(hash.len() == 16 && !session.contains(hash), "{intent}");
}

/// The scopes that would have been enough, and what the call would have done.
pub async fn a_refusal_says_what_was_missing<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(Rule::default()).await;
    let refused = call("delete_note", json!({ "id": "1" }), &json!({}));
    fixture.post(&refused).token(&fixture.reader()).send().await.is(403, -32000);
    let denied = next(&mut deliveries).await;
    assert_eq!((&denied["outcome"], &denied["kind"]), (&json!("denied"), &json!("insufficient_scope")));
    assert_eq!((&denied["required"], &denied["granted"]), (&json!(["notes:delete"]), &json!(["notes:read"])));
    assert_eq!((&denied["effect"], &denied["trace"]), (&json!("destructive"), &json!(TRACE)), "{denied}");
    assert_eq!(denied["reason"], "weekly planning\nworkflow");
    assert_eq!(denied["client"]["name"], "behaviour");
    fixture.nothing_ran();
}

/// A decline has a name, too.
pub async fn whoever_said_no_is_named<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(rule()).await;
    let token = fixture.ada(SCOPE).sign();
    let send =
        |more: Value| fixture.post(&call("delete_note", json!({ "id": "1" }), &more)).token(&token).send();
    let state = send(json!({})).await.json()["result"]["requestState"].clone();
    assert_eq!(next(&mut deliveries).await["outcome"], "pending");
    send(json!({ "requestState": state, "inputResponses": { "confirmation": { "action": "decline" } } }))
        .await;
    let denied = next(&mut deliveries).await;
    assert_eq!((&denied["outcome"], &denied["kind"]), (&json!("denied"), &json!("confirmation_declined")));
    assert_eq!(
        (&denied["confirmation"]["by"], &denied["confirmation"]["way"]),
        (&json!("ada"), &json!("mrtr"))
    );
    assert!(denied["confirmation"]["at"].is_u64(), "{denied}");
    fixture.nothing_ran();
}
