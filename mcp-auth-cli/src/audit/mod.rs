//! `mcp-auth audit …`
//!
//! 1. Nothing here changes a log: all but `erase` read, and that destroys keys in the store. A running server is not disturbed.
//! 2. Intent and outcome are shown as one event. An event whose outcome is not there yet is `allowed`; if a process
//!    began anew since, it was `cut`.
//! 3. What is shown on a terminal has no control and no bidi characters.

mod changes;
mod events;
mod output;
mod personal;
mod report;
mod review;
mod select;
mod tail;
mod verify;
mod when;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use mcp_auth_core::audit::chain;

use crate::failure::Failure;
use output::Output;
use personal::Revealer;
use select::Select;

const FIX: &str = "give --audit or set MCP_AUTH_AUDIT to what the server has: jsonl:/var/log/app/audit.jsonl";

const READABLE: &str = "see that you may read the server's log";

/// What every command of audit needs.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The server's log: jsonl:PATH
    #[arg(long, env = "MCP_AUTH_AUDIT", global = true, default_value = "", hide_default_value = true)]
    audit: String,
    /// Write JSON to standard output: one event a line, or one object
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    keys: personal::Keys,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the last events
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
        /// Go on as more are written
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        select: Select,
    },
    /// Show events by who, what, how and when
    Query {
        /// At most so many
        #[arg(long)]
        limit: Option<usize>,
        #[command(flatten)]
        select: Select,
    },
    /// Check that nothing was altered, removed or moved
    Verify(verify::Arguments),
    /// Show the public key of the file that checkpoints are signed with: keep it where the server cannot write
    PublicKey {
        /// The server's file: audit.key
        file: PathBuf,
    },
    /// Count calls and how they ended
    Report {
        #[command(flatten)]
        select: Select,
    },
    /// Look for what is unusual
    Review {
        #[command(flatten)]
        select: Select,
    },
    /// What somebody, or a key, created, changed and deleted
    Changes {
        #[command(flatten)]
        select: Select,
    },
    /// Destroy the keys of a subject: nobody reads any more what is personal of it
    Erase(personal::Whose),
}

/// What is read: the file and those put aside before it, and what is personal in them where its keys are at hand.
struct Log {
    path: PathBuf,
    reveal: Revealer,
}

/// Does what was asked for.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let output = Output::new(arguments.json);
    match &arguments.command {
        Command::Erase(whose) => return arguments.keys.erase(whose, output).await,
        Command::PublicKey { file } => return verify::public_key(file, output),
        _ => {}
    }
    let path = place(&arguments.audit)?.to_owned();
    let files = chain::files(&path)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display()), FIX))?;
    if files.is_empty() {
        return Err(Failure::new(format!("there is no {}", path.display()), FIX));
    }
    let log = Log { path, reveal: arguments.keys.reveal().await? };
    match &arguments.command {
        Command::Tail { lines, follow, select } => {
            tail::run(log, *lines, *follow, &select.read()?, output).await
        }
        Command::Query { limit, select } => query(log, limit.unwrap_or(usize::MAX), select, output).await,
        Command::Verify(arguments) => verify::run(&log.path, arguments, output),
        Command::Report { select } => report::run(log, &select.read()?, output).await,
        Command::Review { select } => review::run(log, &select.read()?, output).await,
        Command::Changes { select } => changes::run(log, &select.read()?, output).await,
        Command::Erase(_) | Command::PublicKey { .. } => Ok(()),
    }
}

fn place(audit: &str) -> Result<&Path, Failure> {
    match audit.split_once(':') {
        Some(("jsonl", path)) if !path.is_empty() => Ok(Path::new(path)),
        _ if audit.is_empty() => Err(Failure::usage("no log was named", FIX)),
        _ => Err(Failure::usage(format!("`{audit}` is no log"), FIX)),
    }
}

async fn query(log: Log, limit: usize, select: &Select, output: Output) -> Result<(), Failure> {
    let selection = select.read()?;
    let mut shown = 0;
    output.head()?;
    events::each(log, |event| {
        if selection.takes(event) {
            output.event(event)?;
            shown += 1;
        }
        Ok(shown < limit)
    })
    .await?;
    if shown == 0 { Err(none()) } else { Ok(()) }
}

fn none() -> Failure {
    Failure::found(3, "there is no such event", "ask for less: another time, another name")
}
