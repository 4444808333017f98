//! How much a principal may ask for.
//!
//! 1. Requests in a minute, and requests at once; either may be unlimited.
//! 2. A request to the MCP endpoint is under way from its admission until its answer was sent, streams included: the [`Permit`] is
//!    given back when it is dropped. One to an ordinary route ([`Guard::require`](crate::Guard::require)) counts in its minute, and at
//!    once with others only while it is let in: the guard does not see its answer.
//! 3. Whoever it is counts as one: all tokens of one user at one client share a limit, and so do all that come from one address
//!    without a credential.
//!
//! ```
//! use std::num::NonZeroU32;
//! use mcp_auth_core::Principal;
//! use mcp_auth_core::limit::PrincipalLimits;
//!
//! let limits = PrincipalLimits::new(None, NonZeroU32::new(1));
//! let ada = Principal::builder("https://issuer.example", "ada").build();
//! let first = limits.begin(&ada).unwrap();
//! assert!(limits.begin(&ada).is_err(), "one at once");
//! drop(first);
//! assert!(limits.begin(&ada).is_ok());
//! ```

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota};

use crate::principal::Principal;

/// Why a principal has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Too many requests in a minute.
    #[error("too many requests in a minute")]
    Rate {
        /// How long until one more is allowed.
        retry_after: Duration,
    },
    /// Too many requests under way.
    #[error("too many requests at once")]
    Concurrency,
}

/// Counts the requests of each principal, in this process. Cheap to clone; clones count together.
#[derive(Clone, Debug, Default)]
pub struct PrincipalLimits {
    rate: Option<Arc<DefaultKeyedRateLimiter<Who>>>,
    concurrency: Option<Arc<Concurrency>>,
}

#[derive(Debug)]
struct Concurrency {
    most: u32,
    under_way: Mutex<HashMap<Who, u32>>,
}

/// A request that is under way; dropping it ends it.
#[derive(Debug)]
#[must_use = "the request counts as under way until this is dropped"]
pub struct Permit {
    place: Option<(Arc<Concurrency>, Who)>,
}

/// A principal, by its key: issuer, subject and client. Or the address of who has none.
#[derive(Clone, Debug)]
enum Who {
    Principal(Principal),
    Nobody(IpAddr),
}

impl PrincipalLimits {
    /// At most `per_minute` requests in a minute and `at_once` at once; `None` is unlimited.
    #[must_use]
    pub fn new(per_minute: Option<NonZeroU32>, at_once: Option<NonZeroU32>) -> Self {
        let rate = per_minute.map(|most| Arc::new(DefaultKeyedRateLimiter::keyed(Quota::per_minute(most))));
        let concurrency =
            at_once.map(|most| Arc::new(Concurrency { most: most.get(), under_way: Mutex::default() }));
        Self { rate, concurrency }
    }

    /// Begins a request of `principal`.
    ///
    /// # Errors
    /// [`LimitError`] if it has to wait.
    pub fn begin(&self, principal: &Principal) -> Result<Permit, LimitError> {
        self.begin_as(|| Who::Principal(principal.clone()))
    }

    /// Begins a request without a credential, from an address as [`address_key`](super::address_key) gives it.
    ///
    /// # Errors
    /// [`LimitError`] if it has to wait.
    pub fn begin_anonymous(&self, address: IpAddr) -> Result<Permit, LimitError> {
        self.begin_as(|| Who::Nobody(address))
    }

    fn begin_as(&self, who: impl Fn() -> Who) -> Result<Permit, LimitError> {
        // First the one that is not used up by asking.
        let place = match &self.concurrency {
            Some(concurrency) => Some((Arc::clone(concurrency), concurrency.enter(who())?)),
            None => None,
        };
        let permit = Permit { place };
        if let Some(rate) = &self.rate
            && let Err(not_until) = rate.check_key(&who())
        {
            let retry_after = not_until.wait_time_from(governor::clock::Clock::now(rate.clock()));
            return Err(LimitError::Rate { retry_after });
        }
        Ok(permit)
    }

    /// Forgets who has not asked for a while.
    pub fn sweep(&self) {
        if let Some(rate) = &self.rate {
            rate.retain_recent();
        }
    }
}

impl Concurrency {
    fn enter(&self, who: Who) -> Result<Who, LimitError> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(who.clone()).or_insert(0);
        if *count >= self.most {
            return Err(LimitError::Concurrency);
        }
        *count += 1;
        Ok(who)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some((concurrency, who)) = self.place.take() else { return };
        let mut under_way = concurrency.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&who) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&who);
            }
        }
    }
}

impl PartialEq for Who {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Principal(one), Self::Principal(other)) => one.key() == other.key(),
            (Self::Nobody(one), Self::Nobody(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Who {}

impl Hash for Who {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Principal(principal) => principal.key().hash(state),
            Self::Nobody(address) => address.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_rate_is_counted_for_each_principal() {
        let limits = PrincipalLimits::new(NonZeroU32::new(2), None);
        let ada = |token: &str| Principal::builder("i", "ada").token_id(token).build();
        drop((limits.begin(&ada("1")).unwrap(), limits.begin(&ada("2")).unwrap()));
        let refused = limits.begin(&ada("3")).unwrap_err();
        assert!(matches!(refused, LimitError::Rate { retry_after } if !retry_after.is_zero()));
        assert!(limits.begin(&Principal::builder("i", "bob").build()).is_ok());
        let nobody = || limits.begin_anonymous([192, 0, 2, 1].into());
        drop((nobody().unwrap(), nobody().unwrap()));
        assert!(nobody().is_err());
        assert!(limits.begin_anonymous([192, 0, 2, 2].into()).is_ok());
        limits.sweep();
    }
}
