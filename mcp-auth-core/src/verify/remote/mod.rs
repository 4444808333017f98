//! Asking another server about a token, without being made its flood.
//!
//! 1. One question for one token at a time ([`flight`]): who comes meanwhile waits for the same answer, and who leaves neither
//!    cancels nor spoils it. So many questions at once, and no more.
//! 2. What was refused is not asked again for a while; what is remembered of it is bounded.
//! 3. A server that fails is left alone for a while ([`breaker`]): 503, with the time to come again.
//!
//! What was found good is remembered by the guard, not here.

mod breaker;
mod flight;

use breaker::{Breaker, Pass};
pub(crate) use flight::{Asker, RemoteError};

use std::time::Duration;

/// How long one question may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a refusal is remembered, by default.
pub(crate) const REFUSED_FOR: Duration = Duration::from_secs(10);
/// How long a good verdict is used again, by default.
pub(crate) const CACHE_FOR: Duration = Duration::from_secs(60);
/// The longest that a host may set.
pub(crate) const MAX_CACHE_FOR: Duration = Duration::from_secs(600);
