//! What is kept of a key: JSON with a version, and hashes where a secret would be.
//!
//! 1. `api_keys`, by id: the [`Record`], which is the key. `api_keys_by_owner`, by issuer and owner: that there is one.
//!    The index is written first, so that no key is ever missing from it; what it names and is not there is no key.
//! 2. A field that is not known, or a version that is not known, is damage: nobody is let in by half a record.
//! 3. What has ended is kept for 30 days, so that lists and refusals can say why; then the store forgets it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::format::Hash;
use super::{ApiKey, KeyId, LastUse};
use crate::scope::ScopeSet;
use crate::store::{Entry, Key, StoreError};
use crate::time::Timestamp;

/// The collection of the records.
pub(super) const KEYS: &str = "api_keys";
const BY_OWNER: &str = "api_keys_by_owner";
const VERSION: u8 = 1;
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// One key at rest.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    v: u8,
    pub(super) prefix: String,
    pub(super) issuer: String,
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) environment: String,
    scopes: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    secret: Hashed,
    pub(super) rotated_at: Timestamp,
    pub(super) rotations: u32,
    pub(super) previous: Option<Previous>,
    pub(super) revoked_at: Option<Timestamp>,
}

/// The secret before the present one.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Previous {
    secret: Hashed,
    pub(super) until: Timestamp,
}

impl Previous {
    pub(super) fn hash(&self) -> Hash {
        self.secret.0
    }
}

/// What a record begins with.
pub(super) struct Origin<'a> {
    pub(super) prefix: &'a str,
    pub(super) issuer: &'a str,
    pub(super) environment: &'a str,
    pub(super) hash: Hash,
    pub(super) now: Timestamp,
}

impl Record {
    pub(super) fn new(
        origin: Origin<'_>,
        name: String,
        owner: String,
        scopes: &ScopeSet,
        end: Option<Timestamp>,
    ) -> Self {
        Self {
            v: VERSION,
            prefix: origin.prefix.to_owned(),
            issuer: origin.issuer.to_owned(),
            name,
            owner,
            environment: origin.environment.to_owned(),
            scopes: scopes.to_string(),
            created_at: origin.now,
            expires_at: end,
            secret: Hashed(origin.hash),
            rotated_at: origin.now,
            rotations: 0,
            previous: None,
            revoked_at: None,
        }
    }

    pub(super) fn read(entry: &Entry) -> Result<Self, StoreError> {
        let record: Self =
            serde_json::from_slice(&entry.value).map_err(|error| StoreError::Damaged(error.into()))?;
        if record.v != VERSION {
            return Err(StoreError::Damaged("an API key of a later version".into()));
        }
        Ok(record)
    }

    pub(super) fn write(&self) -> Result<Bytes, StoreError> {
        serde_json::to_vec(self).map(Bytes::from).map_err(|error| StoreError::Damaged(error.into()))
    }

    pub(super) fn scopes(&self) -> Result<ScopeSet, StoreError> {
        ScopeSet::parse(&self.scopes).map_err(|error| StoreError::Damaged(error.into()))
    }

    pub(super) fn set_scopes(&mut self, scopes: &ScopeSet) {
        self.scopes = scopes.to_string();
    }

    pub(super) fn hash(&self) -> Hash {
        self.secret.0
    }

    /// Puts another secret in place of the present one, which is taken until `until` beside it.
    pub(super) fn rotate(&mut self, hash: Hash, now: Timestamp, until: Timestamp) {
        let old = std::mem::replace(&mut self.secret, Hashed(hash));
        self.previous = (until > now).then_some(Previous { secret: old, until });
        self.rotated_at = now;
        self.rotations = self.rotations.saturating_add(1);
    }

    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end <= now)
    }

    /// When the store may forget it.
    pub(super) fn kept_until(&self) -> Option<Timestamp> {
        let end = match (self.revoked_at, self.expires_at) {
            (Some(revoked), Some(end)) => Some(revoked.min(end)),
            (revoked, end) => revoked.or(end),
        };
        end.map(|end| end.plus(KEPT))
    }

    pub(super) fn to_key(
        &self,
        id: &str,
        due_after: Option<Duration>,
        last_used: Option<LastUse>,
    ) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            id: id.to_owned(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            environment: self.environment.clone(),
            scopes: self.scopes()?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            rotated_at: self.rotated_at,
            rotations: self.rotations,
            rotation_due: due_after.map(|after| self.rotated_at.plus(after)),
            overlap_until: self.previous.as_ref().map(|previous| previous.until),
            revoked_at: self.revoked_at,
            last_used,
        })
    }
}

/// Where the record of a key is.
pub(super) fn key_of(id: KeyId) -> Key {
    Key::new(KEYS, "", id.as_str())
}

/// Where the index says that `owner` has this key.
pub(super) fn index_of(issuer: &str, owner: &str, id: &str) -> Key {
    Key::new(BY_OWNER, format!("{}:{issuer}{owner}", issuer.len()), id)
}

/// A hash, in base64url.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Hashed(Hash);

impl TryFrom<String> for Hashed {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("not the hash of a secret")
    }
}

impl From<Hashed> for String {
    fn from(hash: Hashed) -> Self {
        URL_SAFE_NO_PAD.encode(hash.0)
    }
}
