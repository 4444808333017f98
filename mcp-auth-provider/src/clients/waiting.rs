//! Registrations that nothing was granted to yet, as far as this process took them.
//!
//! 1. There are at most 10,000, and 500 of an address: one more pushes the oldest out, of that address if it has too many.
//! 2. Nothing is refused for it, so nobody closes registration for others, and nothing is counted in the store.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use mcp_auth_core::time::Timestamp;

const MOST: usize = 10_000;
const MOST_OF_ADDRESS: usize = 500;

/// A registration, until somebody grants something to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) address: IpAddr,
    pub(super) until: Timestamp,
}

/// In the order in which they came, and so in that of their ends.
#[derive(Debug, Default)]
pub(crate) struct WaitingList {
    all: Mutex<VecDeque<Waiting>>,
}

impl WaitingList {
    /// Adds one, and gives the one that it pushes out.
    pub(super) fn add(&self, one: Waiting, now: Timestamp) -> Option<Waiting> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        while all.front().is_some_and(|first| first.until <= now) {
            all.pop_front();
        }
        let mut same = all.iter().enumerate().filter(|(_, other)| other.address == one.address);
        let oldest = same.next().map(|(place, _)| place);
        let has_too_many = same.count() + 1 >= MOST_OF_ADDRESS;
        let pushed_out = match oldest {
            Some(oldest) if has_too_many => all.remove(oldest),
            _ if all.len() >= MOST => all.pop_front(),
            _ => None,
        };
        all.push_back(one);
        pushed_out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let list = WaitingList::default();
        let of = |n: u32, address: u32| Waiting {
            id: n.to_string(),
            address: Ipv4Addr::from(address).into(),
            until: Timestamp::from_secs(u64::from(n) + 100_000),
        };
        let now = Timestamp::from_secs(1000);
        for n in 0..10_000 {
            assert_eq!(list.add(of(n, n / 500), now), None, "{n}");
        }
        assert_eq!(list.add(of(10_000, 7), now).unwrap().id, "3500", "its own");
        assert_eq!(list.add(of(10_001, 99), now).unwrap().id, "0", "the oldest of all");
        assert_eq!(list.add(of(10_002, 99), Timestamp::from_secs(100_500)), None, "some have ended");
        assert!(list.all.lock().unwrap().len() < 9_600);
    }
}
