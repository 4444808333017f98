//! How often an address may present bad tokens.
//!
//! 1. Each refused credential costs its address (its /64 for IPv6) one cell; cells come back with time.
//! 2. An address without cells is answered 429 before its next credential is looked at, until a cell is back.
//! 3. Without a known address all requests share one budget, which is said once in the log.
//! 4. The table is bounded; at the bound new addresses share one budget.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultKeyedRateLimiter, Quota};

const MAX_ADDRESSES: usize = 100_000;
const SHARED: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Counts refused credentials by address.
#[derive(Debug)]
pub(super) struct FailureBudget {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    blocked: Mutex<HashMap<IpAddr, Instant>>,
    any_blocked: AtomicUsize,
    warned: AtomicBool,
}

impl FailureBudget {
    /// Allows `per_minute` failures a minute for each address.
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(Quota::per_minute(per_minute)),
            blocked: Mutex::default(),
            any_blocked: AtomicUsize::new(0),
            warned: AtomicBool::new(false),
        }
    }

    /// How long `address` has to wait; `None` if it may go on. One atomic load while nobody is blocked.
    pub(super) fn blocked(&self, address: Option<IpAddr>) -> Option<Duration> {
        if self.any_blocked.load(Ordering::Acquire) == 0 {
            return None;
        }
        let key = self.key(address);
        let blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        let until = blocked.get(&key)?;
        until.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    /// Notes a refused credential.
    pub(super) fn note_failure(&self, address: Option<IpAddr>) {
        let key = self.key(address);
        if let Err(not_until) = self.limiter.check_key(&key) {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(self.limiter.clock()));
            let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
            blocked.insert(key, Instant::now() + wait);
            self.any_blocked.store(blocked.len(), Ordering::Release);
        }
    }

    /// Forgets addresses whose cells are all back.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        let now = Instant::now();
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        blocked.retain(|_, until| *until > now);
        self.any_blocked.store(blocked.len(), Ordering::Release);
    }

    fn key(&self, address: Option<IpAddr>) -> IpAddr {
        let Some(address) = address else {
            if !self.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "no peer address is known: all requests share one failure budget; serve with connect info"
                );
            }
            return SHARED;
        };
        if self.limiter.len() >= MAX_ADDRESSES {
            return SHARED;
        }
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 => v4,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_flood_blocks_its_address_only() {
        let budget = FailureBudget::new(NonZeroU32::new(3).unwrap());
        let (evil, good) = (Some("192.0.2.1".parse().unwrap()), Some("192.0.2.2".parse().unwrap()));
        for _ in 0..4 {
            budget.note_failure(evil);
        }
        assert!(budget.blocked(evil).is_some());
        assert!(budget.blocked(good).is_none());
        let (a, b) = (Some("2001:db8::1".parse().unwrap()), Some("2001:db8::2".parse().unwrap()));
        for _ in 0..4 {
            budget.note_failure(a);
        }
        assert!(budget.blocked(b).is_some(), "one /64 is one address");
    }
}
