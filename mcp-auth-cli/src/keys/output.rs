//! What the commands say: a table for people, JSON for programs.

use std::io::{self, Write};

use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::api_key::{ApiKey, CreatedKey};
use serde::Serialize;

use super::when;
use crate::failure::Failure;

#[derive(Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

/// A key in JSON.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    owner: &'a str,
    environment: &'a str,
    scopes: Vec<&'a str>,
    state: &'static str,
    created_at: String,
    expires_at: Option<String>,
    rotated_at: String,
    rotations: u32,
    rotation_due: Option<String>,
    overlap_until: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
    last_used_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(key: &'a ApiKey, now: Timestamp, secret: Option<&'a str>) -> Self {
        Self {
            id: &key.id,
            name: &key.name,
            owner: &key.owner,
            environment: &key.environment,
            scopes: key.scopes.iter().collect(),
            state: state(key, now),
            created_at: when::write(key.created_at),
            expires_at: key.expires_at.map(when::write),
            rotated_at: when::write(key.rotated_at),
            rotations: key.rotations,
            rotation_due: key.rotation_due.map(when::write),
            overlap_until: key.overlap_until.map(when::write),
            revoked_at: key.revoked_at.map(when::write),
            last_used_at: key.last_used.map(|last| when::write(last.at)),
            last_used_from: key.last_used.and_then(|last| last.address).map(|from| from.to_string()),
            secret,
        }
    }
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// A secret, once.
    pub(crate) fn secret(self, created: &CreatedKey, now: Timestamp) -> Result<(), Failure> {
        let key = created.key();
        let written = if self.json {
            write_json(&Shown::new(key, now, Some(created.expose_secret())))
        } else {
            write_line(created.expose_secret())
        };
        written.map_err(|error| {
            let fix = format!("end it, as nobody has it whole: `mcp-auth keys revoke {}`", key.id);
            Failure::new(format!("the secret could not be written: {error}"), fix)
        })?;
        eprintln!(
            "Key {} of {} ({}). This is its secret's only showing: keep it now.",
            key.id, key.owner, key.environment
        );
        if let Some(until) = key.overlap_until {
            eprintln!("The secret before it is taken until {}.", when::write(until));
        }
        Ok(())
    }

    /// A key that was changed.
    pub(crate) fn changed(self, key: &ApiKey, now: Timestamp, how: &str) -> Result<(), Failure> {
        let written = if self.json {
            write_json(&Shown::new(key, now, None))
        } else {
            write_line(&format!("{} {how}: {}", key.id, printable(&key.name)))
        };
        written.map_err(not_written)
    }

    /// Many keys.
    pub(crate) fn list(self, keys: &[ApiKey], now: Timestamp) -> Result<(), Failure> {
        if self.json {
            let shown: Vec<_> = keys.iter().map(|key| Shown::new(key, now, None)).collect();
            return write_json(&shown).map_err(not_written);
        }
        let head = ["ID", "NAME", "OWNER", "ENVIRONMENT", "STATE", "LAST USED", "FROM", "EXPIRES", "SCOPES"];
        let rows: Vec<_> =
            std::iter::once(head.map(str::to_owned)).chain(keys.iter().map(|key| row(key, now))).collect();
        table(&rows).map_err(not_written)
    }
}

fn row(key: &ApiKey, now: Timestamp) -> [String; 9] {
    let none = || "-".to_owned();
    [
        key.id.clone(),
        printable(&key.name),
        printable(&key.owner),
        key.environment.clone(),
        state(key, now).to_owned(),
        key.last_used.map_or_else(none, |last| when::write(last.at)),
        key.last_used.and_then(|last| last.address).map_or_else(none, |from| from.to_string()),
        key.expires_at.map_or_else(none, when::write),
        if key.scopes.is_empty() { none() } else { key.scopes.to_string() },
    ]
}

fn state(key: &ApiKey, now: Timestamp) -> &'static str {
    if key.revoked_at.is_some() {
        "revoked"
    } else if !key.is_active(now) {
        "expired"
    } else if key.is_due(now) {
        "due"
    } else {
        "active"
    }
}

/// Without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn table(rows: &[[String; 9]]) -> io::Result<()> {
    let mut widths = [0; 9];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = io::stdout().lock();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}

fn write_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

fn write_json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

fn not_written(error: io::Error) -> Failure {
    Failure::new(
        format!("the answer could not be written: {error}"),
        "it was done all the same: see `mcp-auth keys list`",
    )
}
