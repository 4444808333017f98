//! A real client that says it can ask its user, and never answers: TypeScript's SDK, in both eras, on axum and actix.
//!
//! Nothing runs, the call ends within the bound, a record says why, and the next one is asked as if nothing had been.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_auth_core::audit::{Audit, ChannelSink};
use mcp_auth_core::confirm::StoreGate;
use mcp_auth_core::store::{KeyRing, MemoryStore};
use mcp_auth_core::testing::Authority;
use serde_json::Value;

use super::behind::Behind;
use super::support::{self, EVERY_SCOPE};
use super::{Framework, server};

/// How long an answer may take.
const BOUND: Duration = Duration::from_secs(5);
/// As many questions wait in one session.
const WAITING: usize = 16;
/// As many calls are left without an answer, twice.
const SILENT: usize = 2 * WAITING;

/// Every record, in the order in which they came.
type Records = Arc<Mutex<Vec<Value>>>;

fn audit() -> (Audit, Records) {
    let (sink, mut deliveries) = ChannelSink::new(1024);
    let records = Records::default();
    let kept = Arc::clone(&records);
    tokio::spawn(async move {
        while let Some(delivered) = deliveries.next().await {
            let record = delivered.acknowledge(Ok(()));
            kept.lock().unwrap().push(serde_json::from_slice(record.json()).unwrap());
        }
    });
    (Audit::new(sink), records)
}

/// What the records of the destructive tool say, and how often: outcome, kind.
fn said(records: &Records) -> BTreeMap<(String, String), usize> {
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let records = records.lock().unwrap();
    let mut said = BTreeMap::new();
    for record in records.iter().filter(|record| record["target"] == "mittwald_container_restart") {
        *said.entry((text(record, "outcome"), text(record, "kind"))).or_default() += 1;
    }
    said
}

async fn silent(framework: Framework, era: &str) {
    let authority = Authority::start().await.unwrap();
    let (audit, records) = audit();
    let behind = Behind::new(&authority, "refuse", |guard, url| {
        let gate = StoreGate::new(url, Arc::new(MemoryStore::default()), KeyRing::generate().unwrap());
        guard
            .confirmation(gate.answer_within(BOUND).good_for(BOUND))
            // Those that wait, the stream of their session, and two to spare.
            .requests_at_once(NonZeroU32::new(WAITING as u32 + 3).unwrap())
            .audit(audit)
    });
    let served = match framework {
        Framework::Axum => behind.await.on_axum(),
        Framework::Actix => behind.await.on_actix(),
    };
    support::ready(&served.url).await;
    let token = authority.token(&served.url).scope(EVERY_SCOPE).sign();
    let bound = BOUND.as_millis().to_string();
    let arguments = ["typescript/silent.mjs", "--url", &served.url, "--era", era, "--bound", &bound];
    server::run_with(&PathBuf::from("node"), &arguments, &[("MCP_TEST_TOKEN", &token)]).await;

    let unanswered = match era {
        "legacy" => ("denied", "confirmation_no_answer", SILENT),
        // One of them came back too late.
        _ => ("denied", "state_expired", 1),
    };
    // Beside the silent ones there was one that was answered.
    let told = [("allowed", "", 1), ("pending", "", SILENT + 1), unanswered];
    let told = told.into_iter().map(|(outcome, kind, times)| ((outcome.to_owned(), kind.to_owned()), times));
    assert_eq!(said(&records), told.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_legacy_on_axum() {
    silent(Framework::Axum, "legacy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_legacy_on_actix() {
    silent(Framework::Actix, "legacy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_modern_on_axum() {
    silent(Framework::Axum, "modern").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_modern_on_actix() {
    silent(Framework::Actix, "modern").await;
}
