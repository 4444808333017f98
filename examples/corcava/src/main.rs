//! Starts the server and ends it on SIGTERM or SIGINT.

use std::io::{self, Write};
use std::process::ExitCode;

use corcava_mcp::{Options, start};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corcava-mcp: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (options, log) = Options::from_env()?;
    let filter = EnvFilter::try_new(&log)
        .map_err(|error| format!("--log `{log}`: {error}\n    fix: write info, debug or a filter"))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = start(options).await?;
    write!(io::stdout(), "{}", running.banner())?;
    tracing::info!(address = %running.address(), "listening");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("ending");
    running.stop().await;
    Ok(())
}
