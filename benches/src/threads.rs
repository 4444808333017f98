//! What two threads get done that share one cache.

use std::sync::Barrier;
use std::time::Instant;

use mcp_auth_core::bench::TokenCache;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::{CacheKey, CacheSettings};
use mcp_auth_core::{Credential, TokenVerifier};

use crate::measure::{Effort, Row, median};
use crate::rows::{at_once, context, verifier};
use crate::{Error, Material, material};

const TOKENS: usize = 1000;
/// What each thread does in one turn: some three milliseconds, beside which starting together is nothing.
const CHECKS: usize = 30_000;

/// Hits by one and by more threads, over 1,000 tokens and over one hot one; `ns` is the wall's time for one check of all
/// threads together, and `ratio` how many times as much one thread of them gets done.
///
/// # Errors
/// If a check does not come out as it should.
pub fn hits(material: &Material, effort: Effort) -> Result<Vec<Row>, Error> {
    let (tokens, jwks) = material::many_tokens(material, TOKENS)?;
    let verifier = verifier(material, &jwks)?;
    let cache = TokenCache::new(CacheSettings::default().key(CacheKey::WholeToken));
    for token in &tokens {
        let credential = Credential::bearer(token.as_str());
        let verify = verifier.verify(&credential, context(&material.resource));
        cache.put(token, &at_once(verify).ok_or("the verifier waits")??);
    }
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).max(2);
    let hot = tokens.get(..1).unwrap_or_default();
    let mut rows = Vec::new();
    for (name, tokens) in [("hit", &tokens[..]), ("hit/hot", hot)] {
        // One thread and several take turns, as everything else.
        let mut taken: Vec<Vec<f64>> = vec![Vec::new(); threads];
        for _ in 0..effort.rounds.min(101) {
            for (threads, taken) in (1..).zip(&mut taken) {
                taken.push(check(&cache, tokens, threads)?);
            }
        }
        let alone = taken.first().cloned().unwrap_or_default();
        for (threads, taken) in (1..).zip(taken) {
            let speedup = median(alone.iter().zip(&taken).map(|(alone, together)| alone / together));
            let ns = median(taken.into_iter()).unwrap_or_default();
            rows.push(Row { ratio: speedup, ..Row::new(format!("{name}/threads{threads}"), ns) });
        }
    }
    Ok(rows)
}

/// The wall's time for one check, in nanoseconds.
fn check(cache: &TokenCache, tokens: &[String], threads: usize) -> Result<f64, Error> {
    let (barrier, clock) = (Barrier::new(threads + 1), Clock::system());
    let (time, wrong) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let (barrier, clock) = (&barrier, &clock);
                scope.spawn(move || {
                    // Each begins elsewhere, so that they meet by chance and not in step.
                    let mine = tokens.iter().cycle().skip(thread * tokens.len() / threads).take(CHECKS);
                    barrier.wait();
                    mine.filter(|token| !cache.has(token, clock.now())).count()
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        let wrong: Option<usize> = workers.into_iter().map(|worker| worker.join().ok()).sum();
        (start.elapsed(), wrong)
    });
    if wrong != Some(0) {
        return Err("a token that was put into the cache is not there".into());
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(time.as_nanos() as f64 / (CHECKS * threads) as f64)
}
