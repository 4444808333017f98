//! The last events, and those that come.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::time::Duration;

use mcp_auth_core::audit::LogLine;

use super::Log;
use super::events::{self, Joiner};
use super::output::Output;
use super::select::Selection;
use crate::failure::Failure;

const LOOKS_EVERY: Duration = Duration::from_millis(250);
const MOST: usize = 100_000;

pub(super) async fn run(
    mut log: Log,
    count: usize,
    follow: bool,
    selection: &Selection,
    output: Output,
) -> Result<(), Failure> {
    let count = count.min(MOST);
    output.head()?;
    let mut last = VecDeque::new();
    events::each(&mut log, |event| {
        if selection.takes(event) {
            if last.len() == count {
                last.pop_front();
            }
            last.push_back(event.clone());
            last.truncate(count);
        }
        Ok(true)
    })
    .await?;
    last.iter().try_for_each(|event| output.event(event))?;
    if follow { self::follow(log, selection, output).await } else { Ok(()) }
}

/// Until it is interrupted. What began before is shown when it ends.
async fn follow(log: Log, selection: &Selection, output: Output) -> Result<(), Failure> {
    let Log { path, mut reveal, .. } = log;
    let path = path.as_path();
    let mut joiner = Joiner::default();
    let mut lines = events::open(path)?;
    while lines.next_line().map_err(|error| events::unreadable(path, &error))?.is_some() {}
    let mut file = identity(path);
    let mut give = |event: &_| {
        if selection.takes(event) {
            output.event(event)?;
        }
        Ok(true)
    };
    loop {
        while let Some(line) = lines.next_line().map_err(|error| events::unreadable(path, &error))? {
            joiner.take(LogLine::read(&reveal.line(line).await?), &mut give)?;
        }
        let now = identity(path);
        if now.is_some() && now != file {
            // It was put aside; its end was read just now, or is read by the next look at it.
            while let Some(line) = lines.next_line().map_err(|error| events::unreadable(path, &error))? {
                joiner.take(LogLine::read(&reveal.line(line).await?), &mut give)?;
            }
            (lines, file) = (events::open(path)?, now);
            continue;
        }
        tokio::time::sleep(LOOKS_EVERY).await;
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|meta| std::os::unix::fs::MetadataExt::ino(&meta))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).ok()?.created().ok()
}
