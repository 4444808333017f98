//! Runs each hot path a few times for callgrind, which counts the instructions of what is `watched` and nothing else.
//! `.ci/instructions` runs it and compares the counts with the committed ones. Writes the names, in their order. With a name
//! as argument it runs that one alone, and with a number behind it so often, for a profile.

use std::hint::black_box;

use benches::rows::{Known, Nowhere, Place, Raw, api_key, guard, verifier};
use benches::{Error, Material};
use bytes::Bytes;
use futures_util::FutureExt;
use mcp_auth_core::audit::{Audit, Effect};
use mcp_auth_core::bench::TokenCache;
use mcp_auth_core::guard::{Admission, Decision};
use mcp_auth_core::mcp::{Limits, Message};
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::{CacheKey, CacheSettings, VerifyContext};
use mcp_auth_core::{Credential, TokenVerifier};

/// How often each is done: the first may be slower, and the figures are of all together.
const TIMES: usize = 16;

/// The one function whose instructions are counted, with all that it calls. A dump follows each call.
#[inline(never)]
fn watched(run: &mut dyn FnMut() -> bool) -> bool {
    black_box(run())
}

/// Warms `run` up, and lets it be counted.
fn count(name: &str, mut run: impl FnMut() -> bool) -> Result<(), Error> {
    if std::env::args().nth(1).is_some_and(|only| only != name) {
        return Ok(());
    }
    let warm = (0..warm_up()).all(|_| black_box(run()));
    let good = watched(&mut || (0..TIMES).all(|_| black_box(run())));
    if !(warm && good) {
        return Err(format!("{name} came out wrong").into());
    }
    println!("{name} {TIMES}");
    Ok(())
}

/// How often each is done before it is counted.
fn warm_up() -> usize {
    std::env::args().nth(2).and_then(|times| times.parse().ok()).unwrap_or(TIMES)
}

fn main() -> Result<(), Error> {
    // What follows a store in the background needs a thread of its own: this one only waits now and then.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let material = Material::generate()?;
    parse(&material)?;
    tokens(&material)?;
    api_keys(&material)?;
    record()?;
    whole(&material)
}

fn parse(material: &Material) -> Result<(), Error> {
    for (name, _) in &material.bodies {
        let body = material.body(name)?;
        count(&format!("parse/{name}"), || Message::parse(&body, &Limits::default()).is_ok())?;
    }
    Ok(())
}

fn tokens(material: &Material) -> Result<(), Error> {
    let context =
        || VerifyContext { resource: &material.resource, now: Clock::system().now(), address: None };
    let verifier = verifier(material, &material.jwks)?;
    // Ed25519 has no choices that depend on the key: the signature's own share stays the same from run to run.
    let token = material.token("eddsa")?;
    let credential = Credential::bearer(token);
    let verify = || verifier.verify(&credential, context()).now_or_never();
    let raw = Raw::of(material, "eddsa")?;
    count("raw/eddsa", || raw.verifies())?;
    count("miss/eddsa", || verify().is_some_and(|it| it.is_ok()))?;
    let verified = verify().ok_or("the verifier waits")??;
    for (name, key) in [("hit", CacheKey::WholeToken), ("hit/sha256", CacheKey::Sha256)] {
        let cache = TokenCache::new(CacheSettings::default().key(key));
        cache.put(token, &verified);
        let now = Clock::system().now();
        count(name, || cache.has(token, now))?;
    }
    Ok(())
}

fn api_keys(material: &Material) -> Result<(), Error> {
    let (keys, credential) = api_key(material)?;
    let context = VerifyContext { resource: &material.resource, now: Clock::system().now(), address: None };
    count("api_key", || keys.verify(&credential, context).now_or_never().is_some_and(|it| it.is_ok()))
}

fn record() -> Result<(), Error> {
    let (known, audit) = (Known::new()?, Audit::new(Nowhere));
    count("audit/read", || {
        let ticket = audit.begin(&known.intent(Effect::Read)).now_or_never().and_then(Result::ok);
        // Dropped, it would record an outcome, too.
        ticket.map(std::mem::forget).is_some()
    })
}

fn whole(material: &Material) -> Result<(), Error> {
    let guard = guard(material, Place::Whole)?;
    let (head, body) = (material.head(material.token("eddsa")?)?, material.body("300B")?);
    let mut heads = vec![head; warm_up() + TIMES];
    count("guard/300B", || {
        let Some(mut head) = heads.pop() else { return false };
        let admission = guard.admit(&mut head, Some([127, 0, 0, 1].into())).now_or_never();
        let Some(Admission::Body(admitted)) = admission else { return false };
        let decision = admitted.decide(&mut head, Bytes::clone(&body)).now_or_never();
        matches!(decision, Some(Decision::Forward(_)))
    })
}
