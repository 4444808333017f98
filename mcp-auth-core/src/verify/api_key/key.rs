//! A key as its owner and its operator see it: everything but the secret.

use std::fmt;
use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// What is known about a key. Nothing in it lets anybody in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiKey {
    /// Its public id: the same through every rotation.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The subject that it acts for.
    pub owner: String,
    /// The one environment that takes it.
    pub environment: String,
    /// What it grants.
    pub scopes: ScopeSet,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` where it does not.
    pub expires_at: Option<Timestamp>,
    /// When its present secret was made.
    pub rotated_at: Timestamp,
    /// How often it was rotated.
    pub rotations: u32,
    /// When it should be rotated, by the policy of its environment.
    pub rotation_due: Option<Timestamp>,
    /// Until when the secret before the present one is taken, too.
    pub overlap_until: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When and from where it was used last, to about a minute.
    pub last_used: Option<LastUse>,
}

impl ApiKey {
    /// True if the key lets its holder in at `now`.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }

    /// True if it should have been rotated by `now`.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.is_active(now) && self.rotation_due.is_some_and(|due| due <= now)
    }
}

/// The last use that was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// From where, if the address was known.
    pub address: Option<IpAddr>,
}

/// A key to be made.
#[derive(Clone, Debug)]
#[must_use = "a key is made by `ApiKeys::create`"]
pub struct NewKey {
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) scopes: ScopeSet,
    pub(super) environment: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

impl NewKey {
    /// A key that `owner` (the subject of its principal) calls `name`: each 1 to 256 bytes, no control characters. Without
    /// scopes, for the environment of the [`ApiKeys`](super::ApiKeys) that makes it, and without an end.
    pub fn new(name: impl Into<String>, owner: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            owner: owner.into(),
            scopes: ScopeSet::default(),
            environment: None,
            expires_at: None,
        }
    }

    /// What it grants.
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// The one environment that takes it: 1 to 32 small letters, digits and `-`.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// When it ends.
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }
}

/// A key that was just made or rotated, with its secret, which cannot be had again.
pub struct CreatedKey {
    pub(super) key: ApiKey,
    pub(super) secret: SecretString,
}

impl CreatedKey {
    /// What is known about the key.
    #[must_use]
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// The whole key, as its holder sends it after `Bearer`: to be shown once, and kept nowhere.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Some of the keys.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyPage {
    /// In order of their ids.
    pub keys: Vec<ApiKey>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}
