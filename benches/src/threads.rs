//! What several threads get done that share one verifier and one cache: checks by algorithm and kind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use mcp_auth_core::bench::TokenCache;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::{CacheKey, CacheSettings};
use mcp_auth_core::{Credential, TokenVerifier};

use crate::material::ALGORITHMS;
use crate::measure::{Effort, Row, median};
use crate::rows::{api_key, at_once, context, verifier};
use crate::{Error, Material, material};

const TOKENS: usize = 1000;
/// What each thread does in one turn of hits: some three milliseconds, beside which starting together is nothing.
const HITS: usize = 30_000;
const KEYS: usize = 6_000;
const MISSES: usize = 100;

/// One kind of check: the n-th, which is never the same for two threads at a time.
struct Kind<'a> {
    name: String,
    checks: usize,
    check: Box<dyn Fn(usize) -> bool + Sync + 'a>,
}

/// Every kind by one and by more threads; `ns` is the wall's time for one check of all threads together, and `ratio` how many
/// times as much one thread of them gets done.
///
/// # Errors
/// If a check does not come out as it should.
pub fn all(material: &Material, effort: Effort) -> Result<Vec<Row>, Error> {
    let (tokens, jwks) = material::many_tokens(material, TOKENS)?;
    let many = verifier(material, &jwks)?;
    let cache = TokenCache::new(CacheSettings::default().key(CacheKey::WholeToken));
    for token in &tokens {
        let credential = Credential::bearer(token.as_str());
        let verify = many.verify(&credential, context(&material.resource));
        cache.put(token, &at_once(verify).ok_or("the verifier waits")??);
    }
    let (clock, resource) = (Clock::system(), material.resource.as_str());
    let is_there = |token: Option<&String>| token.is_some_and(|token| cache.has(token, clock.now()));
    let mut kinds = vec![
        Kind::new("hit", HITS, |n| is_there(tokens.get(n % TOKENS))),
        Kind::new("hit/hot", HITS, |_| is_there(tokens.first())),
    ];
    let (keys, key) = api_key(material)?;
    let verified = move |_| at_once(keys.verify(&key, context(resource))).is_some_and(|it| it.is_ok());
    kinds.push(Kind::new("api_key", KEYS, verified));
    for (name, _) in ALGORITHMS {
        let verifier = verifier(material, &material.jwks)?;
        let credential = Credential::bearer(material.token(name)?);
        let verified =
            move |_| at_once(verifier.verify(&credential, context(resource))).is_some_and(|it| it.is_ok());
        kinds.push(Kind::new(&format!("miss/{name}"), MISSES, verified));
    }
    let mut rows = Vec::new();
    for kind in &kinds {
        rows.extend(kind.rows(effort)?);
    }
    Ok(rows)
}

impl<'a> Kind<'a> {
    fn new(name: &str, checks: usize, check: impl Fn(usize) -> bool + Sync + 'a) -> Self {
        Self { name: name.to_owned(), checks, check: Box::new(check) }
    }

    fn rows(&self, effort: Effort) -> Result<Vec<Row>, Error> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).max(2);
        // One thread and several take turns, as everything else.
        let mut taken: Vec<Vec<f64>> = vec![Vec::new(); threads];
        for _ in 0..effort.rounds.min(101) {
            for (threads, taken) in (1..).zip(&mut taken) {
                taken.push(self.turn(threads)?);
            }
        }
        let alone = taken.first().cloned().unwrap_or_default();
        let row = |(threads, taken): (usize, Vec<f64>)| {
            let ratio = median(alone.iter().zip(&taken).map(|(alone, together)| alone / together));
            let ns = median(taken.into_iter()).unwrap_or_default();
            Row { ratio, ..Row::new(format!("{}/threads{threads}", self.name), ns) }
        };
        Ok((1..).zip(taken).map(row).collect())
    }

    /// The wall's time for one check, in nanoseconds: from the first thread's start to the last one's end, by their own clocks,
    /// as whoever waits for them may be woken late.
    fn turn(&self, threads: usize) -> Result<f64, Error> {
        // They wait awake: a thread that is woken runs beside its waker for a while, on one core.
        let ready = AtomicUsize::new(0);
        let done: Option<Vec<(Instant, Instant, usize)>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|thread| {
                    let ready = &ready;
                    scope.spawn(move || {
                        // Each begins elsewhere, so that they meet by chance and not in step.
                        let begin = thread * TOKENS / threads;
                        ready.fetch_add(1, Ordering::AcqRel);
                        while ready.load(Ordering::Acquire) < threads {
                            std::hint::spin_loop();
                        }
                        let start = Instant::now();
                        let wrong = (begin..begin + self.checks).filter(|n| !(self.check)(*n)).count();
                        (start, Instant::now(), wrong)
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().ok()).collect()
        });
        let done = done.filter(|done| done.iter().all(|(_, _, wrong)| *wrong == 0));
        let done = done.ok_or_else(|| format!("{} did not come out as it should", self.name))?;
        let start = done.iter().map(|(start, _, _)| *start).min().ok_or("no threads")?;
        let end = done.iter().map(|(_, end, _)| *end).max().ok_or("no threads")?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        Ok((end - start).as_nanos() as f64 / (self.checks * threads) as f64)
    }
}
