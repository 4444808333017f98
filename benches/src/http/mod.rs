//! The same MCP service over HTTP, protected and not, in both frameworks.
//!
//! 1. The server has one core and the generator another: neither takes the other's time.
//! 2. Protected and plain take turns; the ratio is the median of pairs.
//! 3. Sixteen connections that stay open, one call after the other on each; every answer is looked at.

mod load;
mod serve;

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::median;
use crate::rows::{Place, guard};
use crate::{Error, Material};
use load::{Generator, Load};
use serve::Framework;

/// What one framework got done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HttpRow {
    /// `axum` or `actix`.
    pub framework: String,
    /// Requests a second behind the guard, each a hit.
    pub protected_rps: f64,
    /// Requests a second without it.
    pub plain_rps: f64,
    /// The median of the pairs' ratios.
    pub ratio: f64,
    /// Latencies in microseconds behind the guard: 50, 90, 99 and 99.9 of a hundred are not above them.
    pub protected_us: [f64; 4],
    /// The same without it.
    pub plain_us: [f64; 4],
}

/// Loads both frameworks.
///
/// # Errors
/// If a server does not start, or an answer is not what it should be.
pub fn run(material: &Material, rounds: usize, turn: Duration) -> Result<Vec<HttpRow>, Error> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let (first, last) = (cores.first().copied(), cores.last().copied());
    let generator = Generator::new(material, last)?;
    let mut rows = Vec::new();
    for (name, framework) in [("axum", Framework::Axum), ("actix", Framework::Actix)] {
        let plain = serve::start(framework, None, first)?;
        let protected = serve::start(framework, Some(guard(material, Place::Whole)?), first)?;
        for address in [plain, protected] {
            generator.run(address, turn / 2)?;
        }
        let mut pairs: Vec<(Load, Load)> = Vec::new();
        for _ in 0..rounds {
            pairs.push((generator.run(protected, turn)?, generator.run(plain, turn)?));
        }
        rows.push(row(name, &pairs));
    }
    Ok(rows)
}

fn row(name: &str, pairs: &[(Load, Load)]) -> HttpRow {
    let middle = |of: &dyn Fn(&(Load, Load)) -> f64| median(pairs.iter().map(of)).unwrap_or_default();
    HttpRow {
        framework: name.to_owned(),
        protected_rps: middle(&|pair| pair.0.rps),
        plain_rps: middle(&|pair| pair.1.rps),
        ratio: middle(&|pair| pair.0.rps / pair.1.rps),
        protected_us: std::array::from_fn(|n| middle(&|pair| pair.0.us.get(n).copied().unwrap_or_default())),
        plain_us: std::array::from_fn(|n| middle(&|pair| pair.1.us.get(n).copied().unwrap_or_default())),
    }
}

type Address = SocketAddr;
