//! How fast it is. See `--help`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use benches::measure::{Effort, Row};
use benches::report::{Counted, Figures};
use benches::{Error, Material, http, measure, plot, rows, threads};
use clap::Parser;

/// Measures every path of a request and prints a table, and which of the figures to reach are reached.
#[derive(Parser)]
struct Arguments {
    /// A short run, for a look.
    #[arg(long)]
    quick: bool,
    /// Writes the rows as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes a plot (SVG), too.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Another program that measures other libraries, given `--material FILE`; prints its rows as JSON.
    #[arg(long, value_name = "PROGRAM")]
    peers: Option<PathBuf>,
    /// Leaves the load over HTTP out.
    #[arg(long)]
    no_http: bool,
    /// Measures the load over HTTP and nothing else.
    #[arg(long, conflicts_with = "no_http")]
    http_only: bool,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let material = Material::generate()?;

    let mut figures = Figures::default();
    if !arguments.http_only {
        figures.rows = measure::time(&mut rows::all(&material)?, effort)?;
        figures.rows.extend(threads::all(&material, effort)?);
    }
    if let Some(program) = arguments.peers.as_ref().filter(|_| !arguments.http_only) {
        figures.peers = peers(program, &material, arguments.quick)?;
    }
    if !arguments.no_http {
        let (rounds, turn) = if arguments.quick { (3, 300) } else { (9, 1000) };
        figures.http = http::run(&material, rounds, Duration::from_millis(turn))?;
    }
    if !arguments.http_only {
        match allocations(arguments.quick) {
            Ok(counted) => figures.take(counted),
            Err(error) => eprintln!("allocations were not counted: {error}"),
        }
    }
    print!("{}", figures.table());
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&figures)?)?;
    }
    if let Some(path) = arguments.plot {
        let is_plotted = |row: &&Row| !row.name.starts_with("parse/") && !row.name.starts_with("serde/");
        let ours = figures.rows.iter().filter(is_plotted).map(|row| (row, true));
        let bars: Vec<_> = ours.chain(figures.peers.iter().map(|row| (row, false))).collect();
        std::fs::write(path, plot::svg(&bars))?;
    }
    Ok(())
}

/// Asks the program that counts: a counting allocator would be part of every time here.
fn allocations(quick: bool) -> Result<Counted, Error> {
    let beside = std::env::current_exe()?.with_file_name("allocations");
    let mut program = match std::env::var_os("CARGO") {
        Some(cargo) => {
            let mut command = Command::new(cargo);
            command.args([
                "run",
                "--quiet",
                "--release",
                "--package",
                "benches",
                "--bin",
                "allocations",
                "--",
            ]);
            command
        }
        None => Command::new(beside),
    };
    program.args(quick.then_some("--quick"));
    let output = program.stderr(Stdio::inherit()).output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn peers(program: &PathBuf, material: &Material, quick: bool) -> Result<Vec<Row>, Error> {
    let path = std::env::temp_dir().join(format!("mcp-auth-material-{}.json", std::process::id()));
    std::fs::write(&path, serde_json::to_vec(material)?)?;
    let mut command = Command::new(program);
    command.arg(&path).args(quick.then_some("--quick")).stderr(Stdio::inherit());
    let output = command.output();
    std::fs::remove_file(&path)?;
    let output = output?;
    if !output.status.success() {
        return Err("the peers were not measured".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
