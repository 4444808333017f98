#![doc = include_str!("../README.md")]

mod accounts;
mod activity;
mod authority;
pub mod banner;
mod confirming;
mod data;
pub mod domain;
pub mod environment;
mod journal;
pub mod keys;
pub mod options;
pub mod policies;
mod secret;
pub mod server;
mod sessions;
pub mod tools;
mod web;

pub use accounts::AccountsError;
pub use data::DataError;
pub use options::{Cli, Options};
pub use secret::NoRandomness;
pub use server::{Running, StartError, start, start_behind};
