//! Sinks made of sinks, and what stands behind `dyn`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_auth_core::audit::{
    Acknowledgement, Audit, AuditError, AuditEvent, AuditSink, Begun, ChannelSink, Closing, Delivered,
    Deliveries, Effect, FanOut, Filter, Intent, JsonLines, Outcome, OutcomeKind, Record, RecordKind, Room,
    Ticket, TracingSink,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};

fn is_send_and_sync<T: Send + Sync + 'static>() {}

#[test]
fn what_is_shared_can_be_shared() {
    is_send_and_sync::<Audit>();
    is_send_and_sync::<Ticket>();
    is_send_and_sync::<Record>();
    is_send_and_sync::<JsonLines>();
    is_send_and_sync::<Box<dyn AuditSink>>();
    is_send_and_sync::<Box<dyn Room>>();
}

fn write() -> Intent<'static> {
    Intent { method: Some("tools/call"), target: Some("update"), effect: Effect::Write, ..Intent::default() }
}

async fn next(deliveries: &mut Deliveries) -> Delivered {
    tokio::time::timeout(Duration::from_secs(5), deliveries.next()).await.unwrap().unwrap()
}

#[tokio::test]
async fn every_required_sink_has_to_acknowledge_and_no_optional_one() {
    let (one, mut at_one) = ChannelSink::new(8);
    let (two, mut at_two) = ChannelSink::new(8);
    let (gone, at_gone) = ChannelSink::new(8);
    drop(at_gone);
    let audit = Audit::new(FanOut::new().required(one).required(two).optional(gone));
    let begun = tokio::spawn(audit.begin(&write()));
    next(&mut at_one).await.acknowledge(Ok(()));
    let second = next(&mut at_two).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!begun.is_finished());
    second.acknowledge(Ok(()));
    begun.await.unwrap().unwrap().finish(&Outcome::succeeded());
    for deliveries in [&mut at_one, &mut at_two] {
        assert_eq!(next(deliveries).await.record.outcome(), OutcomeKind::Succeeded);
    }

    drop(at_two);
    assert_eq!(audit.begin(&write()).await.unwrap_err(), AuditError::NotRunning);
    let intent = next(&mut at_one).await.record;
    let denied = next(&mut at_one).await.record;
    assert_eq!(
        (denied.id(), denied.kind(), denied.outcome()),
        (intent.id(), RecordKind::Outcome, OutcomeKind::Denied)
    );
    assert_eq!(Audit::new(FanOut::new()).begin(&write()).await.unwrap_err(), AuditError::NotRunning);
}

#[tokio::test]
async fn a_sink_that_hangs_lets_no_write_run() {
    let (sink, mut deliveries) = ChannelSink::new(8);
    let audit = Audit::new(sink).waits(Duration::from_millis(20));
    assert_eq!(audit.begin(&write()).await.unwrap_err(), AuditError::TimedOut);
    let intent = next(&mut deliveries).await.record;
    let denied = next(&mut deliveries).await.record;
    assert_eq!((denied.id(), denied.outcome()), (intent.id(), OutcomeKind::Denied));

    // Who stops waiting leaves a record, too.
    let begun = tokio::spawn(audit.begin(&write()));
    let waiting = next(&mut deliveries).await;
    begun.abort();
    assert!(begun.await.unwrap_err().is_cancelled());
    waiting.acknowledge(Ok(()));
    assert_ne!(next(&mut deliveries).await.record.outcome(), OutcomeKind::Succeeded);
}

#[tokio::test]
async fn what_a_filter_leaves_out_does_not_run_unless_another_sink_has_it() {
    let reads = |record: &Record| !record.effect().writes();
    let (sink, mut deliveries) = ChannelSink::new(8);
    let audit = Audit::new(Filter::new(sink.clone(), reads));
    assert_eq!(audit.begin(&write()).await.unwrap_err(), AuditError::NotKept);
    let (all, mut at_all) = ChannelSink::new(8);
    let audit = Audit::new(FanOut::new().required(all).optional(Filter::new(sink, reads)));
    let begun = tokio::spawn(audit.begin(&write()));
    next(&mut at_all).await.acknowledge(Ok(()));
    begun.await.unwrap().unwrap().finish(&Outcome::succeeded());
    audit.begin(&Intent::default()).await.unwrap().finish(&Outcome::succeeded());
    assert_eq!(next(&mut deliveries).await.record.effect(), Effect::Read);
}

#[tokio::test]
async fn a_filter_lets_an_outcome_follow_its_intent() {
    let (sink, mut deliveries) = ChannelSink::new(8);
    let audit = Audit::new(Filter::new(sink, |record| {
        record.effect().writes() || record.outcome() == OutcomeKind::Denied
    }));
    audit.begin(&Intent::default()).await.unwrap().finish(&Outcome::succeeded());
    audit.record(&Intent::default(), &Outcome::denied("not_found"));
    audit.record(&Intent::default(), &Outcome::new(OutcomeKind::DryRun));
    let begun = tokio::spawn(audit.begin(&write()));
    let denied: AuditEvent = serde_json::from_slice(next(&mut deliveries).await.record.json()).unwrap();
    assert_eq!((denied.kind.as_deref(), denied.record), (Some("not_found"), RecordKind::Event));
    next(&mut deliveries).await.acknowledge(Ok(()));
    begun.await.unwrap().unwrap().finish(&Outcome::failed("E42"));
    let outcome: AuditEvent = serde_json::from_slice(next(&mut deliveries).await.record.json()).unwrap();
    assert_eq!((outcome.error.as_deref(), outcome.record), (Some("E42"), RecordKind::Outcome));
    assert!(outcome.duration_us.is_some());
}

/// Keeps what is said under the audit's target.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(Level, String)>>>);

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mcp_auth::audit"
    }
    fn event(&self, event: &Event<'_>) {
        struct Json(String);
        impl Visit for Json {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "event" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut json = Json(String::new());
        event.record(&mut json);
        self.0.lock().unwrap().push((*event.metadata().level(), json.0));
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn tracing_is_told_on_the_spot() {
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(heard.clone());
    let ticket = Audit::new(TracingSink).begin(&write()).await.unwrap();
    let id = ticket.id();
    ticket.finish(&Outcome::failed("a\u{1b}[31m\nb"));
    let heard = heard.0.lock().unwrap();
    let read = |index: usize| -> AuditEvent { serde_json::from_str(&heard[index].1).unwrap() };
    assert_eq!((heard[0].0, read(0).id, read(0).record), (Level::INFO, id, RecordKind::Intent));
    assert_eq!((heard[1].0, read(1).id, read(1).outcome), (Level::WARN, id, Some(OutcomeKind::Failed)));
    assert!(!heard[1].1.contains(['\u{1b}', '\n']));
}

/// Takes everything, and never ends.
struct Hangs;

impl AuditSink for Hangs {
    fn begin(&self, _: Record, _: Acknowledgement) -> Result<Begun, AuditError> {
        Err(AuditError::Full)
    }

    fn record(&self, _: Record) {}

    fn close(&self) -> Closing {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_never_ends_is_not_waited_for_forever() {
    let started = tokio::time::Instant::now();
    Audit::new(Hangs).close().await;
    assert_eq!(started.elapsed(), Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn every_sink_is_closed_beside_one_that_hangs() {
    let directory = std::env::temp_dir().join(format!("mcp-auth-close-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("audit.jsonl");
    let (lines, background) = JsonLines::builder(&path).open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(FanOut::new().optional(Hangs).required(lines));
    audit.record(&write(), &Outcome::denied("the last"));
    audit.close().await;
    background.await.unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("the last"));
    std::fs::remove_dir_all(directory).unwrap();
}
