#![doc = include_str!("../README.md")]

mod audit;
mod failure;
mod keys;
mod signing_key;
mod store;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// The operator's tool of mcp-auth.
#[derive(Debug, Parser)]
#[command(name = "mcp-auth", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    area: Area,
}

#[derive(Debug, Subcommand)]
enum Area {
    /// The record of calls: read, check, review
    Audit(audit::Arguments),
    /// API keys: make, list, rename, rotate, revoke.
    Keys(keys::Arguments),
    /// The key that an embedded provider signs with: forget it.
    SigningKey(signing_key::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(format!("no runtime: {error}"), "see whether the system is out of files")
        })
        .and_then(|runtime| match arguments.area {
            Area::Keys(arguments) => runtime.block_on(keys::run(arguments)),
            Area::SigningKey(arguments) => runtime.block_on(signing_key::run(arguments)),
            Area::Audit(arguments) => runtime.block_on(audit::run(&arguments)),
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.code()
        }
    }
}
