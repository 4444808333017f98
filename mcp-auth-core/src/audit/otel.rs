//! Events as OpenTelemetry log records, in the JSON encoding of OTLP: a line is a `LogsData`, as the Collector's `otlpjsonfile`
//! receiver reads them and its HTTP endpoint (`/v1/logs`) takes them.
//!
//! 1. Attributes have the names of OpenTelemetry's conventions; the body is the whole event.
//! 2. A client's `traceparent` gives the trace and the span.
//! 3. An intent and its outcome are one record, as [`Export`] joins them. No library of OpenTelemetry's is linked.
//!
//! ```
//! use mcp_auth_core::audit::{AuditEvent, EventId, RecordKind, otel};
//! use mcp_auth_core::time::Timestamp;
//! let now = Timestamp::from_secs(1_800_000_000);
//! let event = AuditEvent::new(EventId::new(now), RecordKind::Event, now);
//! let data = otel::logs_data("notes", &event);
//! assert_eq!(data["resourceLogs"][0]["scopeLogs"][0]["scope"]["name"], "mcp_auth::audit");
//!
//! let (sink, background) = otel::lines("notes", std::io::stdout());
//! # drop((sink, background));
//! ```

use std::io::Write;

use serde_json::{Map, Value, json};

use super::{AuditEvent, Export, OutcomeKind};
use crate::background::Background;

/// A sink that writes each event of the service `service` (`service.name`) as a line of OTLP JSON.
pub fn lines(service: impl Into<String>, out: impl Write + Send + 'static) -> (Export, Background) {
    let service = service.into();
    Export::new(move |event| logs_data(&service, event), out)
}

/// The event as a `LogsData` of one record.
#[must_use]
pub fn logs_data(service: &str, event: &AuditEvent) -> Value {
    json!({"resourceLogs": [{
        "resource": {"attributes": [attribute("service.name", service)]},
        "scopeLogs": [{
            "scope": {"name": "mcp_auth::audit", "version": env!("CARGO_PKG_VERSION")},
            "logRecords": [record(event)],
        }],
    }]})
}

fn record(event: &AuditEvent) -> Value {
    let went_wrong = matches!(
        event.outcome,
        Some(OutcomeKind::Denied | OutcomeKind::Failed | OutcomeKind::TimedOut | OutcomeKind::Cut)
    );
    let (severity, text) = if went_wrong { (13, "WARN") } else { (9, "INFO") };
    // 64 bits are texts in this encoding.
    let time = format!("{}000000", event.time.as_millis());
    let mut record = json!({
        "timeUnixNano": time,
        "observedTimeUnixNano": time,
        "severityNumber": severity,
        "severityText": text,
        "eventName": "mcp_auth.audit",
        "body": any_value(serde_json::to_value(event).unwrap_or_default()),
        "attributes": attributes(event),
    });
    let trace = event.trace.as_deref().map(|trace| trace.split('-').collect::<Vec<_>>());
    if let (Some([_, trace, span, flags]), Some(members)) = (trace.as_deref(), record.as_object_mut()) {
        members.insert("traceId".to_owned(), json!(trace.to_ascii_lowercase()));
        members.insert("spanId".to_owned(), json!(span.to_ascii_lowercase()));
        members.insert("flags".to_owned(), json!(u8::from_str_radix(flags, 16).unwrap_or_default()));
    }
    record
}

fn attributes(event: &AuditEvent) -> Vec<Value> {
    let target = match event.method.as_deref() {
        Some("tools/call") => "gen_ai.tool.name",
        Some("prompts/get") => "gen_ai.prompt.name",
        _ => "mcp.resource.uri",
    };
    let address = event.address.map(|address| address.to_string());
    let known = [
        ("mcp.method.name", event.method.as_deref()),
        ("mcp.protocol.version", event.era.as_deref()),
        (target, event.target.as_deref()),
        ("user.id", event.principal.as_ref().map(|principal| principal.subject.as_str())),
        ("client.address", address.as_deref()),
        ("user_agent.original", event.agent.as_deref()),
        ("error.type", event.kind.as_deref().or(event.error.as_deref())),
    ];
    known.into_iter().filter_map(|(name, value)| Some(attribute(name, value?))).collect()
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// An `AnyValue`.
fn any_value(value: Value) -> Value {
    match value {
        Value::Null => Value::Object(Map::new()),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) => match number.as_i64() {
            Some(number) => json!({"intValue": number.to_string()}),
            None => json!({"doubleValue": number}),
        },
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(items) => {
            json!({"arrayValue": {"values": items.into_iter().map(any_value).collect::<Vec<_>>()}})
        }
        Value::Object(members) => {
            let members =
                members.into_iter().map(|(key, value)| json!({"key": key, "value": any_value(value)}));
            json!({"kvlistValue": {"values": members.collect::<Vec<_>>()}})
        }
    }
}
