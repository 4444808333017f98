//! What a guard takes down of requests that it refuses, and of answers that it cannot read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/guarded.rs"]
mod guarded;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Ready;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use guarded::{OneToken, modern_message, modern_request};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use mcp_auth_core::Guard;
use mcp_auth_core::audit::{Audit, AuditEvent, ChannelSink, Deliveries, OutcomeKind, RecordKind};
use mcp_auth_core::guard::{Admission, Decision, GuardBuilder, GuardedBody, Rest};
use mcp_auth_core::policy::{ToolPolicies, read};
use serde_json::{Value, json};

const PLANTED: &str = "planted-for-nobody";

/// A guard with one tool, whose schema alone says that `word` is secret, and what it takes down.
fn guard(change: impl FnOnce(GuardBuilder) -> GuardBuilder) -> (Guard, Deliveries) {
    let schema = json!({"type": "object", "properties": {"word": {"type": "string", "writeOnly": true}}});
    let tool = json!({"name": "unlock", "inputSchema": schema});
    let tools = ToolPolicies::from_tools([tool]).unwrap().tool("unlock", read("notes:read"));
    let (sink, deliveries) = ChannelSink::new(4096);
    let builder = Guard::builder("https://mcp.example/mcp").verifier(OneToken("notes:read")).tools(tools);
    let (guard, _background) = change(builder.audit(Audit::new(sink))).build().unwrap();
    (guard, deliveries)
}

/// All that was taken down.
async fn taken(guard: Guard, mut deliveries: Deliveries) -> Vec<AuditEvent> {
    drop(guard);
    let mut events = Vec::new();
    while let Some(delivered) = deliveries.next().await {
        let record = delivered.acknowledge(Ok(()));
        let line = String::from_utf8_lossy(record.json()).into_owned();
        assert!(!line.contains(PLANTED), "{line}");
        events.push(serde_json::from_str(&line).unwrap());
    }
    events
}

/// The head of a request for this message.
fn head(message: &Value) -> Parts {
    modern_request(message).0
}

async fn send(guard: &Guard, mut parts: Parts, message: &Value) -> Option<Decision> {
    match guard.admit(&mut parts, Some([192, 0, 2, 1].into())).await {
        Admission::Body(admitted) => {
            Some(admitted.decide(&mut parts, Bytes::from(message.to_string())).await)
        }
        _ => None,
    }
}

fn unlock(tool: &str) -> Value {
    modern_message("tools/call", json!({"name": tool, "arguments": {"word": PLANTED, "n": 1}}))
}

#[tokio::test]
async fn what_is_not_known_to_be_asked_for_leaves_no_parameters() {
    let (guard, deliveries) = guard(|guard| guard);
    let call = unlock("unlock");
    let change: [fn(&mut Parts, &mut Value); 7] = [
        |_, _| {},
        |parts, _| drop(parts.headers.remove("mcp-name")),
        |parts, _| drop(parts.headers.insert("mcp-name", HeaderValue::from_static("lock"))),
        |parts, _| drop(parts.headers.remove("mcp-method")),
        |parts, _| drop(parts.headers.insert("mcp-protocol-version", HeaderValue::from_static("1999-01-01"))),
        |_, call| drop(call["params"].as_object_mut().unwrap().remove("_meta")),
        |_, call| drop(call.as_object_mut().unwrap().remove("id")),
    ];
    for change in change {
        let (mut parts, mut call) = (head(&call), call.clone());
        change(&mut parts, &mut call);
        drop(send(&guard, parts, &call).await);
    }
    // A slip of the pen is no tool, and no schema knows its arguments.
    let slip = unlock("unlok");
    drop(send(&guard, head(&slip), &slip).await);
    let answers = json!({"taskId": "1", "inputResponses": {"a": {"content": {"iban": PLANTED}}}});
    let answers = modern_message("tasks/update", answers);
    drop(send(&guard, head(&answers), &answers).await);

    let events = taken(guard, deliveries).await;
    let good: Vec<_> = events.iter().filter(|event| event.kind.is_none()).collect();
    assert_eq!(good[0].params, Some(json!({"word": "[redacted: schema]", "n": 1})), "{events:#?}");
    let refused: Vec<_> = events.iter().filter(|event| event.kind.is_some()).collect();
    assert_eq!(refused.len(), 8, "{events:#?}");
    for event in refused.iter().filter(|event| event.method.as_deref() != Some("tasks/update")) {
        assert_eq!(event.params, None, "{event:?}");
    }
}

/// Comes with this credential from this address: what is answered, if anything.
async fn come(guard: &Guard, method: &str, authorization: Option<&str>, address: [u8; 4]) -> Option<u16> {
    let (mut parts, ()) = Request::new(()).into_parts();
    (parts.method, parts.uri) = (method.parse().unwrap(), "/mcp".parse().unwrap());
    parts.headers = head(&modern_message("ping", json!({}))).headers;
    parts.headers.remove("authorization");
    parts.headers.extend(
        authorization.map(|value| (http::header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())),
    );
    match guard.admit(&mut parts, Some(address.into())).await {
        Admission::Respond(response) => Some(response.status().as_u16()),
        _ => None,
    }
}

fn kinds(events: &[AuditEvent], address: [u8; 4]) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for event in events.iter().filter(|event| event.address == Some(address.into())) {
        *kinds.entry(event.kind.as_deref().unwrap_or_default()).or_default() += 1;
    }
    kinds
}

#[tokio::test]
async fn nobody_fills_the_record_by_being_refused() {
    const THEIRS: [u8; 4] = [192, 0, 2, 66];
    const OTHERS: [u8; 4] = [192, 0, 2, 7];
    let (guard, deliveries) = guard(|guard| guard.failures_per_minute(NonZeroU32::new(5).unwrap()));
    for n in 0..100 {
        assert_eq!(come(&guard, "PUT", None, THEIRS).await, Some(405));
        assert_eq!(come(&guard, "POST", Some("x"), THEIRS).await, Some(400));
        let status = if n < 5 { 401 } else { 429 };
        assert_eq!(come(&guard, "POST", Some(&format!("Bearer bad{n}")), THEIRS).await, Some(status));
    }
    assert_eq!(come(&guard, "PUT", None, OTHERS).await, Some(405));
    // However many they are.
    for n in 0..2000_u32 {
        let [_, _, a, b] = n.to_be_bytes();
        come(&guard, "PUT", None, [198, 18, a, b]).await;
    }
    let events = taken(guard, deliveries).await;
    let theirs = kinds(&events, THEIRS);
    assert_eq!(theirs["too_many_failures"], 1, "when it began to be blocked: {theirs:?}");
    assert_eq!(theirs["token_unknown"], 5, "{theirs:?}");
    assert_eq!(theirs.values().sum::<usize>(), 31, "{theirs:?}");
    assert_eq!(kinds(&events, OTHERS)["method_not_allowed"], 1);
    assert_eq!(events.len(), 1001);
}

#[tokio::test]
async fn who_asks_too_often_is_told_once_and_named() {
    const ADDRESS: [u8; 4] = [192, 0, 2, 1];
    let (guard, deliveries) = guard(|guard| guard.requests_per_minute(NonZeroU32::new(2).unwrap()));
    for n in 0..50 {
        let status = (n >= 2).then_some(429);
        assert_eq!(come(&guard, "POST", Some("Bearer secret"), ADDRESS).await, status);
    }
    let events = taken(guard, deliveries).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].kind.as_deref(), Some("too_many_requests"));
    assert_eq!(events[0].principal.as_ref().unwrap().subject, "ada");
}

#[tokio::test]
async fn an_answer_that_nobody_read_is_no_success() {
    let (guard, deliveries) = guard(|guard| guard);
    for header in [("content-encoding", "gzip"), ("content-type", "text/plain")] {
        let call = unlock("unlock");
        let Some(Decision::Forward(forward)) = send(&guard, head(&call), &call).await else { panic!() };
        let answer =
            Response::builder().header(header.0, header.1).body(Full::from(&b"\x1f\x8b"[..])).unwrap();
        let answer: Response<GuardedBody<_, Ready<Rest<Full<Bytes>>>>> = forward.exchange.respond(answer);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), &b"\x1f\x8b"[..]);
    }
    let events = taken(guard, deliveries).await;
    for event in events.iter().filter(|event| event.record == RecordKind::Outcome) {
        assert_eq!((event.outcome, event.error.as_deref()), (Some(OutcomeKind::Cut), Some("unread")));
    }
    assert_eq!(events.len(), 4);
}

/// What runs on as a task has not been done yet, and may never be.
#[tokio::test]
async fn what_became_a_task_is_no_success() {
    let (guard, deliveries) = guard(|guard| guard);
    let task = json!({"taskId": "t1", "status": "working"});
    let modern = json!({"resultType": "task", "taskId": "t1", "status": "working"});
    for (revision, result) in [
        ("2026-07-28", modern),
        ("2025-11-25", json!({"task": task})),
        ("2026-07-28", json!({"resultType": "promise"})),
        ("2026-07-28", json!({"resultType": 1})),
        ("2026-07-28", json!({"resultType": "complete", "content": []})),
        ("2025-11-25", json!({"content": []})),
    ] {
        let mut call = unlock("unlock");
        let mut parts = head(&call);
        if revision != "2026-07-28" {
            call["params"].as_object_mut().unwrap().remove("_meta");
            parts.headers.remove("mcp-method");
            parts.headers.remove("mcp-name");
            parts.headers.insert("mcp-protocol-version", HeaderValue::from_static(revision));
        }
        let Some(Decision::Forward(forward)) = send(&guard, parts, &call).await else { panic!() };
        let body = json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
        let answer =
            Response::builder().header("content-type", "application/json").body(Full::from(body)).unwrap();
        let answer: Response<GuardedBody<_, Ready<Rest<Full<Bytes>>>>> = forward.exchange.respond(answer);
        drop(answer.into_body().collect().await.unwrap());
    }
    let events = taken(guard, deliveries).await;
    let outcomes: Vec<_> = events
        .iter()
        .filter(|event| event.record == RecordKind::Outcome)
        .map(|event| (event.outcome.unwrap(), event.error.as_deref()))
        .collect();
    let (cut, succeeded) = (OutcomeKind::Cut, (OutcomeKind::Succeeded, None));
    assert_eq!(
        outcomes,
        [
            (cut, Some("task")),
            (cut, Some("task")),
            (cut, Some("unread")),
            (cut, Some("unread")),
            succeeded,
            succeeded
        ]
    );
    let ids = events
        .iter()
        .filter(|event| event.result.as_ref().is_some_and(|shown| shown.to_string().contains("t1")));
    assert_eq!(ids.count(), 2, "by which it can be looked for");
}

/// A stream that says this much and stays open.
struct Open(Option<Bytes>);

impl Body for Open {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_stream_that_the_guard_ends_ends_between_events_and_in_order() {
    let (recorded, deliveries) = guard(|guard| guard);
    let tools = ToolPolicies::new().tool("unlock", read("notes:read"));
    let plain = Guard::builder("https://mcp.example/mcp")
        .verifier(OneToken("notes:read"))
        .tools(tools)
        .build()
        .unwrap()
        .0;
    let listen = modern_message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    for guard in [&plain, &recorded] {
        let Some(Decision::Forward(forward)) = send(guard, head(&listen), &listen).await else { panic!() };
        let notice = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
        let said = Bytes::from(format!("data: {notice}\n\nevent: message\ndata: {{\"jsonrpc"));
        let answer =
            Response::builder().header("content-type", "text/event-stream").body(Open(Some(said))).unwrap();
        let answer: Response<GuardedBody<_, Ready<Rest<Open>>>> = forward.exchange.respond(answer);
        let mut body = Box::pin(answer.into_body());
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        guard.shutdown();
        let rest = tokio::time::timeout(Duration::from_secs(10), body.collect()).await.unwrap().unwrap();
        let stream = String::from_utf8([first, rest.to_bytes()].concat()).unwrap();
        let events: Vec<Value> = stream
            .split_terminator("\n\n")
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        assert_eq!(events.len(), 2, "{stream}");
        assert_eq!((&events[1]["id"], &events[1]["result"]["resultType"]), (&json!(1), &json!("complete")));
    }
    drop(plain);
    let events = taken(recorded, deliveries).await;
    assert_eq!(events.last().unwrap().outcome, Some(OutcomeKind::Succeeded), "{events:#?}");
}
