//! Time as this crate reads it.
//!
//! 1. Everything that compares times asks one [`Clock`], so that a test can move it.
//! 2. A [`Timestamp`] counts whole milliseconds since the Unix epoch; it never wraps, it saturates.
//!
//! ```
//! use std::time::Duration;
//! use mcp_auth_core::time::Clock;
//!
//! let clock = Clock::system();
//! let later = clock.now().plus(Duration::from_secs(60));
//! assert!(later > clock.now());
//! ```

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// One more than the milliseconds: so a moment that may be absent takes no more room.
    after: NonZeroU64,
}

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self { after: NonZeroU64::MIN.saturating_add(millis) }
    }

    /// The moment `secs` seconds after the Unix epoch; saturates.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.after.get() - 1
    }

    /// Whole seconds since the Unix epoch (a `NumericDate` of RFC 7519, section 2).
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.as_millis() / 1000
    }

    /// This moment, `duration` later; saturates.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(self.as_millis().saturating_add(millis(duration)))
    }

    /// This moment, `duration` earlier; never before the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_millis(self.as_millis().saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.as_millis().saturating_sub(earlier.as_millis()))
    }
}

impl Default for Timestamp {
    /// The epoch.
    fn default() -> Self {
        Self::from_millis(0)
    }
}

/// As milliseconds.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.as_millis().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        u64::deserialize(from).map(Self::from_millis)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timestamp").field(&self.as_millis()).finish()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Tells the time. Cheap to clone; clones share a moved clock.
#[derive(Clone, Default)]
pub struct Clock {
    fixed: Option<Arc<AtomicU64>>,
}

impl Clock {
    /// The clock of the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self { fixed: None }
    }

    /// A clock that stands at `start` until it is moved with [`Clock::advance`]. For tests.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self { fixed: Some(Arc::new(AtomicU64::new(start.as_millis()))) }
    }

    /// Moves a manual clock; the system's clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Some(fixed) = &self.fixed {
            fixed.fetch_add(millis(by), Ordering::SeqCst);
        }
    }

    /// Now. A system clock before 1970 reads as the epoch, at which every token is not yet valid.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.fixed {
            Some(fixed) => Timestamp::from_millis(fixed.load(Ordering::SeqCst)),
            None => Timestamp::from_millis(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.fixed.is_some() { "Clock(manual)" } else { "Clock(system)" })
    }
}
