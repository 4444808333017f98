//! The file: what was acknowledged is there, and whatever is done to it afterwards is found and named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_auth_core::audit::chain::{Broken, CheckpointKey, Head, Report, Verify, VerifyError, files};
use mcp_auth_core::audit::{
    Audit, AuditError, Effect, Intent, JsonLines, JsonLinesBuilder, LogLine, OpenError, Outcome, OutcomeKind,
    Overflow, SyncPolicy,
};
use tokio::task::JoinSet;

struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mcp-auth-audit-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn log(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }

    fn builder(&self) -> JsonLinesBuilder {
        JsonLines::builder(self.log()).checkpoints(key()).checkpoint_every(10, Duration::from_secs(60))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn key() -> CheckpointKey {
    CheckpointKey::from_seed(&[7; 32]).unwrap()
}

fn intent(target: &str, effect: Effect) -> Intent<'_> {
    Intent { method: Some("tools/call"), target: Some(target), effect, ..Intent::default() }
}

/// Calls from `from` to `to`, one after another, then an orderly end.
async fn write(builder: JsonLinesBuilder, calls: std::ops::Range<u32>) {
    let (lines, background) = builder.open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(lines.clone());
    for call in calls {
        let effect = if call % 2 == 0 { Effect::Write } else { Effect::Read };
        let ticket = audit.begin(&intent(&format!("tool{call}"), effect)).await.unwrap();
        ticket.finish(&Outcome::succeeded());
    }
    lines.close().await;
    background.await.unwrap();
}

fn verify(path: &Path, verify: &Verify) -> Result<Report, Broken> {
    match verify.files(&files(path).unwrap(), |_| {}) {
        Ok(report) => Ok(report),
        Err(VerifyError::Broken { broken, .. }) => Err(broken),
        Err(other) => panic!("{other}"),
    }
}

fn keyed() -> Verify {
    Verify::default().key(key().public_key())
}

fn lines_of(path: &Path) -> Vec<String> {
    let all = files(path).unwrap();
    all.iter()
        .flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[tokio::test]
async fn a_chain_goes_on_over_restarts_and_files() {
    let directory = Directory::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    for run in 0..3 {
        let told = Arc::clone(&told);
        let builder = directory
            .builder()
            .rotate_at(4000)
            .on_checkpoint(move |point| told.lock().unwrap().push(point.head));
        write(builder, run * 20..(run + 1) * 20).await;
    }
    assert!(files(&directory.log()).unwrap().len() > 3, "put aside several times");
    let report = verify(&directory.log(), &keyed()).unwrap();
    let told = told.lock().unwrap();
    assert_eq!((report.first, report.torn, report.uncovered), (1, 0, 0));
    assert_eq!(report.checkpoints, told.len() as u64);
    assert_eq!(report.head, *told.last().unwrap(), "the end is signed");
    assert_eq!(report.records, 3 + 3 * 40 + report.checkpoints);
    for head in told.iter() {
        verify(&directory.log(), &keyed().expect(*head)).unwrap();
    }
    let mut kinds = [0; 3];
    for line in lines_of(&directory.log()) {
        match LogLine::read(line.as_bytes()) {
            LogLine::Event(event) => kinds[usize::from(event.outcome == Some(OutcomeKind::Succeeded))] += 1,
            LogLine::Opened { torn: 0, .. } => kinds[2] += 1,
            LogLine::Checkpoint => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kinds, [60, 60, 3]);
}

#[tokio::test]
async fn whatever_is_done_to_it_is_named() {
    let directory = Directory::new();
    write(directory.builder(), 0..50).await;
    let path = directory.log();
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let head = verify(&path, &keyed()).unwrap().head;
    let check = |lines: &[&str], verifier: &Verify| {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        verify(&path, verifier).unwrap_err()
    };
    let all = keyed().expect(head);
    let early: Head = format!("3:{}", head.to_string().split_once(':').unwrap().1).parse().unwrap();

    let altered = lines[20].replace("\"record\"", "\"Record\"");
    assert_ne!(altered, lines[20]);
    let mut changed = lines.clone();
    changed[20] = &altered;
    assert_eq!(check(&changed, &all), Broken::Altered { seq: 21 });
    let mut last = lines.clone();
    let altered = lines.last().unwrap().replace("\"every\":10", "\"every\":99");
    *last.last_mut().unwrap() = &altered;
    assert_eq!(check(&last, &keyed()), Broken::Signature { seq: head.seq });
    assert_eq!(check(&last, &Verify::default().expect(head)), Broken::Unexpected { seq: head.seq });

    let without = [&lines[..30], &lines[33..]].concat();
    assert_eq!(check(&without, &all), Broken::Missing { from: 31, to: 33 });
    let mut swapped = lines.clone();
    swapped.swap(40, 41);
    assert_eq!(check(&swapped, &all), Broken::Reordered { seq: 41, found: 42 });
    let moved = [&lines[..10], &lines[11..60], &lines[10..11], &lines[60..]].concat();
    assert_eq!(check(&moved, &all), Broken::Reordered { seq: 11, found: 12 });
    let doubled = [&lines[..10], &lines[9..]].concat();
    assert_eq!(check(&doubled, &all), Broken::Reordered { seq: 11, found: 10 });
    let inserted = [&lines[..10], &["{\"id\":1}"], &lines[10..]].concat();
    assert_eq!(check(&inserted, &all), Broken::Unreadable { seq: 11 });
    assert_eq!(check(&lines[..40], &all), Broken::Truncated { expected: head.seq, end: 40 });
    assert_eq!(check(&lines[40..], &keyed().expect(early)), Broken::Missing { from: 3, to: 40 });

    let other = Verify::default().key(CheckpointKey::from_seed(&[8; 32]).unwrap().public_key());
    assert!(matches!(check(&lines, &other), Broken::UnknownKey { .. }));
    assert_eq!(verify(&path, &all).unwrap().head, head, "and what is whole is good");
}

/// Makes all hashes anew, as somebody can who has no key.
fn forge(lines: &[String]) -> String {
    let forged = Directory::new();
    let path = forged.log();
    let mut out = String::new();
    let mut prev = "A".repeat(43);
    for (index, line) in lines.iter().enumerate() {
        let rest = line.split_once("\"prev\":\"").unwrap().1;
        let line = format!("{{\"seq\":{},\"prev\":\"{prev}\"{}", index + 1, &rest[44..]);
        fs::write(&path, format!("{line}\n")).unwrap();
        out.push_str(&line);
        out.push('\n');
        let head = Verify::default().files(std::slice::from_ref(&path), |_| {}).unwrap().head.to_string();
        head.split_once(':').unwrap().1.clone_into(&mut prev);
    }
    out
}

#[tokio::test]
async fn a_chain_made_anew_lacks_its_signatures() {
    let directory = Directory::new();
    write(directory.builder(), 0..50).await;
    let mut lines = lines_of(&directory.log());
    assert_eq!(forge(&lines), fs::read_to_string(directory.log()).unwrap(), "made anew as it was");
    let target = lines.iter().position(|line| line.contains("\"tool20\"")).unwrap();
    lines[target] = lines[target].replace("tool20", "tool99");
    fs::write(directory.log(), forge(&lines)).unwrap();
    verify(&directory.log(), &Verify::default()).expect("without a key it looks whole");
    let Err(Broken::Signature { seq }) = verify(&directory.log(), &keyed()) else { panic!("not found") };
    assert!(seq > target as u64 && seq < target as u64 + 12, "{seq}");

    lines.retain(|line| !line.contains("\"checkpoint\"") || line.contains("\"seq\":2,"));
    fs::write(directory.log(), forge(&lines)).unwrap();
    assert_eq!(verify(&directory.log(), &keyed()), Err(Broken::NoCheckpoint { after: 2 }));
    lines.remove(1);
    fs::write(directory.log(), forge(&lines)).unwrap();
    assert_eq!(verify(&directory.log(), &keyed()), Err(Broken::NoCheckpoint { after: 0 }));
}

/// Starts are exempt from the rule that a checkpoint is due; nothing that says something else besides is one.
#[tokio::test]
async fn an_event_that_calls_itself_a_start_is_none() {
    let directory = Directory::new();
    write(directory.builder(), 0..5).await;
    let mut lines = lines_of(&directory.log());
    let last = lines.iter().rposition(|line| line.contains("\"checkpoint\"")).unwrap();
    let event = lines.iter().find(|line| line.contains("\"tool3\"")).unwrap();
    let (before, rest) = event.split_once("\"prev\":\"").unwrap();
    let (prev, event) = rest.split_at(44);
    let forged = format!("{before}\"prev\":\"{prev},\"opened\":{{\"time\":1,\"torn\":0}}{event}");
    assert!(matches!(LogLine::read(forged.as_bytes()), LogLine::Unreadable), "{forged}");
    lines.truncate(last + 1);
    let covered = lines.len() as u64;
    lines.extend(std::iter::repeat_n(forged, 11));
    fs::write(directory.log(), forge(&lines)).unwrap();
    assert_eq!(verify(&directory.log(), &keyed()), Err(Broken::NoCheckpoint { after: covered }));
}

#[tokio::test]
async fn a_torn_line_is_taken_away_and_told() {
    let directory = Directory::new();
    write(directory.builder(), 0..3).await;
    let mut file = fs::OpenOptions::new().append(true).open(directory.log()).unwrap();
    file.write_all(b"{\"seq\":99,\"prev\":\"AAAA").unwrap();
    assert_eq!(verify(&directory.log(), &keyed()).unwrap().torn, 22);
    write(directory.builder(), 3..6).await;
    verify(&directory.log(), &keyed()).unwrap();
    let told = lines_of(&directory.log())
        .iter()
        .any(|line| matches!(LogLine::read(line.as_bytes()), LogLine::Opened { torn: 22, .. }));
    assert!(told);
}

#[tokio::test]
async fn a_checkpoint_that_was_torn_off_is_made_good_by_the_next_start() {
    let directory = Directory::new();
    write(directory.builder(), 0..8).await;
    // Killed between the tenth line after a checkpoint and the next one.
    let checkpoint = |line: &String| line.contains("\"checkpoint\"");
    let mut lines = lines_of(&directory.log());
    let second = lines.iter().enumerate().filter(|(_, line)| checkpoint(line)).nth(1).unwrap().0;
    lines.truncate(second);
    for _ in 0..2 {
        fs::write(directory.log(), lines.join("\n") + "\n{\"seq\":13,\"prev").unwrap();
        write(directory.builder(), 8..10).await;
        let report = verify(&directory.log(), &keyed()).unwrap();
        assert_eq!(report.uncovered, 0, "{report:?}");
        // And once more, before the start's own.
        lines = lines_of(&directory.log());
        let opened = lines.iter().rposition(|line| line.contains("\"opened\"")).unwrap();
        lines.truncate(opened + 1);
    }
}

/// What a disk says once, a special file says always: it cannot be synced.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_sync_that_failed_when_a_file_was_put_aside_is_never_believed_again() {
    let directory = Directory::new();
    std::os::unix::fs::symlink("/dev/null", directory.log()).unwrap();
    let builder = directory.builder().sync(SyncPolicy::Never).rotate_at(100);
    let (lines, background) = builder.open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(lines);
    for _ in 0..3 {
        let refused = audit.begin(&intent("delete", Effect::Destructive)).await;
        assert_eq!(refused.unwrap_err(), AuditError::NotWritten);
    }
    background.abort();
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_was_moved_away_is_not_written() {
    let directory = Directory::new();
    let (lines, background) = directory.builder().open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(lines.clone());
    let write = intent("update", Effect::Write);
    audit.begin(&write).await.unwrap().finish(&Outcome::succeeded());
    let elsewhere = directory.0.join("elsewhere");
    fs::rename(directory.log(), &elsewhere).unwrap();
    assert_eq!(audit.begin(&write).await.unwrap_err(), AuditError::NotWritten);
    fs::write(directory.log(), "").unwrap();
    assert_eq!(audit.begin(&write).await.unwrap_err(), AuditError::NotWritten);
    fs::rename(&elsewhere, directory.log()).unwrap();
    let again = async {
        while audit.begin(&write).await.map(|ticket| ticket.finish(&Outcome::succeeded())).is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.expect("it goes on");
    lines.close().await;
    background.await.unwrap();
    verify(&directory.log(), &keyed()).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_private_and_belong_to_one_writer() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let (lines, background) = directory.builder().rotate_at(500).open().unwrap();
    assert!(matches!(directory.builder().open(), Err(OpenError::Locked { .. })));
    drop((lines, background));
    write(directory.builder().rotate_at(500), 0..5).await;
    for file in files(&directory.log()).unwrap() {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    CheckpointKey::load_or_create(&directory.0.join("key")).unwrap();
    let again = CheckpointKey::load_or_create(&directory.0.join("key")).unwrap().public_key();
    assert_eq!(again, again.to_string().parse().unwrap());
    assert_eq!(fs::metadata(directory.0.join("key")).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(directory.log(), "not ours\n").unwrap();
    assert!(matches!(directory.builder().open(), Err(OpenError::Foreign { .. })));
    assert_eq!(fs::read_to_string(directory.log()).unwrap(), "not ours\n");
}

#[tokio::test]
async fn the_key_beside_a_record_is_made_once_and_stays() {
    let directory = Directory::new();
    let beside =
        || JsonLines::builder(directory.log()).key_beside().checkpoint_every(2, Duration::from_secs(60));
    write(beside(), 0..5).await;
    let key = directory.0.join("audit.key");
    let text = fs::read_to_string(&key).unwrap();
    let public = CheckpointKey::load_or_create(&key).unwrap().public_key();
    write(beside(), 5..9).await;
    assert_eq!(fs::read_to_string(&key).unwrap(), text);
    let report = verify(&directory.log(), &Verify::default().key(public)).unwrap();
    assert!(report.checkpoints >= 4, "{report:?}");

    let (lines, background) = beside().open().unwrap();
    assert_eq!(lines.public_key(), Some(public));
    drop((lines, background));
    assert_eq!(JsonLines::builder(directory.0.join("bare")).open().unwrap().0.public_key(), None);

    // Nothing is written over what is no key, and no record is its own key.
    fs::write(&key, "not a key").unwrap();
    assert!(matches!(beside().open(), Err(OpenError::Key { .. })));
    assert_eq!(fs::read_to_string(&key).unwrap(), "not a key");
    let same = JsonLines::builder(directory.0.join("record.key")).key_beside().open();
    assert!(matches!(same, Err(OpenError::Key { .. })));
    assert_eq!(fs::read_to_string(directory.0.join("record.key")).unwrap(), "");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_refuses_writes_and_lets_reads_through() {
    let directory = Directory::new();
    std::os::unix::fs::symlink("/dev/full", directory.log()).unwrap();
    let (lines, background) = directory.builder().queue(64, 1 << 20).open().unwrap();
    let background = tokio::spawn(background);
    let audit = Audit::new(lines.clone());
    for _ in 0..2 {
        let refused = audit.begin(&intent("delete", Effect::Destructive)).await;
        assert_eq!(refused.unwrap_err(), AuditError::NotWritten);
    }
    for _ in 0..200 {
        audit.begin(&intent("read", Effect::Read)).await.unwrap().finish(&Outcome::succeeded());
    }
    assert!(lines.depth() <= 64);
    background.abort();
}

#[tokio::test]
async fn without_its_background_nothing_that_writes_runs() {
    let directory = Directory::new();
    let (lines, background) =
        directory.builder().queue(8, 1 << 20).overflow(Overflow::Refuse).open().unwrap();
    let audit = Audit::new(lines.clone()).waits(Duration::from_millis(50));
    let write = intent("w", Effect::Write);
    assert_eq!(audit.begin(&write).await.unwrap_err(), AuditError::TimedOut);
    let held: Vec<_> = futures_like(&audit, 2).await;
    assert_eq!(
        audit.begin(&intent("r", Effect::Read)).await.unwrap_err(),
        AuditError::Full,
        "the last quarter is for writes"
    );
    assert_eq!(held.len(), 2);
    drop(background);
    assert_eq!(audit.begin(&write).await.unwrap_err(), AuditError::NotRunning);
    lines.close().await;
}

async fn futures_like(audit: &Audit, count: usize) -> Vec<mcp_auth_core::audit::Ticket> {
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(audit.begin(&intent("r", Effect::Read)).await.unwrap());
    }
    held
}

const CHILD: &str = "MCP_AUTH_AUDIT_TEST_CHILD";

/// What the killed process does; nothing unless it is one.
#[tokio::test]
#[ignore = "runs as a child of the test below"]
async fn child_writes_until_it_is_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let (lines, background) = JsonLines::builder(path)
        .checkpoints(key())
        .sync(SyncPolicy::Never)
        .rotate_at(1 << 20)
        .open()
        .unwrap();
    tokio::spawn(background);
    let audit = Audit::new(lines);
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let audit = audit.clone();
        tasks.spawn(async move {
            for number in 0.. {
                let name = format!("{}-{task}-{number}", std::process::id());
                let ticket = audit.begin(&intent(&name, Effect::Write)).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {name}").and_then(|()| out.flush()).unwrap();
                drop(out);
                ticket.finish(&Outcome::succeeded());
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn a_killed_process_loses_no_acknowledged_record() {
    let directory = Directory::new();
    let mut names = HashSet::new();
    for kill in 1..=3_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(CHILD, directory.log())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut count = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let Ok(line) = line else { break };
            if let Some((_, name)) = line.split_once("acknowledged ") {
                names.insert(name.to_owned());
                count += 1;
            }
            if count == 3400 + 100 * kill {
                // SIGKILL on Unix.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(count >= 3400, "only {count} were acknowledged");
        verify(&directory.log(), &keyed()).expect("what is there is whole");
    }
    for line in lines_of(&directory.log()) {
        if let LogLine::Event(event) = LogLine::read(line.as_bytes())
            && let Some(target) = event.target
        {
            names.remove(&target);
        }
    }
    assert!(names.is_empty(), "acknowledged, and not there: {names:?}");
    // The next start goes on.
    write(directory.builder(), 0..3).await;
    assert!(verify(&directory.log(), &keyed()).unwrap().records > 10_000);
}
