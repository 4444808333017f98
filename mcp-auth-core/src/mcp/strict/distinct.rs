//! The search for a key that an object has twice.
//!
//! 1. Few keys are compared pair by pair. Many go into a table, by a hash with a seed of the process.
//! 2. No chosen input makes it slow, whatever is found out about hash or seed: when more places of the table were looked
//!    at than there should be, the keys are sorted instead.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

/// Keys up to this number in one object are compared pair by pair.
const FEW: usize = 12;
/// So many places are looked at for each key, on average, before the keys are sorted. Expected is less than two.
const LOOKS: usize = 8;
const INDEX: u64 = 0xFFFF_FFFF;

/// Looks for duplicates; keeps its table from one object to the next.
#[derive(Default)]
pub(super) struct Distinct {
    hasher: RandomState,
    /// Zero where nothing is, else one half of a key's hash and, in the lower half, its index plus one.
    table: Vec<u64>,
}

impl Distinct {
    /// True if no two keys are equal.
    pub(super) fn check(&mut self, keys: &[&str]) -> bool {
        if keys.len() <= FEW {
            return pair_by_pair(keys);
        }
        self.by_table(keys).unwrap_or_else(|| sorted(keys))
    }

    /// `None` if the hash does not tell the keys apart well enough.
    fn by_table(&mut self, keys: &[&str]) -> Option<bool> {
        let size = keys.len().checked_mul(2)?.checked_next_power_of_two()?;
        self.table.clear();
        self.table.resize(size, 0);
        let mask = size - 1;
        let mut looks = keys.len().saturating_mul(LOOKS);
        for (index, key) in (1_u64..).zip(keys) {
            let hash = self.hasher.hash_one(key);
            let mut place = usize::try_from(hash & INDEX).ok()? & mask;
            loop {
                let entry = self.table.get_mut(place)?;
                if *entry == 0 {
                    *entry = (hash & !INDEX) | index;
                    break;
                }
                if (*entry ^ hash) & !INDEX == 0 {
                    let other = usize::try_from(*entry & INDEX).ok()?.checked_sub(1)?;
                    if keys.get(other)? == key {
                        return Some(false);
                    }
                }
                looks = looks.checked_sub(1)?;
                place = (place + 1) & mask;
            }
        }
        Some(true)
    }
}

fn pair_by_pair(keys: &[&str]) -> bool {
    let mut rest = keys;
    while let Some((key, others)) = rest.split_first() {
        // Most that are of one length are told apart by their first letter.
        let (length, first) = (key.len(), key.as_bytes().first());
        if others.iter().any(|one| one.len() == length && one.as_bytes().first() == first && one == key) {
            return false;
        }
        rest = others;
    }
    true
}

fn sorted(keys: &[&str]) -> bool {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.is_sorted_by(|one, next| one < next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_finds_the_same() {
        let mut distinct = Distinct::default();
        for many in [0_usize, 1, 2, FEW, FEW + 1, 100, 5000] {
            let texts: Vec<String> = (0..many).map(|n| format!("key {n}")).collect();
            let mut keys: Vec<&str> = texts.iter().map(String::as_str).collect();
            assert!(distinct.check(&keys) && sorted(&keys), "{many}");
            assert_eq!(distinct.by_table(&keys), Some(true), "{many}");
            let Some(again) = keys.get(many / 3).copied() else { continue };
            keys.push(again);
            assert!(!distinct.check(&keys) && !sorted(&keys) && !pair_by_pair(&keys), "{many}");
            assert_eq!(distinct.by_table(&keys), Some(false), "{many}");
        }
    }
}
