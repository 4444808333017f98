//! Whether the log is what was written.

use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;

use clap::Args;
use mcp_auth_core::audit::chain::{CheckpointPublicKey, Head, Verify, VerifyError};
use serde::Serialize;

use super::READABLE;
use super::output::Output;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What checks the checkpoints: 32 bytes in base64, or @FILE; several are allowed
    #[arg(long = "public-key")]
    public_keys: Vec<String>,
    /// A head that was noted before, or @FILE: it must still be there
    #[arg(long)]
    expect: Option<String>,
    /// The whole chain has to be there, from its first record on
    #[arg(long)]
    from_start: bool,
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
        let head: Head = at(head)?.parse().map_err(|error| {
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
    if arguments.from_start && report.first != 1 {
        let problem = format!("the chain begins with record {}", report.first);
        return Err(Failure::found(5, problem, "give the files before, too: they belong beside this one"));
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
        eprintln!("What was before record {} is not here.", report.first);
    }
    if report.uncovered > 0 {
        eprintln!("{} records stand behind the last checkpoint.", report.uncovered);
    }
    if report.torn > 0 {
        eprintln!("{} bytes stand behind the last line: it is being written, or was torn off.", report.torn);
    }
    Ok(())
}

fn at(text: &str) -> Result<String, Failure> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    fs::read_to_string(Path::new(file)).map_err(|error| {
        Failure::usage(format!("{file} cannot be read: {error}"), "name a file that you may read")
    })
}
