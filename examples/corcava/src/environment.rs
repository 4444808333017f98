//! The environments that a key can be for, and how old a key may grow in each.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Where a key is taken. A server takes keys of one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// For people's data.
    Production,
    /// For trying what will be production.
    Staging,
    /// For building.
    Development,
}

impl Environment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Production, Self::Staging, Self::Development];

    /// The one with this name.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|environment| environment.as_str() == name)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Development => "development",
        }
    }

    /// When the rotation of a key is due.
    #[must_use]
    pub const fn rotated_after(self) -> Duration {
        match self {
            Self::Production => DAY.saturating_mul(60),
            Self::Staging => DAY.saturating_mul(90),
            Self::Development => DAY.saturating_mul(180),
        }
    }
}
