#![doc = include_str!("../README.md")]

pub mod api;
mod approvals;
mod authority;
pub mod banner;
pub mod fake;
mod logins;
pub mod options;
pub mod policies;
mod previews;
pub mod server;
pub mod state;
pub mod tools;
mod verifiers;

pub use options::{Cli, Options};
pub use server::{Running, start};
