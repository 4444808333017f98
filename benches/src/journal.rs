//! What the record on disk takes: events written, checked, and waited for. These take whole runs, not slices.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mcp_auth_core::audit::chain::{CheckpointKey, Verify, files};
use mcp_auth_core::audit::{Audit, Effect, JsonLines, Outcome, SyncPolicy};
use serde::Serialize;

use crate::Error;
use crate::rows::Known;

/// What the record on disk came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Bytes of a line, on average.
    pub line: u64,
    /// Events a second of processor time, of the caller and of the writer together; nothing is synced.
    pub events_per_second: f64,
    /// Records that `verify` checks a second of processor time, signatures included.
    pub verified_per_second: f64,
    /// How long writes wait for their intents when each is on the disk, sixteen at once.
    pub synced: Percentiles,
    /// The same, when the operating system has them.
    pub written: Percentiles,
}

/// Of many waits.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Percentiles {
    /// Half took no longer.
    pub p50: Duration,
    /// One in a hundred took longer.
    pub p99: Duration,
}

/// Measures all of it, in a directory of its own beside the program.
///
/// # Errors
/// If the disk does not take it.
pub async fn run(events: u32) -> Result<Figures, Error> {
    let directory = Directory::new()?;
    let mut figures = written(&directory, events).await?;
    figures.synced = waits(&directory, SyncPolicy::Writes).await?;
    figures.written = waits(&directory, SyncPolicy::Never).await?;
    Ok(figures)
}

/// Removed at the end. Not in `/tmp`, which may be memory.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Self, Error> {
        let program = std::env::current_exe()?;
        let beside = program.parent().ok_or("the program lies nowhere")?;
        let path = beside.join(format!("journal-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

async fn written(directory: &Directory, events: u32) -> Result<Figures, Error> {
    let path = directory.0.join("lines.jsonl");
    let key = CheckpointKey::from_seed(&[7; 32])?;
    let public = key.public_key();
    let builder = JsonLines::builder(&path).checkpoints(key).sync(SyncPolicy::Never);
    let (lines, background) = builder.queue(1 << 20, 4 << 30).open()?;
    let background = tokio::spawn(background);
    let (audit, known) = (Audit::new(lines.clone()), Known::new()?);
    let before = processor()?;
    for _ in 0..events {
        audit.record(&known.intent(Effect::Read), &Outcome::succeeded());
    }
    lines.close().await;
    background.await?;
    let took = processor()? - before;
    let files = files(&path)?;
    let mut size = 0;
    for file in &files {
        size += file.metadata()?.len();
    }
    let before = processor()?;
    let report = Verify::default().key(public).files(&files, |_| {})?;
    let verified = processor()? - before;
    if report.records < u64::from(events) {
        return Err("events were lost".into());
    }
    Ok(Figures {
        line: size / report.records,
        events_per_second: f64::from(events) / took.as_secs_f64(),
        verified_per_second: report.records as f64 / verified.as_secs_f64(),
        ..Figures::default()
    })
}

async fn waits(directory: &Directory, policy: SyncPolicy) -> Result<Percentiles, Error> {
    let path = directory.0.join(format!("{policy:?}.jsonl"));
    let (lines, background) = JsonLines::builder(&path).sync(policy).open()?;
    let background = tokio::spawn(background);
    let audit = Audit::new(lines.clone());
    let one = |audit: Audit| async move {
        let known = Known::new()?;
        let mut took = Vec::new();
        for _ in 0..200 {
            let started = Instant::now();
            let ticket = audit.begin(&known.intent(Effect::Write)).await?;
            took.push(started.elapsed());
            ticket.finish(&Outcome::succeeded());
        }
        Ok::<_, Error>(took)
    };
    let mut all = Vec::new();
    for task in (0..16).map(|_| tokio::spawn(one(audit.clone()))).collect::<Vec<_>>() {
        all.extend(task.await??);
    }
    lines.close().await;
    background.await?;
    all.sort_unstable();
    let at = |part: usize| all.get(all.len() * part / 100).copied().unwrap_or_default();
    Ok(Percentiles { p50: at(50), p99: at(99) })
}

/// What this process has used of processors, threads that ended included; to ten milliseconds.
fn processor() -> Result<Duration, Error> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let behind_name = text.rsplit(')').next().unwrap_or_default();
    let mut ticks = 0;
    for figure in behind_name.split_whitespace().skip(11).take(2) {
        ticks += figure.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 10))
}
