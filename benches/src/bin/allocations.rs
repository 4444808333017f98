//! Counts allocations: the rows of `throughput`, under an allocator that counts. Writes JSON: `[[name, count], …]`.

use std::alloc::System;

use benches::{Error, Material, measure, rows};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Error> {
    measure::count_with(|| {
        let stats = COUNTING.stats();
        stats.allocations + stats.reallocations
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let mut cases = rows::all(&Material::generate()?)?;
    println!("{}", serde_json::to_string(&measure::count(&mut cases)?)?);
    Ok(())
}
