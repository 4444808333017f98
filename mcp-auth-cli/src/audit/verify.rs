//! Whether the log is what was written.

use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;

use clap::Args;
use mcp_auth_core::audit::chain::{CheckpointKey, CheckpointPublicKey, Head, Verify, VerifyError};
use serde::Serialize;

use super::READABLE;
use super::output::Output;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What checks the checkpoints: 32 bytes in base64, or @FILE; several are allowed
    #[arg(long = "public-key")]
    public_keys: Vec<String>,
    /// A head that was noted before, or @FILE, which may hold what this command said: it must still be there
    #[arg(long)]
    expect: Option<String>,
    /// The chain may begin later than with its first record: older files are kept elsewhere, or were deleted
    #[arg(long)]
    allow_missing_start: bool,
}

#[derive(Serialize)]
struct Shown {
    head: String,
    first: u64,
    records: u64,
    checkpoints: u64,
    uncovered: u64,
    torn: u64,
    signatures_checked: bool,
}

pub(super) fn run(log: &Path, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let mut verify = Verify::default();
    for key in &arguments.public_keys {
        let key: CheckpointPublicKey = at(key)?.parse().map_err(|error| {
            Failure::usage(
                format!("--public-key: {error}"),
                "give what the server says its key is at its start",
            )
        })?;
        verify = verify.key(key);
    }
    if let Some(head) = &arguments.expect {
        let text = at(head)?;
        let head = text.lines().find_map(|line| line.strip_prefix("head: ")).unwrap_or(&text);
        let head: Head = head.parse().map_err(|error| {
            Failure::usage(format!("--expect: {error}"), "give what `mcp-auth audit verify` said before")
        })?;
        verify = verify.expect(head);
    }
    let tells = std::io::stderr().is_terminal();
    let report = verify.log(log, |progress| {
        if tells {
            let part = progress.bytes.saturating_mul(100).checked_div(progress.of).unwrap_or(100);
            eprint!("\r{part:3} %, {} records", progress.records);
        }
    });
    if tells {
        eprintln!();
    }
    let report = report.map_err(|error| match &error {
        VerifyError::Broken { .. } => Failure::found(
            5,
            error.to_string(),
            "keep the files as they are, compare them with a copy, and see who could write them",
        ),
        _ => Failure::new(error.to_string(), READABLE),
    })?;
    if report.first != 1 && !arguments.allow_missing_start {
        let problem = match report.first {
            0 => "there is no record".to_owned(),
            first => format!("the chain begins with record {first}: those before are missing"),
        };
        let fix = "put the files before beside this one; --allow-missing-start if they are kept elsewhere";
        return Err(Failure::found(5, problem, fix));
    }
    let checked = !arguments.public_keys.is_empty();
    if output.json {
        return output.object(&Shown {
            head: report.head.to_string(),
            first: report.first,
            records: report.records,
            checkpoints: report.checkpoints,
            uncovered: report.uncovered,
            torn: report.torn,
            signatures_checked: checked,
        });
    }
    output.say(&format!(
        "whole: records {} to {}, {} checkpoints",
        report.first, report.head.seq, report.checkpoints
    ))?;
    output.say(&format!("head: {}", report.head))?;
    if !checked {
        eprintln!("Signatures were not checked: give --public-key.");
    }
    if report.first > 1 {
        eprintln!("The chain begins with record {}: what was before is not here.", report.first);
    }
    if report.uncovered > 0 {
        eprintln!("{} records stand behind the last checkpoint.", report.uncovered);
    }
    if report.torn > 0 {
        eprintln!("{} bytes stand behind the last line: it is being written, or was torn off.", report.torn);
    }
    Ok(())
}

/// Shows what checks the checkpoints that the key in `file` signs.
pub(super) fn public_key(file: &Path, output: Output) -> Result<(), Failure> {
    let failed = |why: String| {
        Failure::new(
            format!("{}: {why}", file.display()),
            "name the file that the server signs checkpoints with",
        )
    };
    if !file.exists() {
        return Err(failed("there is no such file".to_owned()));
    }
    let key = CheckpointKey::load_or_create(file).map_err(|error| failed(error.to_string()))?.public_key();
    if output.json {
        return output.object(&serde_json::json!({ "id": key.id(), "public_key": key.to_string() }));
    }
    output.say(&key.to_string())
}

fn at(text: &str) -> Result<String, Failure> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    fs::read_to_string(Path::new(file)).map_err(|error| {
        Failure::usage(format!("{file} cannot be read: {error}"), "name a file that you may read")
    })
}
