//! How fast it is: `cargo test --release -p mcp-auth-core --test audit_figures -- --ignored --nocapture --test-threads 1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mcp_auth_core::audit::chain::{CheckpointKey, Verify, files};
use mcp_auth_core::audit::{
    Acknowledgement, Audit, AuditError, AuditSink, Begun, Effect, Intent, JsonLines, Outcome, Record,
    Redactor, Room, Shown, SyncPolicy,
};
use mcp_auth_core::mcp::{Limits, Raw};
use mcp_auth_core::{Principal, ScopeSet};

const PARAMS: &str = r#"{"project_id":"p-4c1f2a7b","title":"Write the report","description":"Numbers of the third quarter, with the charts of last year next to them; see the notes of Monday.","status":"in_progress","priority":"high","due_date":"2027-03-01","labels":["reports","finance","q3"],"estimate":{"hours":6,"confidence":0.7},"assignee_id":"u-99817","db_password":"hunter2hunter2"}"#;

/// What this thread has used of a processor: other work on the machine does not count.
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// What all threads have used together, to ten milliseconds.
fn used_by_all() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = text.rsplit(')').next().unwrap();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    ticks as f64 / 100.0
}

fn principal() -> Principal {
    Principal::builder("https://issuer.example/tenant", "user-7f3a9c21")
        .client_id("https://client.example/metadata.json")
        .scopes(ScopeSet::parse("tasks:read tasks:write projects:read").unwrap())
        .build()
}

fn with_intent<T>(effect: Effect, then: impl FnOnce(&Intent<'_>) -> T) -> T {
    let params = Raw::parse(PARAMS.as_bytes(), &Limits::default()).unwrap();
    let (principal, required) = (principal(), ScopeSet::parse("tasks:write").unwrap());
    then(&Intent {
        principal: Some(&principal),
        authenticated: Some("jwt"),
        address: Some("203.0.113.7".parse().unwrap()),
        agent: Some("claude-code/2.1 (linux; x86_64)"),
        client: Some(("claude-code", "2.1.0")),
        era: Some("2025-11-25"),
        trace: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        session: Some("0190a5b0-7c3e-7f10-8a8b-112233445566"),
        method: Some("tools/call"),
        target: Some("create_task"),
        effect,
        required: Some(&required),
        params: Some(Shown::new(params, None)),
        ..Intent::default()
    })
}

fn place(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("mcp-auth-figures-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory.join("audit.jsonl")
}

#[tokio::test]
#[ignore = "measures"]
async fn lines_and_verify() {
    const CALLS: u32 = 200_000;
    let path = place("lines");
    let key = CheckpointKey::from_seed(&[7; 32]).unwrap();
    let public = key.public_key();
    let (lines, background) = JsonLines::builder(&path)
        .checkpoints(key)
        .sync(SyncPolicy::Never)
        .queue(1 << 20, 1 << 30)
        .open()
        .unwrap();
    let background = tokio::spawn(background);
    tokio::task::yield_now().await;
    let audit = Audit::new(lines.clone());
    let (all, caller, wall) = (used_by_all(), used(), Instant::now());
    with_intent(Effect::Read, |intent| {
        for _ in 0..CALLS {
            audit.record(intent, &Outcome::succeeded());
        }
    });
    let caller = used() - caller;
    lines.close().await;
    background.await.unwrap();
    let (all, wall) = (used_by_all() - all, wall.elapsed());
    let size: u64 = files(&path).unwrap().iter().map(|file| file.metadata().unwrap().len()).sum();
    println!("mean line {} B; caller {:?} each", size / u64::from(CALLS), caller / CALLS);
    println!(
        "{:.0} events/s of one processor, {:.0}/s by the clock",
        f64::from(CALLS) / all,
        f64::from(CALLS) / wall.as_secs_f64()
    );
    let (read, wall) = (used(), Instant::now());
    let report = Verify::default().key(public).files(&files(&path).unwrap(), |_| {}).unwrap();
    let (read, wall) = ((used() - read).as_secs_f64(), wall.elapsed().as_secs_f64());
    println!(
        "verify {:.0} records/s of one processor, {:.0}/s by the clock",
        report.records as f64 / read,
        report.records as f64 / wall
    );
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn synced_writes() {
    for policy in [SyncPolicy::Never, SyncPolicy::Writes] {
        let path = place("writes");
        let (lines, background) = JsonLines::builder(&path).sync(policy).open().unwrap();
        let background = tokio::spawn(background);
        let audit = Audit::new(lines.clone());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let audit = audit.clone();
            tasks.spawn(async move {
                let mut took = Vec::new();
                for _ in 0..200 {
                    let one = Instant::now();
                    let begin = with_intent(Effect::Write, |intent| audit.begin(intent));
                    let ticket = begin.await.unwrap();
                    took.push(one.elapsed());
                    ticket.finish(&Outcome::succeeded());
                }
                took
            });
        }
        let mut took: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        took.sort();
        println!(
            "{policy:?}, 16 at once: p50 {:?}, p99 {:?}",
            took[took.len() / 2],
            took[took.len() * 99 / 100]
        );
        lines.close().await;
        background.await.unwrap();
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}

/// Takes everything and keeps nothing: what is left is the caller's own work.
struct Nowhere;

struct NoRoom;

impl Room for NoRoom {
    fn finish(self: Box<Self>, outcome: Record) {
        std::hint::black_box(outcome);
    }
}

impl AuditSink for Nowhere {
    fn begin(&self, intent: Record, _: Acknowledgement) -> Result<Begun, AuditError> {
        std::hint::black_box(intent);
        Ok(Begun { room: Box::new(NoRoom), acknowledged: None })
    }

    fn record(&self, event: Record) {
        std::hint::black_box(event);
    }
}

#[tokio::test]
#[ignore = "measures"]
async fn the_callers_own_work() {
    const CALLS: u32 = 300_000;
    let audit = Audit::new(Nowhere);
    with_intent(Effect::Read, |intent| {
        for part in 0..4 {
            let mut intent = *intent;
            if part == 1 {
                intent.params = None;
            }
            if part == 2 {
                intent = Intent::default();
            }
            let params = Shown::new(Raw::parse(PARAMS.as_bytes(), &Limits::default()).unwrap(), None);
            let redactor = Redactor::default();
            let started = used();
            for _ in 0..CALLS {
                if part == 3 {
                    std::hint::black_box(redactor.redact(params));
                } else {
                    drop(audit.begin(&intent));
                }
            }
            println!(
                "{}: {:?}",
                ["intent", "without parameters", "empty", "redaction"][part],
                (used() - started) / CALLS
            );
        }
    });
    let mut tickets = Vec::with_capacity(CALLS as usize);
    for _ in 0..CALLS {
        tickets.push(audit.begin(&Intent::default()).await.unwrap());
    }
    let started = used();
    tickets.into_iter().for_each(|ticket| ticket.finish(&Outcome::succeeded()));
    println!("outcome {:?}", (used() - started) / CALLS);
}
