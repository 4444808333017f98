//! What is taken down: before a call runs, and after it; and what does not run because it is not.

use std::time::Duration;

use mcp_auth_core::audit::{Audit, AuditError, ChannelSink, Deliveries, EventId, JsonLines, is_unsafe};
use mcp_auth_core::confirm::Rule;
use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::Revocation;
use serde_json::{Value, json};

use super::streams::{to_end, until};
use crate::{Fixture, Serve, Setup, message};

pub(super) const SCOPE: &str = "notes:read notes:write notes:delete";

pub(super) async fn recorded<S: Serve>(rule: Rule) -> (Fixture, Deliveries) {
    let (sink, deliveries) = ChannelSink::new(64);
    let audit = Audit::new(sink).waits(Duration::from_secs(10));
    let guard = Box::new(|guard: mcp_auth_core::guard::GuardBuilder| guard.audit(audit));
    (Fixture::with::<S>(Setup { guard, rule, ..Setup::default() }).await, deliveries)
}

/// The next record, which is kept.
pub(super) async fn next(deliveries: &mut Deliveries) -> Value {
    let delivered = tokio::time::timeout(Duration::from_secs(10), deliveries.next()).await;
    let record = delivered.expect("a record").expect("the sink is there").acknowledge(Ok(()));
    let line = std::str::from_utf8(record.json()).unwrap();
    assert!(!line.chars().any(is_unsafe), "a line is a line: {line:?}");
    serde_json::from_str(line).unwrap()
}

/// A read is taken down before and after, a refusal at once; a request without a token not at all.
pub async fn calls_and_refusals_are_taken_down<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(Rule::default()).await;
    let list = || fixture.call("list_notes", json!({}));
    list().send().await.is(401, -32000);
    list().token("nobodys").send().await.is(401, -32000);
    let refused = next(&mut deliveries).await;
    assert_eq!((&refused["record"], &refused["outcome"]), (&json!("event"), &json!("denied")), "{refused}");
    assert_eq!(refused["kind"], "token_malformed");
    assert!(refused.get("method").is_none() && refused.get("principal").is_none(), "{refused}");

    let token = fixture.reader();
    list().header("user-agent", "tests/1").token(&token).send().await.is(200, None);
    let (intent, outcome) = (next(&mut deliveries).await, next(&mut deliveries).await);
    assert_eq!((&intent["record"], &intent["outcome"]), (&json!("intent"), &json!("allowed")), "{intent}");
    assert_eq!((&intent["method"], &intent["target"]), (&json!("tools/call"), &json!("list_notes")));
    assert_eq!((&intent["principal"]["subject"], &intent["effect"]), (&json!("ada"), &json!("read")));
    assert_eq!((&intent["agent"], &intent["era"]), (&json!("tests/1"), &json!("2026-07-28")));
    assert_eq!((&outcome["record"], &outcome["id"]), (&json!("outcome"), &intent["id"]), "{outcome}");
    assert_eq!(outcome["outcome"], "succeeded");
    assert!(outcome["duration_us"].is_u64(), "{outcome}");
    for record in [intent, outcome] {
        assert!(!record.to_string().contains(&token), "no credential is ever taken down");
    }

    fixture.call("delete_note", json!({ "id": "1" })).token(&token).send().await.is(403, -32000);
    let denied = next(&mut deliveries).await;
    assert_eq!((&denied["outcome"], &denied["kind"]), (&json!("denied"), &json!("insufficient_scope")));
    assert_eq!((&denied["target"], &denied["params"]["id"]), (&json!("delete_note"), &json!("1")));
}

/// A protocol error of the service's is a failure with its code, however it comes.
pub async fn an_error_is_taken_down<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(Rule::default()).await;
    let token = fixture.reader();
    let session = fixture.session(&token).await;
    let gone = || json!({ "uri": "note://gone" });
    let legacy = fixture.post(&message::legacy("resources/read", gone()));
    let legacy = legacy.header("mcp-session-id", &session).header("mcp-protocol-version", message::LEGACY);
    for call in [fixture.post(&message::modern("resources/read", gone())), legacy] {
        call.token(&token).send().await;
        let mut intent = next(&mut deliveries).await;
        while intent["method"] != "resources/read" {
            intent = next(&mut deliveries).await;
        }
        let outcome = next(&mut deliveries).await;
        assert_eq!(outcome["id"], intent["id"]);
        assert_eq!(
            (&outcome["outcome"], &outcome["error"]),
            (&json!("failed"), &json!("-32602")),
            "{outcome}"
        );
    }
}

/// A write waits until its intent is kept.
pub async fn a_write_runs_when_its_intent_is_kept<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(Rule::default()).await;
    let token = fixture.ada(SCOPE).sign();
    let call = |id: &str| tokio::spawn(fixture.call("delete_note", json!({ "id": id })).token(&token).send());
    let waiting = call("1");
    let intent = deliveries.next().await.unwrap();
    fixture.nothing_ran();
    intent.acknowledge(Ok(()));
    waiting.await.unwrap().is(200, None);
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
    assert_eq!(next(&mut deliveries).await["outcome"], "succeeded");

    let waiting = call("2");
    deliveries.next().await.unwrap().acknowledge(Err(AuditError::NotWritten));
    let refused = waiting.await.unwrap();
    refused.is(503, -32000).does_not_challenge();
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    fixture.nothing_ran();
    let denied = next(&mut deliveries).await;
    assert_eq!((&denied["outcome"], &denied["kind"]), (&json!("denied"), &json!("audit_unavailable")));

    // Nobody keeps anything any more.
    drop(deliveries);
    call("3").await.unwrap().is(503, -32000);
    fixture.nothing_ran();
}

/// The end of a service is the end of its record: what was taken is written, and nobody is waited for forever.
pub async fn a_shutdown_writes_the_record<S: Serve>() {
    let directory =
        std::env::temp_dir().join(format!("mcp-auth-shutdown-{}", EventId::new(Timestamp::default())));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("audit.jsonl");
    let (lines, background) = JsonLines::builder(&path).open().unwrap();
    tokio::spawn(background);
    let fixture = Fixture::guarded::<S>(|guard| guard.audit(Audit::new(lines))).await;
    fixture.call("list_notes", json!({})).token(&fixture.reader()).send().await.is(200, None);
    let ended = fixture.guard.shutdown();
    fixture.call("list_notes", json!({})).token(&fixture.reader()).send().await.is(503, -32000);
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("it ends");
    let text = std::fs::read_to_string(&path).unwrap();
    for what in ["\"outcome\":\"succeeded\"", "\"kind\":\"shutting_down\""] {
        assert!(text.contains(what), "{text}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

/// What was asked, who vouches for the answer, and that nothing ran before.
pub async fn a_confirmation_is_taken_down<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(Rule::destructive()).await;
    let token = fixture.ada(SCOPE).sign();
    let call = |more: Value| {
        let mut call = message::call("delete_note", json!({ "id": "1" }));
        call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
        for (key, value) in more.as_object().unwrap() {
            call["params"][key] = value.clone();
        }
        fixture.post(&call).token(&token).send()
    };
    let asked = call(json!({})).await;
    let state = asked.json()["result"]["requestState"].clone();
    assert_eq!(next(&mut deliveries).await["outcome"], "pending");
    let answer = json!({ "action": "accept", "content": { "confirm": true } });
    let answered = json!({ "requestState": state, "inputResponses": { "confirmation": answer } });
    let (run, intent) = tokio::join!(call(answered.clone()), next(&mut deliveries));
    run.is(200, None);
    assert_eq!(intent["confirmation"]["way"], "mrtr", "{intent}");
    assert_eq!(intent["confirmation"]["vouched"], "asserted by client");
    assert_eq!(next(&mut deliveries).await["outcome"], "succeeded");
    call(answered).await;
    let replayed = next(&mut deliveries).await;
    assert_eq!(replayed["outcome"], "denied", "{replayed}");
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
}

/// The guard ends a stream of notices with its response: that is no cut.
pub async fn a_stream_that_is_ended_in_order_has_succeeded<S: Serve>() {
    let (fixture, mut deliveries) = recorded::<S>(Rule::default()).await;
    let token = fixture.ada("notes:read").claim("jti", json!("one")).sign();
    let listen =
        message::modern("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut stream = fixture.post(&listen).token(&token).open().await;
    assert!(until(&mut stream, "\n").await.is_some());
    fixture.revoke(&Revocation::token(fixture.authority.issuer(), "one")).await;
    let (text, _) = to_end(stream).await;
    assert!(text.contains("\"resultType\":\"complete\""), "{text}");
    let (intent, outcome) = (next(&mut deliveries).await, next(&mut deliveries).await);
    assert_eq!((&intent["method"], &outcome["id"]), (&json!("subscriptions/listen"), &intent["id"]));
    assert_eq!(outcome["outcome"], "succeeded", "{outcome}");
}

/// What is public can be called without end; the record of it ends.
pub async fn nobody_fills_the_record_by_what_is_public<S: Serve>() {
    let (sink, mut deliveries) = ChannelSink::new(64);
    let guard = Box::new(|guard: mcp_auth_core::guard::GuardBuilder| guard.audit(Audit::new(sink)));
    let fixture = Fixture::with::<S>(Setup { guard, public: true, ..Setup::default() }).await;
    for _ in 0..100 {
        fixture.call("about", json!({})).send().await.is(200, None);
    }
    fixture.call("about", json!({})).token(&fixture.reader()).send().await.is(200, None);
    let mut nobodys = 0;
    while next(&mut deliveries).await.get("principal").is_none() {
        nobodys += 1;
    }
    assert_eq!(nobodys, 2 * 30);
}
