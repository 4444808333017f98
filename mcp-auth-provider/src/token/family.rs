//! The refresh tokens of a grant (RFC 9700, section 4.14.2). They stand in the grant: to use one is one conditional write, and
//! takes no more room however often it is done.
//!
//! 1. A token names its grant, and has the secret of its family and one of its own. Only hashes of both are kept.
//! 2. Each use puts a new token in the old one's place. The old one is honoured for 30 seconds, at most twice more: clients race
//!    themselves, and answers get lost. What it gives belongs to the same family.
//! 3. Whatever else has the family's secret was used before. Nobody without that secret can make it look so.
//! 4. At most 16 tokens wait for their use; the one that waited longest counts as used.

use std::time::Duration;

use mcp_auth_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::{self, NoRandomness};

const GRACE: Duration = Duration::from_secs(30);
const GRACE_USES: u8 = 2;
const MOST: usize = 16;

/// What is kept of a grant's refresh tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Family {
    hash: String,
    /// Not used yet, the oldest first.
    fresh: Vec<String>,
    /// Used within the grace, the oldest first.
    used: Vec<Used>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Used {
    hash: String,
    at: Timestamp,
    again: u8,
}

/// A refresh token, as it is shown.
pub(crate) struct RefreshToken<'a> {
    pub(crate) grant_id: &'a str,
    family: &'a str,
    own: &'a str,
}

impl<'a> RefreshToken<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (grant_id, family, own) = (parts.next()?, parts.next()?, parts.next()?);
        let is_ours = |(part, length): (&str, usize)| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let all_ours = [(grant_id, 22), (family, 43), (own, 43)].into_iter().all(is_ours);
        all_ours.then_some(Self { grant_id, family, own })
    }

    /// The first of a new family.
    pub(crate) fn first(grant_id: &str) -> Result<Zeroizing<String>, NoRandomness> {
        let (family, own) = (secret::random()?, secret::random()?);
        Ok(Zeroizing::new(format!("{grant_id}.{}.{}", &*family, &*own)))
    }

    /// Another one of this family.
    pub(crate) fn next(&self) -> Result<Zeroizing<String>, NoRandomness> {
        let own = secret::random()?;
        Ok(Zeroizing::new(format!("{}.{}.{}", self.grant_id, self.family, &*own)))
    }
}

impl Family {
    pub(crate) fn begin(first: &RefreshToken<'_>) -> Self {
        Self { hash: secret::hash(first.family), fresh: vec![secret::hash(first.own)], used: Vec::new() }
    }

    /// True if `token` is, or ever was, one of this family.
    pub(crate) fn has(&self, token: &RefreshToken<'_>) -> bool {
        secret::matches(token.family, &self.hash)
    }

    /// Puts `next` in the place of `old`; false if `old` must not be used any more.
    pub(crate) fn rotate(&mut self, old: &RefreshToken<'_>, next: &RefreshToken<'_>, now: Timestamp) -> bool {
        self.used.retain(|used| now.since(used.at) <= GRACE);
        if let Some(place) = self.fresh.iter().position(|hash| secret::matches(old.own, hash)) {
            let hash = self.fresh.remove(place);
            push(&mut self.used, Used { hash, at: now, again: 0 });
        } else {
            match self.used.iter_mut().find(|used| secret::matches(old.own, &used.hash)) {
                Some(used) if used.again < GRACE_USES => used.again += 1,
                _ => return false,
            }
        }
        push(&mut self.fresh, secret::hash(next.own));
        true
    }
}

fn push<T>(list: &mut Vec<T>, one: T) {
    if list.len() >= MOST {
        list.remove(0);
    }
    list.push(one);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_what_fell_out_counts_as_used() {
        let (grant_id, now) = (secret::random_id().unwrap(), Timestamp::from_secs(1000));
        let first = RefreshToken::first(&grant_id).unwrap();
        let first = RefreshToken::parse(&first).unwrap();
        let mut family = Family::begin(&first);
        let mut shown = vec![first.next().unwrap()];
        assert!(family.rotate(&first, &RefreshToken::parse(&shown[0]).unwrap(), now));
        // Each is used three times, and the two that were lost wait on.
        for _ in 0..MOST {
            let old = shown.last().unwrap().clone();
            for _ in 0..3 {
                let next = first.next().unwrap();
                let (old, next_token) =
                    (RefreshToken::parse(&old).unwrap(), RefreshToken::parse(&next).unwrap());
                assert!(family.rotate(&old, &next_token, now));
                shown.push(next);
            }
            assert!(family.fresh.len() <= MOST && family.used.len() <= MOST);
        }
        let lost = RefreshToken::parse(&shown[1]).unwrap();
        assert!(family.has(&lost) && !family.rotate(&lost, &lost, now));
        let last = RefreshToken::parse(shown.last().unwrap()).unwrap();
        assert!(family.rotate(&last, &first, now));
    }
}
