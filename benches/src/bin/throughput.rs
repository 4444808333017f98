//! How fast it is. See `--help`.

use std::path::PathBuf;

use benches::measure::Effort;
use benches::{Error, Material, measure, rows};
use clap::Parser;

/// Measures every path of a request and prints a table.
#[derive(Parser)]
struct Arguments {
    /// A short run, for a look.
    #[arg(long)]
    quick: bool,
    /// Writes the rows as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let material = Material::generate()?;
    let rows = measure::time(&mut rows::all(&material)?, effort)?;
    for row in &rows {
        println!("{row:?}");
    }
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&serde_json::json!({ "rows": rows }))?)?;
    }
    Ok(())
}
