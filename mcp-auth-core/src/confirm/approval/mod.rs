//! Calls that wait for a person on a page.
//!
//! 1. A link carries a random id and nothing else; looking at it decides nothing.
//! 2. Who asked decides, signed in to this service as the same subject of the same issuer; in four eyes it is somebody
//!    else, who holds the scope that the rule names. Who is no user at all can only be approved by four eyes.
//! 3. A decision is made once, and an approved call runs once: whoever takes the record runs it.
//! 4. A call finds its approval again by what it is (principal, tool, arguments), in any process.
//! 5. Each principal has a bounded number of calls that wait.

mod decide;
#[cfg(feature = "approval-page")]
mod page;
mod record;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::store::Store;
use crate::time::Clock;

pub use decide::{Approver, DecideError, Pending, Verdict};
#[cfg(feature = "approval-page")]
pub use page::{ApprovalPage, Approvers, SignedIn};
pub(super) use record::{Asked, Found, NewApproval};

/// The calls that wait for an approval, in a store. Cheap to clone.
#[derive(Clone)]
pub struct Approvals {
    store: Arc<dyn Store>,
    clock: Clock,
    /// Where the page is, without the id.
    url: Arc<str>,
    open_for: Duration,
    most: usize,
}

impl Approvals {
    /// Approvals on the page at `url` (the whole URL, without a query), each open for an hour, at most 20 at once for
    /// each principal. Use a [`Sealed`](crate::store::Sealed) store: previews may tell what is private.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, url: impl Into<Arc<str>>) -> Self {
        Self { store, clock: Clock::system(), url: url.into(), open_for: Duration::from_secs(3600), most: 20 }
    }

    /// Says how long a call waits for its decision, and how long an approved one may be repeated.
    #[must_use]
    pub fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }

    /// Says how many calls of one principal may wait.
    #[must_use]
    pub fn at_most(mut self, calls: usize) -> Self {
        self.most = calls;
        self
    }

    /// Uses this clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The link to one approval.
    #[must_use]
    pub fn link(&self, id: &str) -> String {
        format!("{}?id={id}", self.url)
    }
}

impl fmt::Debug for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approvals").field("url", &self.url).finish_non_exhaustive()
    }
}
