//! How fast the record on disk is: `cargo run --release -p benches --bin journal`. Writes JSON; `--quick` for a look.

use benches::{Error, journal};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let events = if std::env::args().any(|argument| argument == "--quick") { 50_000 } else { 500_000 };
    println!("{}", serde_json::to_string_pretty(&runtime.block_on(journal::run(events))?)?);
    Ok(())
}
