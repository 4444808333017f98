//! The gate over a store, by every way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod approval;
mod budget;
mod fixture;
mod forms;
mod nested;
mod streams;
mod two_step;
