//! What a guard takes down of who comes without a credential, where a tool is public.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::future::Ready;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use mcp_auth_core::audit::{Audit, AuditEvent, ChannelSink, Deliveries, OutcomeKind, RecordKind};
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::guard::{Admission, Decision, GuardedBody, Rest};
use mcp_auth_core::mcp::{ListKind, Operation, Target};
use mcp_auth_core::policy::{Arguments, Effect, ScopePolicy, Verdict};
use mcp_auth_core::verify::{TokenRefusal, Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Guard, Principal, ScopeSet, TokenVerifier};
use serde_json::json;

const THEIRS: [u8; 4] = [192, 0, 2, 66];
const OTHERS: [u8; 4] = [192, 0, 2, 7];
const THIRD: [u8; 4] = [192, 0, 2, 8];

struct OneToken;

#[async_trait::async_trait]
impl TokenVerifier for OneToken {
    async fn verify(&self, credential: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        match credential.expose_token() {
            "good" => Ok(Principal::builder("https://issuer.example", "ada").build().into()),
            _ => Err(TokenRefusal::Unknown.into()),
        }
    }
    fn authorization_servers(&self) -> Vec<String> {
        vec!["https://issuer.example".to_owned()]
    }
}

/// Everything is public: `note` writes, all else reads.
struct Open;

impl ScopePolicy for Open {
    fn decide(&self, _: Option<&Principal>, operation: &Operation, _: Arguments<'_>) -> Verdict {
        let writes = matches!(&operation.target, Target::Tool(tool) if tool == "note");
        let effect = if writes { Effect::Write } else { Effect::Read };
        Verdict::Allow { effect, needed: ScopeSet::default() }
    }
    fn is_listed(&self, _: Option<&Principal>, _: ListKind, _: &str) -> bool {
        true
    }
    fn has_public(&self) -> bool {
        true
    }
    fn covers(&self, _: &ScopeSet, _: &ScopeSet) -> bool {
        true
    }
    fn scopes(&self) -> ScopeSet {
        ScopeSet::default()
    }
    fn report(&self, _: &mut ConfigErrors) {}
}

fn guard(audit: impl FnOnce(Audit) -> Audit) -> (Guard, Deliveries) {
    let (sink, deliveries) = ChannelSink::new(8192);
    let builder = Guard::builder("https://mcp.example/mcp").verifier(OneToken).policy(Open);
    (builder.audit(audit(Audit::new(sink))).build().unwrap().0, deliveries)
}

/// Calls from this address: what the client is answered, 200 if the service was asked.
async fn call(
    guard: &Guard,
    token: Option<&str>,
    address: [u8; 4],
    method: &str,
    more: serde_json::Value,
) -> u16 {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": more});
    let mut request = Request::post("/mcp")
        .header("host", "mcp.example")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-06-18");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let admitted = match guard.admit(&mut parts, Some(address.into())).await {
        Admission::Body(admitted) => admitted,
        Admission::Respond(response) => return response.status().as_u16(),
        _ => panic!("no body is read"),
    };
    match admitted.decide(&mut parts, Bytes::from(message.to_string())).await {
        Decision::Forward(forward) => {
            let body = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#;
            let answer = Response::builder().header("content-type", "application/json");
            let answer = answer.body(Full::from(body)).unwrap();
            let answer: Response<GuardedBody<_, Ready<Rest<Full<Bytes>>>>> = forward.exchange.respond(answer);
            let status = answer.status().as_u16();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body);
            status
        }
        Decision::Respond(response) => {
            assert!(response.status() != 429 || response.headers().contains_key("retry-after"));
            response.status().as_u16()
        }
        Decision::AskThenForward(_) => panic!("nothing is asked here"),
    }
}

fn of(tool: &str) -> serde_json::Value {
    json!({"name": tool, "arguments": {}})
}

/// What is taken down, as it comes; each record is kept.
fn keeping(mut deliveries: Deliveries) -> tokio::task::JoinHandle<Vec<AuditEvent>> {
    tokio::spawn(async move {
        let mut events = Vec::new();
        while let Some(delivered) = deliveries.next().await {
            events.push(serde_json::from_slice(delivered.acknowledge(Ok(())).json()).unwrap());
        }
        events
    })
}

async fn kept(guard: Guard, keeping: tokio::task::JoinHandle<Vec<AuditEvent>>) -> Vec<AuditEvent> {
    drop(guard);
    tokio::time::timeout(Duration::from_secs(10), keeping).await.unwrap().unwrap()
}

/// By address, how many of this kind.
fn count(events: &[AuditEvent], record: RecordKind) -> HashMap<IpAddr, usize> {
    let mut counts = HashMap::new();
    for event in events.iter().filter(|event| event.record == record) {
        *counts.entry(event.address.unwrap()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn nobody_fills_the_record_by_what_is_public() {
    let (guard, deliveries) = guard(|audit| audit);
    let keeping = keeping(deliveries);
    for _ in 0..50 {
        for method in ["ping", "tools/list"] {
            assert_eq!(call(&guard, None, THEIRS, method, json!({"x": "y"})).await, 200);
        }
        assert_eq!(call(&guard, None, THEIRS, "tools/call", of("look")).await, 200);
        assert_eq!(call(&guard, Some("good"), THEIRS, "ping", json!({})).await, 200);
    }
    assert_eq!(call(&guard, None, OTHERS, "tools/call", of("look")).await, 200);
    // What only asks, too.
    let dry_run = json!({"name": "look", "arguments": {}, "_meta": {"mcp-auth/dryRun": true}});
    for _ in 0..50 {
        assert_eq!(call(&guard, None, THIRD, "tools/call", dry_run.clone()).await, 200);
    }
    // However many they are.
    for n in 0..2000_u32 {
        let [_, _, a, b] = n.to_be_bytes();
        assert_eq!(call(&guard, None, [198, 18, a, b], "ping", json!({})).await, 200);
    }
    let events = kept(guard, keeping).await;
    let (known, nobodys): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.principal.is_some());
    assert_eq!(known.len(), 50, "who is known is taken down each time");
    let intents = count(&nobodys, RecordKind::Intent);
    assert_eq!((intents[&IpAddr::from(THEIRS)], intents[&IpAddr::from(OTHERS)]), (30, 1));
    assert_eq!(count(&nobodys, RecordKind::Event), HashMap::from([(THIRD.into(), 30)]));
    assert_eq!(intents.values().sum::<usize>() + 30, 1000);
    let outcomes = nobodys.iter().filter(|event| event.record == RecordKind::Outcome).count();
    assert_eq!(outcomes, 1000 - 30 + 50, "an outcome names nobody, and belongs to its intent");
}

#[tokio::test]
async fn a_write_of_nobody_runs_when_it_is_taken_down_and_else_not_at_all() {
    let (open, deliveries) = guard(|audit| audit);
    let keeping = keeping(deliveries);
    for n in 0..50 {
        // What only reads leaves room for it.
        assert_eq!(call(&open, None, THEIRS, "ping", json!({})).await, 200);
        let status = if n < 30 { 200 } else { 429 };
        assert_eq!(call(&open, None, THEIRS, "tools/call", of("note")).await, status, "{n}");
    }
    assert_eq!(call(&open, None, OTHERS, "tools/call", of("note")).await, 200, "others go on");
    assert_eq!(call(&open, Some("good"), THEIRS, "tools/call", of("note")).await, 200);
    let events = kept(open, keeping).await;
    let writes = events.iter().filter(|event| {
        event.record == RecordKind::Intent
            && event.target.as_deref() == Some("note")
            && event.principal.is_none()
    });
    assert_eq!(writes.count(), 31);
    let refused: Vec<_> = events.iter().filter(|event| event.outcome == Some(OutcomeKind::Denied)).collect();
    assert_eq!(refused.len(), 20);
    assert!(refused.iter().all(|event| event.kind.as_deref() == Some("too_many_requests")));

    // Nobody keeps what is delivered.
    let (closed, _deliveries) = guard(|audit| audit.waits(Duration::from_millis(50)));
    assert_eq!(call(&closed, None, THEIRS, "tools/call", of("note")).await, 503);
}
