//! The last events, and those that come.
//!
//! 1. Whoever follows sees a call when it has ended, whenever it began.

use std::collections::VecDeque;
use std::time::Duration;

use mcp_auth_core::audit::{AuditEvent, OutcomeKind};

use super::Log;
use super::events::Reading;
use super::output::Output;
use super::select::Selection;
use crate::failure::Failure;

const LOOKS_EVERY: Duration = Duration::from_millis(250);
const MOST: usize = 100_000;

pub(super) async fn run(
    log: Log,
    count: usize,
    follow: bool,
    selection: &Selection,
    output: Output,
) -> Result<(), Failure> {
    let count = count.min(MOST);
    output.head()?;
    let mut last = VecDeque::new();
    let mut keep = |event: &AuditEvent| {
        if selection.takes(event) {
            if last.len() == count {
                last.pop_front();
            }
            last.push_back(event.clone());
            last.truncate(count);
        }
        Ok(true)
    };
    let mut reading = Reading::new(log);
    reading.on(&mut keep).await?;
    if !follow {
        reading.joiner.give_open(OutcomeKind::Allowed, &mut keep)?;
    }
    reading.tell();
    last.iter().try_for_each(|event| output.event(event))?;
    if !follow {
        return Ok(());
    }
    let mut show = |event: &AuditEvent| {
        if selection.takes(event) {
            output.event(event)?;
        }
        Ok(true)
    };
    loop {
        reading.on(&mut show).await?;
        tokio::time::sleep(LOOKS_EVERY).await;
    }
}
