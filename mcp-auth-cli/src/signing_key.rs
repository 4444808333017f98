//! `mcp-auth signing-key forget`: for a key that somebody else may have.
//!
//! 1. The key is removed and never read: no sealing key is needed.
//! 2. A process that runs has the old key until it begins anew, and is told so here.

use clap::{Args, Subcommand};
use mcp_auth_provider::SigningKey;

use crate::failure::Failure;
use crate::store;

/// What every command of the signing key needs.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The server's store: sqlite:PATH
    #[arg(long, env = "MCP_AUTH_STORE", global = true, default_value = "", hide_default_value = true)]
    store: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Remove it: the server makes another at its next start
    Forget,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Command::Forget = arguments.command;
    let store = store::open(&arguments.store, false).await?;
    let was_kept = SigningKey::forget(&store).await.map_err(|error| {
        Failure::new(error.to_string(), "see that you may write the store, and that nobody holds it for long")
    })?;
    if was_kept {
        eprintln!(
            "The signing key is removed. Restart every process of the server now: until then they take tokens of the old one."
        );
        Ok(())
    } else {
        Err(Failure::found(
            3,
            "this store keeps no signing key",
            "see whether it is the store of the provider",
        ))
    }
}
