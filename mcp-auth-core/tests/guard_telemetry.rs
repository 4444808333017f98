//! The span of a request and the time it took, by the names of OpenTelemetry's conventions for MCP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/guarded.rs"]
mod guarded;

use std::collections::{BTreeMap, HashMap};
use std::future::Ready;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use guarded::{OneToken, decide, request};
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use mcp_auth_core::Guard;
use mcp_auth_core::audit::{Audit, ChannelSink};
use mcp_auth_core::guard::{Decision, Forward, GuardedBody, Rest};
use mcp_auth_core::policy::{ToolPolicies, read};
use metrics::{Counter, Gauge, HistogramFn, Key, KeyName, Metadata as Meta, Recorder, SharedString, Unit};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Fields = BTreeMap<String, String>;

/// Keeps the fields of every span.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<(u64, HashMap<u64, Fields>)>>);

struct Into<'a>(&'a mut Fields);

impl Visit for Into<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.name() == "mcp_request"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut inner = self.0.lock().unwrap();
        inner.0 += 1;
        let id = inner.0;
        span.record(&mut Into(inner.1.entry(id).or_default()));
        Id::from_u64(id)
    }
    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut Into(self.0.lock().unwrap().1.entry(id.into_u64()).or_default()));
    }
    fn event(&self, _: &Event<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Keeps how often each histogram was fed.
#[derive(Clone, Default)]
struct Fed(Arc<Mutex<Vec<String>>>);

struct Fill(String, Fed);

impl HistogramFn for Fill {
    fn record(&self, value: f64) {
        assert!((0.0..10.0).contains(&value), "in seconds: {value}");
        self.1.0.lock().unwrap().push(self.0.clone());
    }
}

impl Recorder for Fed {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        assert_eq!((name.as_str(), unit), ("mcp.server.operation.duration", Some(Unit::Seconds)));
    }
    fn register_counter(&self, _: &Key, _: &Meta<'_>) -> Counter {
        Counter::noop()
    }
    fn register_gauge(&self, _: &Key, _: &Meta<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Meta<'_>) -> metrics::Histogram {
        let mut labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        metrics::Histogram::from_arc(Arc::new(Fill(labels.join(" "), self.clone())))
    }
}

type Never = Ready<Rest<Full<Bytes>>>;

/// Sends a message, and lets the service answer so; without an answer it is cut.
async fn send(guard: &Guard, method: &str, params: Value, answer: Option<Value>) {
    let message = json!({ "jsonrpc": "2.0", "id": "q-1", "method": method, "params": params });
    let (mut parts, body) = request(&message, None);
    parts.headers.insert("mcp-protocol-version", HeaderValue::from_static("2025-06-18"));
    let decision = decide(guard, &mut parts, body).await;
    let Decision::Forward(Forward { exchange, .. }) = decision else { return };
    let Some(answer) = answer else { return };
    let response = Response::builder().header("content-type", "application/json");
    let response = response.body(Full::from(answer.to_string())).unwrap();
    let response: Response<GuardedBody<_, Never>> = exchange.respond(response);
    response.into_body().collect().await.unwrap();
}

#[tokio::test]
async fn spans_and_durations_have_the_names_of_the_conventions() {
    let (spans, fed) = (Spans::default(), Fed::default());
    let _spans = tracing::subscriber::set_default(spans.clone());
    let _fed = metrics::set_default_local_recorder(&fed);
    let (sink, _deliveries) = ChannelSink::new(64);
    let tools = ToolPolicies::new()
        .tool("list_notes", read("notes:read"))
        .tool("secrets", read("admin"))
        .resource("note://{+id}", read("notes:read"));
    let builder = Guard::builder("https://mcp.example/mcp").verifier(OneToken("notes:read")).tools(tools);
    let (guard, _background) = builder.audit(Audit::new(sink)).build().unwrap();

    let call = || json!({ "name": "list_notes", "arguments": { "q": "private" } });
    let good = json!({ "jsonrpc": "2.0", "id": "q-1", "result": { "content": [] } });
    send(&guard, "tools/call", call(), Some(good.clone())).await;
    let bad = json!({ "jsonrpc": "2.0", "id": "q-1", "result": { "content": [], "isError": true } });
    send(&guard, "tools/call", call(), Some(bad)).await;
    let code = json!({ "jsonrpc": "2.0", "id": "q-1", "error": { "code": -32603, "message": "no" } });
    send(&guard, "resources/read", json!({ "uri": "note://1?key=private" }), Some(code)).await;
    send(&guard, "tools/call", call(), None).await;
    send(&guard, "tools/call", json!({ "name": "secrets" }), None).await;
    send(&guard, "ping", json!({}), Some(good)).await;

    let spans = spans.0.lock().unwrap();
    let field = |span: u64, name: &str| spans.1[&span].get(name).map(String::as_str);
    for span in 1..=6 {
        assert_eq!(field(span, "otel.kind"), Some("server"));
        assert_eq!(field(span, "client.address"), Some("192.0.2.1"));
        assert_eq!(field(span, "mcp.protocol.version"), Some("2025-06-18"));
        assert_eq!(field(span, "jsonrpc.request.id"), Some("q-1"));
        assert!(!spans.1[&span].values().any(|value| value.contains("private")), "{:?}", spans.1[&span]);
    }
    assert_eq!(field(1, "otel.name"), Some("tools/call list_notes"));
    assert_eq!(
        (field(1, "gen_ai.tool.name"), field(1, "gen_ai.operation.name")),
        (Some("list_notes"), Some("execute_tool"))
    );
    assert_eq!((field(1, "error.type"), field(1, "otel.status_code")), (None, None));
    assert_eq!((field(2, "error.type"), field(2, "otel.status_code")), (Some("tool_error"), Some("ERROR")));
    assert_eq!((field(3, "otel.name"), field(3, "error.type")), (Some("resources/read"), Some("-32603")));
    assert_eq!(field(3, "mcp.resource.uri"), Some("note://1"));
    assert_eq!(field(4, "error.type"), Some("cut"));
    assert_eq!(field(5, "error.type"), Some("insufficient_scope"));
    assert_eq!((field(6, "otel.name"), field(6, "gen_ai.tool.name")), (Some("ping"), None));

    let call = "gen_ai.operation.name=execute_tool gen_ai.tool.name=list_notes mcp.method.name=tools/call";
    assert_eq!(
        *fed.0.lock().unwrap(),
        [
            call.to_owned(),
            format!("error.type=tool_error {call}"),
            "error.type=-32603 mcp.method.name=resources/read".to_owned(),
            format!("error.type=cut {call}"),
            "mcp.method.name=ping".to_owned(),
        ]
    );
}
