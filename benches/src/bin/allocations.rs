//! Counts allocations: the rows of `throughput`, under an allocator that counts, and what caches hold. Writes JSON.

use std::alloc::System;

use benches::report::Counted;
use benches::{Error, Material, measure, memory, rows};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Error> {
    measure::count_with(|| {
        let stats = COUNTING.stats();
        stats.allocations + stats.reallocations
    });
    let in_use = || {
        let stats = COUNTING.stats();
        stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let material = Material::generate()?;
    let memory = match std::env::args().any(|argument| argument == "--quick") {
        true => Vec::new(),
        false => memory::caches(&material, in_use)?,
    };
    let counts = measure::count(&mut rows::all(&material)?)?;
    println!("{}", serde_json::to_string(&Counted { counts, memory })?);
    Ok(())
}
