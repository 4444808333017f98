//! Places that cannot be written, disks that fill, and input that is too much: a clear answer, a record, nothing run twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mcp_auth_core::audit::chain::{Verify, files};
use mcp_auth_core::audit::{
    Audit, AuditError, AuditEvent, ChannelSink, Effect, Intent, JsonLines, OpenError, Outcome, SessionName,
    Shown, is_unsafe,
};
use mcp_auth_core::mcp::{Limits, Raw};

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mcp-auth-bad-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named_at_start() {
    let directory = Directory::new("place");
    let is_a_directory = directory.0.join("inside");
    std::fs::create_dir(&is_a_directory).unwrap();
    for path in
        [directory.0.join("no/such/audit.jsonl"), is_a_directory, PathBuf::from("/proc/sys/audit.jsonl")]
    {
        let error = JsonLines::builder(&path).open().unwrap_err();
        assert!(matches!(&error, OpenError::File { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

/// A disk of 128 KiB, until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this process may not mount one.
    fn at(path: &Path) -> Option<Self> {
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(path).output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a writer may still have its file open.
        assert!(Command::new("umount").arg("-l").arg(&self.0).status().unwrap().success());
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_fills_refuses_writes_until_there_is_room() {
    let directory = Directory::new("disk");
    let Some(_disk) = SmallDisk::at(&directory.0) else {
        eprintln!("no disk can be mounted here: /dev/full stands for it, in `audit_lines.rs`");
        return;
    };
    let ballast = directory.0.join("ballast");
    std::fs::write(&ballast, vec![0; 96 << 10]).unwrap();
    let path = directory.0.join("audit.jsonl");
    let (lines, background) = JsonLines::builder(&path).open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(lines);
    let text = format!("\"{}\"", "word ".repeat(200));
    let params = Shown::new(Raw::parse(text.as_bytes(), &Limits::default()).unwrap(), None);
    let write =
        Intent { effect: Effect::Write, target: Some("w"), params: Some(params), ..Intent::default() };
    let mut ran = 0_u64;
    let refused = loop {
        match audit.begin(&write).await {
            Ok(ticket) => ticket.finish(&Outcome::succeeded()),
            Err(error) => break error,
        }
        ran += 1;
        assert!(ran < 1000, "the disk never fills");
    };
    assert_eq!(refused, AuditError::NotWritten);
    assert_eq!(audit.begin(&write).await.unwrap_err(), AuditError::NotWritten);
    let read = Intent { effect: Effect::Read, ..write };
    audit.begin(&read).await.unwrap().finish(&Outcome::succeeded());

    std::fs::remove_file(&ballast).unwrap();
    let again = async {
        while audit.begin(&write).await.map(|ticket| ticket.finish(&Outcome::succeeded())).is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.expect("it goes on");
    audit.close().await;
    background.await.unwrap();
    let report = Verify::default().files(&files(&path).unwrap(), |_| {}).unwrap();
    assert!(report.records > 2 * (ran + 1), "{report:?} of {ran}");
}

#[tokio::test]
async fn whatever_a_client_writes_is_one_line_of_its_own() {
    let evil = "x\n{\"seq\":1}\r\u{1b}[2J\u{202e}\u{2028}\u{0}\u{feff}\"\\";
    let (sink, mut deliveries) = ChannelSink::new(8);
    let audit = Audit::new(sink);
    let json = serde_json::to_vec(&serde_json::json!({ evil: [evil] })).unwrap();
    let params = Shown::new(Raw::parse(&json, &Limits::default()).unwrap(), None);
    let intent = Intent {
        agent: Some(evil),
        client: Some((evil, evil)),
        target: Some(evil),
        reason: Some(evil),
        trace: Some(evil),
        session: Some(SessionName::of(evil)),
        params: Some(params),
        ..Intent::default()
    };
    let mut outcome = Outcome::denied(evil);
    outcome.error = Some(evil);
    audit.record(&intent, &outcome);
    let record = deliveries.next().await.unwrap().record;
    let line = std::str::from_utf8(record.json()).unwrap();
    assert!(!line.chars().any(is_unsafe), "{line:?}");
    let event: AuditEvent = serde_json::from_str(line).unwrap();
    assert_eq!((event.agent.as_deref(), event.reason.as_deref()), (Some(evil), Some(evil)));
    assert_eq!((event.error.as_deref(), event.target.as_deref()), (Some(evil), Some(evil)));
    assert_eq!(event.params.unwrap()[evil][0], evil);
    assert_eq!(event.trace, None, "no trace context");
}

#[tokio::test]
async fn four_megabytes_and_a_hundred_levels_make_a_small_record_quickly() {
    let (sink, mut deliveries) = ChannelSink::new(8);
    let audit = Audit::new(sink);
    let deep = format!("{}\"hunter2\"{}", "{\"password\":[".repeat(50), "]}".repeat(50));
    let wide = format!("[{}1]", "1,".repeat(2 << 20));
    let long = format!("{{\"text\":\"{}\"}}", "a b=c ".repeat(700_000));
    let quotes = format!("{{\"text\":\"{}\"}}", "\\\" : ".repeat(800_000));
    for text in [deep, wide, long, quotes] {
        let limits = Limits::default().with_max_bytes(8 << 20).with_max_depth(Limits::DEEPEST);
        let params = Shown::new(Raw::parse(text.as_bytes(), &limits).unwrap(), None);
        let started = std::time::Instant::now();
        audit.record(
            &Intent { params: Some(params), ..Intent::default() },
            &Outcome::denied("body_too_large"),
        );
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        let record = deliveries.next().await.unwrap().record;
        assert!(record.json().len() < 16 << 10, "{}", record.json().len());
        assert!(!String::from_utf8_lossy(record.json()).contains("hunter2"));
        serde_json::from_slice::<AuditEvent>(record.json()).unwrap();
    }
}
