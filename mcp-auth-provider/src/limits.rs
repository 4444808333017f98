//! How often the token and revocation endpoints may be asked.
//!
//! 1. An address may fail 120 times in a minute; then nothing of it is looked at. A token that is not known is a failure also
//!    where it is answered 200.
//! 2. A grant may be refreshed, and access tokens of it revoked, 60 times in a minute. Nothing is used up by what is too much.
//! 3. A refresh token can be revoked, and is known to have been used before, however often its grant was used; only rule 1
//!    holds there, too.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota};
use mcp_auth_core::limit::{FailureBudget, address_key};

use crate::answer::{Code, Refused};

const FAILURES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(119);
const USES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

pub(crate) struct Limits {
    failures: FailureBudget<IpAddr>,
    uses: DefaultKeyedRateLimiter<String>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            failures: FailureBudget::new(FAILURES_PER_MINUTE),
            uses: DefaultKeyedRateLimiter::keyed(Quota::per_minute(USES_PER_MINUTE)),
        }
    }

    pub(crate) fn check_address(&self, address: Option<IpAddr>) -> Result<(), Refused> {
        match self.failures.blocked(&address_key(address)) {
            None => Ok(()),
            Some(wait) => {
                Err(Refused::new(Code::SlowDown, "failure_rate", "too many failed requests").after(wait))
            }
        }
    }

    pub(crate) fn note_failure(&self, address: Option<IpAddr>) {
        self.failures.note_failure(&address_key(address));
    }

    /// For who has shown a token of the grant's: others can neither use it up nor fill the table.
    pub(crate) fn check_grant(&self, id: &str) -> Result<(), Refused> {
        self.uses.check_key(&id.to_owned()).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.uses.clock().now());
            Refused::new(Code::SlowDown, "grant_rate", "too many requests for one grant").after(wait)
        })
    }

    pub(crate) fn sweep(&self) {
        self.failures.sweep();
        self.uses.retain_recent();
    }
}
