//! Events in other formats, a line each.
#![cfg(all(feature = "ocsf", feature = "otel"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_auth_core::Principal;
use mcp_auth_core::audit::{
    Audit, AuditError, ChannelSink, Effect, Export, FanOut, Intent, Outcome, ocsf, otel,
};
use serde_json::{Value, json};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A write, a read that was cut and a refusal, beside a sink that keeps them.
async fn record(export: Export) {
    let (keeps, mut deliveries) = ChannelSink::new(16);
    let audit = Audit::new(FanOut::new().required(keeps).optional(export));
    let keeping = tokio::spawn(async move {
        while let Some(delivered) = deliveries.next().await {
            delivered.acknowledge(Ok(()));
        }
    });
    let ada = Principal::builder("https://issuer.example", "ada").build();
    let write = Intent {
        principal: Some(&ada),
        method: Some("tools/call"),
        target: Some("delete_note"),
        effect: Effect::Destructive,
        trace: Some(TRACE),
        proof: Some("dpop"),
        ..Intent::default()
    };
    audit.begin(&write).await.unwrap().finish(&Outcome::succeeded());
    drop(audit.begin(&Intent { effect: Effect::Read, ..write }).await.unwrap());
    audit.record(&write, &Outcome::denied("insufficient_scope"));
    tokio::time::timeout(Duration::from_secs(5), audit.close()).await.expect("it closes");
    drop(audit);
    keeping.await.unwrap();
}

#[tokio::test]
async fn a_call_is_one_line_of_ocsf() {
    let kept = Kept::default();
    let (export, background) = ocsf::lines(kept.clone());
    let background = tokio::spawn(background);
    record(export).await;
    tokio::time::timeout(Duration::from_secs(5), background).await.expect("it ends").unwrap();
    let told: Vec<_> =
        kept.lines().iter().map(|line| (line["activity_id"].clone(), line["status_id"].clone())).collect();
    assert_eq!(told, [(json!(4), json!(1)), (json!(2), json!(99)), (json!(4), json!(2))]);
    let first = &kept.lines()[0];
    assert_eq!((&first["class_uid"], &first["actor"]["user"]["uid"]), (&json!(6003), &json!("ada")));
    assert_eq!((&first["unmapped"]["proof"], first["duration"].is_u64()), (&json!("dpop"), true));
}

#[tokio::test]
async fn a_call_is_one_log_record_of_opentelemetry() {
    let kept = Kept::default();
    let (export, background) = otel::lines("notes", kept.clone());
    tokio::spawn(background);
    record(export).await;
    let lines = kept.lines();
    assert_eq!(lines.len(), 3);
    let logs = &lines[2]["resourceLogs"][0];
    let service = json!([{"key": "service.name", "value": {"stringValue": "notes"}}]);
    assert_eq!(logs["resource"]["attributes"], service);
    let record = &logs["scopeLogs"][0]["logRecords"][0];
    assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(13), &json!("WARN")));
    assert_eq!(record["timeUnixNano"].as_str().unwrap().len(), 19);
    assert_eq!(record["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((&record["spanId"], &record["flags"]), (&json!("00f067aa0ba902b7"), &json!(1)));
    let attributes = record["attributes"].as_array().unwrap();
    for (key, value) in [("gen_ai.tool.name", "delete_note"), ("error.type", "insufficient_scope")] {
        assert!(attributes.contains(&json!({"key": key, "value": {"stringValue": value}})), "{record}");
    }
    let body = record["body"]["kvlistValue"]["values"].as_array().unwrap();
    let time = body.iter().find(|member| member["key"] == "time").unwrap();
    assert!(time["value"]["intValue"].is_string(), "{time}");
}

#[tokio::test]
async fn an_export_vouches_for_nothing_and_holds_nobody_up() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (export, background) = ocsf::lines(Full);
    let write = Intent { effect: Effect::Write, ..Intent::default() };
    assert_eq!(Audit::new(export.clone()).begin(&write).await.unwrap_err(), AuditError::NotKept);
    // Without its background, and with one that cannot write.
    record(export.clone()).await;
    tokio::spawn(background);
    record(export).await;
}
