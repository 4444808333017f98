//! The rows of `throughput` under criterion, for changes from one commit to the next.

use benches::{Error, Material, rows};
use criterion::Criterion;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let mut criterion = Criterion::default().configure_from_args();
    for mut case in rows::all(&Material::generate()?)? {
        let name = case.name.clone();
        criterion.bench_function(&name, |bencher| bencher.iter_custom(|times| case.run(times).time));
    }
    criterion.final_summary();
    Ok(())
}
