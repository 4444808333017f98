//! API keys over a store that counts and can fail: format, life cycle, use, races.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fixture;
mod format;
mod guarded;
mod life;
mod races;
mod used;
mod view;
