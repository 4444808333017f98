//! What a million API keys in SQLite cost: to open, to check the first time, to check again, and in memory.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::measure::median;
use benches::{Error, memory};
use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use mcp_auth_core::store::Store;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::VerifyContext;
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_core::{Credential, ScopeSet, TokenVerifier};
use mcp_auth_store::SqliteStore;

const RESOURCE: &str = "http://127.0.0.1/mcp";
/// So many are created at a time: the store writes those that wait together.
const AT_ONCE: usize = 500;

/// Fills a database with API keys and checks some of them from a new process's view.
#[derive(Parser)]
struct Arguments {
    /// How many keys there are.
    #[arg(long, default_value_t = 1_000_000)]
    count: usize,
    /// How many of them are checked, each twice.
    #[arg(long, default_value_t = 100_000)]
    checked: usize,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let directory = std::env::temp_dir().join(format!("mcp-auth-keys-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let outcome = run(&directory.join("keys"), &arguments);
    std::fs::remove_dir_all(&directory)?;
    outcome
}

fn run(path: &Path, arguments: &Arguments) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let credentials = runtime.block_on(fill(path, arguments))?;
    println!("database: {:.0} MB", file_size(path)? / 1e6);
    drop(runtime);
    // From here on as a process that has just started.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let before = memory::resident()?;
    runtime.block_on(check(path, &credentials, before))
}

async fn fill(path: &Path, arguments: &Arguments) -> Result<Vec<Credential>, Error> {
    let store = SqliteStore::open(path).await?;
    let keys = keys(Arc::new(store.clone()))?;
    let began = Instant::now();
    let each = arguments.count.div_ceil(arguments.checked.max(1));
    let create = |n: usize| {
        let keys = &keys;
        async move {
            let new = NewKey::new(format!("key {n}"), format!("user {}", n % 50_000));
            let created = keys.create(new.scopes(ScopeSet::parse("notes:read notes:write")?)).await?;
            Ok::<_, Error>((n.is_multiple_of(each)).then(|| Credential::bearer(created.expose_secret())))
        }
    };
    let credentials: Vec<_> = stream::iter(0..arguments.count)
        .map(create)
        .buffer_unordered(AT_ONCE)
        .try_filter_map(|credential| async { Ok(credential) })
        .try_collect()
        .await?;
    println!("{} keys created in {:.1?}", arguments.count, began.elapsed());
    store.close().await;
    Ok(credentials)
}

async fn check(path: &Path, credentials: &[Credential], before: u64) -> Result<(), Error> {
    let began = Instant::now();
    let store = SqliteStore::open(path).await?;
    let keys = keys(Arc::new(store.clone()))?;
    if let Some(background) = keys.background() {
        tokio::spawn(background);
    }
    let first = credentials.first().ok_or("no keys")?;
    // Only what is followed is held in memory.
    while !verify(&keys, first).await? {
        if began.elapsed() > Duration::from_secs(30) {
            return Err("the store is not followed".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("ready after {:.1?}", began.elapsed());
    for name in ["cold", "warm"] {
        let mut took = Vec::with_capacity(credentials.len());
        for credential in credentials.iter().skip(1) {
            let began = Instant::now();
            verify(&keys, credential).await?;
            took.push(began.elapsed().as_nanos());
        }
        took.sort_unstable();
        let at = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let middle = median(took.iter().map(|ns| *ns as f64 / 1e3)).unwrap_or_default();
        println!("{name}: median {middle:.2} µs, p99 {:.2?}", Duration::from_nanos(u64::try_from(at(99))?));
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let grown = memory::resident()?.saturating_sub(before) as f64 / 1e6;
        println!("after that {} keys are known, and the process has grown by {grown:.0} MB", took.len() + 1);
    }
    store.close().await;
    Ok(())
}

fn keys(store: Arc<dyn Store>) -> Result<ApiKeys, Error> {
    Ok(ApiKeys::builder(store).prefix("bench").issuer("https://issuer.example").build()?)
}

/// True if the verdict may be used again.
async fn verify(keys: &ApiKeys, credential: &Credential) -> Result<bool, Error> {
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    Ok(keys.verify(credential, context).await?.reuse_until().is_some())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn file_size(path: &Path) -> Result<f64, Error> {
    Ok(std::fs::metadata(path)?.len() as f64)
}
