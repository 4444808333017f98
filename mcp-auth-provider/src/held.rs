//! What a user has granted, counted where every process sees it.
//!
//! 1. One entry of the store a user: notes of the grants that began, the oldest first, and how often the user allowed. It is
//!    changed by conditional writes only, so that the bounds hold however many processes are asked at once.
//! 2. A grant is noted before it begins, and what makes room for it ends before it is noted: whatever breaks off in between
//!    leaves fewer grants than there may be, never more.
//! 3. Notes of grants that ended otherwise are taken away when there is no room.
//! 4. A note lasts as long as its grant: whenever something is issued for the grant, the note is looked after.

use mcp_auth_core::store::{Key, StoreExt};
use mcp_auth_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::answer::{Code, Refused};
use crate::grants::{Grant, Grants, TRIES, lost_race};
use crate::limits::{ALLOW_AGAIN, ALLOWED_IN_A_ROW, GRANTS_OF_CLIENT};
use crate::secret;

const HELD: &str = "held_grants";

#[derive(Default, Serialize, Deserialize)]
struct Held {
    notes: Vec<Note>,
    /// When the user may again allow as many in a row as anybody.
    rested_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Note {
    grant_id: String,
    client_id: String,
    since: Timestamp,
}

impl Grants {
    /// Notes a grant that is about to begin. Where the client has as many of the user's as it may, the oldest ends for it.
    pub(crate) async fn note(&self, grant: &Grant) -> Result<(), Refused> {
        let key = held_key(&grant.subject);
        for _ in 0..TRIES {
            let (mut held, version, _) = self.held(&key).await?;
            let now = self.clock.now();
            held.allow(now)?;
            if !held.has_room(&grant.client_id, self.most_of_user) {
                self.forget_ended(&mut held).await?;
            }
            while !held.has_room(&grant.client_id, self.most_of_user) {
                let oldest = held.oldest_of(&grant.client_id).ok_or(TOO_MANY)?;
                self.end(&held.notes.remove(oldest).grant_id, "a newer one of its client took its place")
                    .await?;
            }
            held.add(grant);
            if self.write(&key, version, &held).await? {
                return Ok(());
            }
        }
        Err(lost_race())
    }

    /// Keeps the note of a grant that lasts until `until`.
    pub(crate) async fn keep_note(&self, grant: &Grant, until: Timestamp) -> Result<(), Refused> {
        let key = held_key(&grant.subject);
        for _ in 0..TRIES {
            let (mut held, version, kept_until) = self.held(&key).await?;
            let is_noted = held.notes.iter().any(|note| note.grant_id == grant.id);
            if is_noted && kept_until.is_some_and(|kept| kept >= until) {
                return Ok(());
            }
            if !is_noted {
                held.add(grant);
            }
            if self.write(&key, version, &held).await? {
                return Ok(());
            }
        }
        Err(lost_race())
    }

    async fn held(&self, key: &Key) -> Result<(Held, Option<u64>, Option<Timestamp>), Refused> {
        let Some(entry) = self.store.get(key).await? else { return Ok((Held::default(), None, None)) };
        Ok((serde_json::from_slice(&entry.value)?, Some(entry.version), entry.expires_at))
    }

    /// False if another process came first.
    async fn write(&self, key: &Key, version: Option<u64>, held: &Held) -> Result<bool, Refused> {
        let value = serde_json::to_vec(held)?;
        // Twice as long as any grant, so that it is seldom written only to be kept.
        let until = Some(self.clock.now().plus(self.longest.saturating_mul(2)));
        Ok(match version {
            Some(version) => self.store.replace(key, version, value, until).await?,
            None => self.store.insert_new(key, value, until).await?,
        })
    }

    async fn forget_ended(&self, held: &mut Held) -> Result<(), Refused> {
        for note in std::mem::take(&mut held.notes) {
            // One that was noted just now may be about to begin.
            let is_new = self.clock.now().since(note.since) < self.code_ttl;
            if is_new || self.find(&note.grant_id).await?.is_some() {
                held.notes.push(note);
            }
        }
        Ok(())
    }
}

const TOO_MANY: Refused = Refused::new(
    Code::AccessDenied,
    "grants_of_user",
    "the user is connected with too many applications: one has to be disconnected first",
);

impl Held {
    /// Counts one more that the user allows.
    fn allow(&mut self, now: Timestamp) -> Result<(), Refused> {
        let rested_at = self.rested_at.max(now).plus(ALLOW_AGAIN);
        let tired = rested_at.since(now);
        let most = ALLOW_AGAIN.saturating_mul(ALLOWED_IN_A_ROW);
        if tired > most {
            let text = "the user has allowed too many applications one after the other: try again later";
            return Err(Refused::new(Code::AccessDenied, "grants_in_a_row", text));
        }
        self.rested_at = rested_at;
        Ok(())
    }

    fn has_room(&self, client_id: &str, most_of_user: usize) -> bool {
        let of_client = self.notes.iter().filter(|note| note.client_id == client_id).count();
        of_client < GRANTS_OF_CLIENT && self.notes.len() < most_of_user
    }

    fn oldest_of(&self, client_id: &str) -> Option<usize> {
        self.notes.iter().position(|note| note.client_id == client_id)
    }

    fn add(&mut self, grant: &Grant) {
        let Grant { id, client_id, since, .. } = grant;
        self.notes.push(Note { grant_id: id.clone(), client_id: client_id.clone(), since: *since });
    }
}

/// A subject may be as long as the host likes.
fn held_key(subject: &str) -> Key {
    Key::new(HELD, "", secret::hash(subject))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_allowed_too_often_waits_and_rests() {
        let (mut held, now) = (Held::default(), Timestamp::from_secs(1_000_000));
        for _ in 0..ALLOWED_IN_A_ROW {
            held.allow(now).unwrap();
        }
        assert_eq!(held.allow(now).unwrap_err().kind, "grants_in_a_row");
        let later = now.plus(ALLOW_AGAIN);
        held.allow(later).unwrap();
        assert!(held.allow(later).is_err() && held.allow(later.plus(Duration::from_secs(1))).is_err());
        let rested = later.plus(ALLOW_AGAIN.saturating_mul(ALLOWED_IN_A_ROW));
        for _ in 0..ALLOWED_IN_A_ROW {
            held.allow(rested).unwrap();
        }
        assert!(held.allow(rested).is_err());
    }
}
