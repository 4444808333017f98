//! How a hit's cost grows with what the cache keeps: tokens taken at random among 1 to 1,000,000.

use std::hint::black_box;
use std::time::Instant;

use benches::measure::median;
use benches::rows::{at_once, context, verifier};
use benches::{Error, Material, material};
use mcp_auth_core::bench::TokenCache;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::{CacheKey, CacheSettings};
use mcp_auth_core::{Credential, TokenVerifier};

const SIZES: [usize; 5] = [1, 1000, 10_000, 100_000, 1_000_000];
/// As long as with an RSA signature.
const LENGTH: usize = 900;
const ROUNDS: usize = 51;
const HITS: usize = 2000;

fn main() -> Result<(), Error> {
    let material = Material::generate()?;
    let (tokens, jwks) = material::many_tokens(&material, 1)?;
    let token = tokens.first().ok_or("no token")?;
    let verify = verifier(&material, &jwks)?;
    let credential = Credential::bearer(token.as_str());
    let verified =
        at_once(verify.verify(&credential, context(&material.resource))).ok_or("the verifier waits")??;
    let now = Clock::system().now();
    println!("{:>10} {:>14} {:>14}", "tokens", "SHA-256, ns", "whole, ns");
    for size in SIZES {
        let mut line = format!("{size:>10}");
        for key in [CacheKey::Sha256, CacheKey::WholeToken] {
            let settings = CacheSettings::default().key(key).max_entries(2 * size).max_bytes(8 << 30);
            let cache = TokenCache::new(settings);
            let name = |n: usize| format!("{n:0LENGTH$}");
            for n in 0..size {
                cache.put(&name(n), &verified);
            }
            let mut rounds = Vec::with_capacity(ROUNDS);
            for round in 0..ROUNDS {
                // Far apart, and none twice in a row: what a thread keeps for itself is of no use here.
                let asked: Vec<String> =
                    (0..HITS).map(|n| name((round * HITS + n).wrapping_mul(7_919_333) % size)).collect();
                let began = Instant::now();
                let found = asked.iter().filter(|token| black_box(cache.has(token, now))).count();
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                rounds.push(began.elapsed().as_nanos() as f64 / HITS as f64);
                if found * 10 < HITS * 9 {
                    return Err(format!("{size}: only {found} of {HITS} were found").into());
                }
            }
            line += &format!(" {:>14.0}", median(rounds.into_iter()).unwrap_or_default());
        }
        println!("{line}");
    }
    Ok(())
}
