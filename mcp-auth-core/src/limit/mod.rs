//! How much somebody may do, and how often somebody may fail.
//!
//! 1. Failures are counted by address ([`FailureBudget`]), because nobody is known yet; requests by principal
//!    ([`PrincipalLimits`]).
//! 2. All count in this process: a service of several processes allows so much in each.

mod allowance;
mod failures;
mod principals;

use std::net::{IpAddr, Ipv6Addr};

pub(crate) use allowance::Allowance;
pub use failures::{Attempt, FailureBudget};
pub use principals::{LimitError, Permit, PrincipalLimits};

/// The key of an address: the address, its /64 for IPv6, and one for all that are not known.
#[must_use]
pub fn address_key(address: Option<IpAddr>) -> IpAddr {
    match address.map(|address| address.to_canonical()) {
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Some(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Some(v4) => v4,
    }
}
