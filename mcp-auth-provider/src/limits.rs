//! How often the endpoints may be asked, and how much of the store a user takes.
//!
//! 1. An address may fail 120 times in a minute; then nothing of it is looked at. A token that is not known is a failure also
//!    where it is answered 200.
//! 2. A grant may be refreshed, and access tokens of it revoked, 60 times in a minute. Nothing is used up by what is too much.
//! 3. A refresh token can be revoked, and is known to have been used before, however often its grant was used; only rule 1
//!    holds there, too.
//! 4. A user may allow 30 times in a minute, of each process. Denying is always taken, and leaves nothing in the store.
//! 5. A user has at most 16 grants for one client: for one more, the oldest ends with its tokens. That is as many devices as
//!    share a client's identifier; one that registers itself has another at each.
//! 6. A user has at most 128 grants in all, unless the host says otherwise. For one more, the oldest of the same client ends;
//!    if there is none the client is told `access_denied`, until a grant is ended or has expired.
//! 7. A user may allow 100 times in a row, then once in five minutes. That bounds what ended grants leave: the hashes of used
//!    codes, registrations, marks of what was revoked.
//! 8. Rules 5 to 7 are [counted](crate::held) in the store: they hold across processes, to the grant.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota};
use mcp_auth_core::limit::{FailureBudget, address_key};

use crate::answer::{Code, Refused};

const FAILURES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(119);
const USES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
const ALLOWED_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
pub(crate) const GRANTS_OF_USER: NonZeroU32 = NonZeroU32::MIN.saturating_add(127);
pub(crate) const GRANTS_OF_CLIENT: usize = 16;
pub(crate) const ALLOWED_IN_A_ROW: u32 = 100;
pub(crate) const ALLOW_AGAIN: Duration = Duration::from_secs(300);

pub(crate) struct Limits {
    failures: FailureBudget<IpAddr>,
    uses: DefaultKeyedRateLimiter<String>,
    allowing: DefaultKeyedRateLimiter<String>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            failures: FailureBudget::new(FAILURES_PER_MINUTE),
            uses: DefaultKeyedRateLimiter::keyed(Quota::per_minute(USES_PER_MINUTE)),
            allowing: DefaultKeyedRateLimiter::keyed(Quota::per_minute(ALLOWED_PER_MINUTE)),
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

    /// For who is signed in.
    pub(crate) fn check_allowing(&self, subject: &str) -> Result<(), Refused> {
        let text = "You have allowed too many requests. Wait a minute.";
        let refused = Refused::new(Code::SlowDown, "consent_rate", text);
        self.allowing.check_key(&subject.to_owned()).map_err(|_| refused)
    }

    pub(crate) fn sweep(&self) {
        self.failures.sweep();
        self.uses.retain_recent();
        self.allowing.retain_recent();
    }
}
