//! A table for people, JSON for programs.

use std::io::{self, Write};

use mcp_auth_core::audit::{AuditEvent, is_unsafe};
use serde::Serialize;

use super::when;
use crate::failure::Failure;

#[derive(Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
}

/// As wide as columns of events are; a longer cell pushes the others on.
const WIDTHS: [usize; 6] = [24, 20, 11, 24, 10, 15];

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// The head of a table of events, which are shown as they come.
    pub(super) fn head(self) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        line(&["TIME", "WHO", "EFFECT", "WHAT", "OUTCOME", "FROM", "WHY"].map(str::to_owned))
    }

    pub(super) fn event(self, event: &AuditEvent) -> Result<(), Failure> {
        if self.json {
            return self.object(event);
        }
        let or_none = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), printable);
        let why = event.kind.as_deref().or(event.error.as_deref()).or(event.reason.as_deref());
        line(&[
            when::write(event.time),
            or_none(Some(&who(event))),
            or_none(event.effect.map(|effect| effect.as_str())),
            or_none(event.target.as_deref().or(event.method.as_deref())),
            or_none(event.outcome.map(|outcome| outcome.as_str())),
            event.address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
            or_none(why),
        ])
    }

    /// One object on a line.
    pub(super) fn object(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| not_written(&error.into()))?;
        let mut out = io::stdout().lock();
        // What JSON leaves as it is may still mislead who looks at it.
        let text: String = text.chars().map(escaped).collect();
        writeln!(out, "{text}").map_err(|error| not_written(&error))
    }

    /// A line for people.
    pub(super) fn say(self, text: &str) -> Result<(), Failure> {
        writeln!(io::stdout().lock(), "{text}").map_err(|error| not_written(&error))
    }

    /// A whole table, as wide as it has to be.
    pub(super) fn table<const N: usize>(self, rows: &[[String; N]]) -> Result<(), Failure> {
        let mut widths = [0; N];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        rows.iter().try_for_each(|row| padded(row, &widths))
    }
}

/// Who it was, in one word: the key's name, or the subject.
pub(super) fn who(event: &AuditEvent) -> String {
    let subject = event.principal.as_ref().map(|principal| principal.subject.clone());
    match (&event.key, subject) {
        (Some(key), Some(subject)) => format!("{subject} ({})", key.name),
        (None, Some(subject)) => subject,
        _ => "-".to_owned(),
    }
}

/// Without what a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect()
}

fn escaped(c: char) -> String {
    if !is_unsafe(c) {
        return c.to_string();
    }
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn line(cells: &[String]) -> Result<(), Failure> {
    padded(cells, &WIDTHS)
}

fn padded(cells: &[String], widths: &[usize]) -> Result<(), Failure> {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        line.push_str(cell);
        let width = widths.get(index).copied().unwrap_or(0);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
    }
    writeln!(io::stdout().lock(), "{}", line.trim_end()).map_err(|error| not_written(&error))
}

pub(super) fn not_written(error: &io::Error) -> Failure {
    Failure::new(format!("the answer could not be written: {error}"), "ask again")
}
