//! A key as the check reads it: everything worked out beforehand, so that a warm check looks, hashes and compares.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use subtle::ConstantTimeEq;

use super::format::Hash;
use super::record::Record;
use crate::principal::{ApiKeyName, Principal};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::verify::{TokenRefusal, Verified};

const NOTED_EVERY: Duration = Duration::from_secs(60);
const REREAD_EVERY: Duration = Duration::from_millis(100);
const REREADS_AT_ONCE: u32 = 16;

/// One key, ready to be compared with.
pub(super) struct Live {
    principal: Principal,
    pub(super) version: u64,
    hash: Hash,
    previous: Option<(Hash, Timestamp)>,
    is_ours: bool,
    is_revoked: bool,
    pub(super) rotations: u32,
    rotated_at: Timestamp,
    pub(super) due_at: Option<Timestamp>,
    pub(super) kept_until: Option<Timestamp>,
    reread_until: AtomicU64,
    noted_at: AtomicU64,
    noted_address: AtomicU64,
    noted_due: AtomicBool,
}

/// Whose keys are taken.
pub(super) struct Taken<'a> {
    pub(super) prefix: &'a str,
    pub(super) issuer: &'a str,
    pub(super) environment: &'a str,
    pub(super) due_after: Option<Duration>,
}

impl Live {
    pub(super) fn new(
        id: &str,
        record: &Record,
        version: u64,
        taken: &Taken<'_>,
    ) -> Result<Self, StoreError> {
        let name = ApiKeyName {
            id: id.to_owned(),
            name: record.name.clone(),
            environment: record.environment.clone(),
        };
        let mut principal = Principal::builder(&record.issuer, &record.owner)
            .scopes(record.scopes()?)
            .issued_at(record.created_at)
            .api_key(name);
        if let Some(end) = record.expires_at {
            principal = principal.expires_at(end);
        }
        Ok(Self {
            principal: principal.build(),
            version,
            hash: record.hash(),
            previous: record.previous.as_ref().map(|previous| (previous.hash(), previous.until)),
            is_ours: record.issuer == taken.issuer
                && record.prefix == taken.prefix
                && record.environment == taken.environment,
            is_revoked: record.revoked_at.is_some(),
            rotations: record.rotations,
            rotated_at: record.rotated_at,
            due_at: taken.due_after.map(|after| record.rotated_at.plus(after)),
            kept_until: record.kept_until(),
            reread_until: AtomicU64::new(0),
            noted_at: AtomicU64::new(0),
            noted_address: AtomicU64::new(0),
            noted_due: AtomicBool::new(false),
        })
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What to say about a key with this id whose secret has this hash. Why a key has ended learns only who has its secret.
    pub(super) fn check(
        &self,
        hash: &Hash,
        now: Timestamp,
        reuse: Option<Duration>,
    ) -> Result<Verified, TokenRefusal> {
        let (old, until) = self.previous.unwrap_or_default();
        let is_present = self.hash.ct_eq(hash);
        let is_previous = old.ct_eq(hash);
        let is_previous = bool::from(is_previous) && self.previous.is_some() && now < until;
        let is_present = bool::from(is_present);
        if !(is_present || is_previous) || !self.is_ours {
            return Err(TokenRefusal::Unknown);
        }
        if self.is_revoked {
            return Err(TokenRefusal::Revoked);
        }
        if self.principal.expires_at().is_some_and(|end| end <= now) {
            return Err(TokenRefusal::Expired);
        }
        let mut verified = Verified::from(self.principal.clone());
        if let Some(reuse) = reuse {
            let at = now.plus(reuse);
            verified = verified.reusable_until(if is_present { at } else { at.min(until) });
        }
        // Who still comes with the secret before should have changed over when it was rotated.
        let due = if is_present { self.due_at } else { Some(self.rotated_at) };
        Ok(match due {
            Some(due) => verified.rotation_due(due),
            None => verified,
        })
    }

    /// True ten times a second, sixteen times at once: whoever guesses secrets of one key must not ask the store each time.
    pub(super) fn may_be_old(&self, now: Timestamp) -> bool {
        let spent = Timestamp::from_millis(self.reread_until.load(Ordering::Relaxed));
        let next = spent.max(now.minus(REREAD_EVERY * REREADS_AT_ONCE)).plus(REREAD_EVERY);
        if next > now {
            return false;
        }
        self.reread_until.store(next.as_millis(), Ordering::Relaxed);
        true
    }

    /// True if this use is worth noting: a minute after the last, from another address, or the first when it is due.
    pub(super) fn is_noteworthy(&self, now: Timestamp, address: u64) -> bool {
        let is_late = now.since(Timestamp::from_millis(self.noted_at.load(Ordering::Relaxed))) >= NOTED_EVERY;
        let is_elsewhere = self.noted_address.load(Ordering::Relaxed) != address;
        let is_due = self.due_at.is_some_and(|due| due <= now) && !self.noted_due.load(Ordering::Relaxed);
        if !(is_late || is_elsewhere || is_due) {
            return false;
        }
        self.noted_at.store(now.as_millis(), Ordering::Relaxed);
        self.noted_address.store(address, Ordering::Relaxed);
        if is_due {
            self.noted_due.store(true, Ordering::Relaxed);
        }
        true
    }

    /// The use was lost: the next one is noteworthy again.
    pub(super) fn forget_noted(&self) {
        self.noted_at.store(0, Ordering::Relaxed);
        self.noted_due.store(false, Ordering::Relaxed);
    }
}

/// What is done for an id that nobody has: the same comparisons.
pub(super) fn check_nobody(hash: &Hash) -> TokenRefusal {
    let nobody = Hash::default();
    let hit = std::hint::black_box(nobody.ct_eq(hash) | nobody.ct_eq(hash));
    // No secret hashes to zeroes, and if one did it would still be nobody's.
    std::hint::black_box(bool::from(hit));
    TokenRefusal::Unknown
}
