//! Times other libraries: `peers MATERIAL [--quick]`. Writes rows as JSON.

use std::process::Command;

use benches::measure::{self, Effort};
use benches::{Error, Material};

fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).ok_or("usage: peers MATERIAL [--quick]")?;
    let effort = if std::env::args().any(|it| it == "--quick") { Effort::QUICK } else { Effort::FULL };
    let material: Material = serde_json::from_slice(&std::fs::read(&path)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let mut cases =
        runtime.block_on(async { peers::all(&material, &peers::serve(&material).await?).await })?;
    let mut rows = measure::time(&mut cases, effort)?;

    let counted =
        Command::new(std::env::current_exe()?.with_file_name("peer-allocations")).arg(&path).output()?;
    let counts: Vec<(String, f64)> = serde_json::from_slice(&counted.stdout)?;
    for row in &mut rows {
        row.allocs = counts.iter().find(|(name, _)| *name == row.name).map(|(_, count)| *count);
    }
    println!("{}", serde_json::to_string(&rows)?);
    Ok(())
}
