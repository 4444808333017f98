//! Counts the allocations of other libraries: `peer-allocations MATERIAL`. Writes JSON: `[[name, count], …]`.

use std::alloc::System;

use benches::{Error, Material, measure};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Error> {
    measure::count_with(|| {
        let stats = COUNTING.stats();
        stats.allocations + stats.reallocations
    });
    let path = std::env::args().nth(1).ok_or("usage: peer-allocations MATERIAL")?;
    let material: Material = serde_json::from_slice(&std::fs::read(path)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let mut cases =
        runtime.block_on(async { peers::all(&material, &peers::serve(&material).await?).await })?;
    println!("{}", serde_json::to_string(&measure::count(&mut cases)?)?);
    Ok(())
}
