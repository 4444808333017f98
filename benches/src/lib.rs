//! What the benchmarks share.
//!
//! 1. Every row is a [`Case`]: the same code is timed by `throughput`, counted by `allocations` and watched by criterion.
//! 2. Cases take turns, in short slices, for as many rounds as the run has; a row is the median of its slices, and what a row
//!    is compared with is timed in the slice beside it. Machines drift; pairs drift together. Each slice begins with one
//!    repetition that is not timed.
//! 3. A case says each time whether its work came out as it should: a run in which one did not gives no figures.
//! 4. Times are taken with the system's allocator; allocations are counted by another program, whose allocator counts.
//! 5. A metrics recorder is installed, as in production; spans are off.

pub mod case;
pub mod http;
pub mod journal;
pub mod material;
pub mod measure;
pub mod memory;
pub mod plot;
pub mod report;
pub mod rows;
pub mod threads;

pub use case::Case;
pub use material::Material;

/// Whatever can go wrong outside of what is measured.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
