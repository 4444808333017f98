//! One revocation: its name, and what is kept under it.

use bytes::Bytes;

use crate::principal::Principal;
use crate::store;
use crate::time::Timestamp;

/// The end of what has none.
const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// What is revoked. Identifiers are those of an issuer: another issuer's token of the same name is not concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    id: String,
    before: Option<Timestamp>,
}

impl Revocation {
    /// One token, by its `jti`.
    #[must_use]
    pub fn token(issuer: &str, token_id: &str) -> Self {
        Self::named('t', issuer, token_id)
    }

    /// Everything that came from one grant.
    #[must_use]
    pub fn grant(issuer: &str, grant_id: &str) -> Self {
        Self::named('g', issuer, grant_id)
    }

    /// Everything that a client holds.
    #[must_use]
    pub fn client(issuer: &str, client_id: &str) -> Self {
        Self::named('c', issuer, client_id)
    }

    /// One API key.
    #[must_use]
    pub fn key(issuer: &str, key_id: &str) -> Self {
        Self::named('k', issuer, key_id)
    }

    /// Everything that a user was issued until `before`, and what does not say when it was issued.
    #[must_use]
    pub fn principal(issuer: &str, subject: &str, before: Timestamp) -> Self {
        Self { before: Some(before), ..Self::named('p', issuer, subject) }
    }

    fn named(kind: char, issuer: &str, name: &str) -> Self {
        Self { id: format!("{kind}{}:{issuer}{name}", issuer.len()), before: None }
    }

    /// Every name under which a revocation would concern `principal`.
    pub(super) fn concerning(principal: &Principal) -> impl Iterator<Item = Self> {
        let issuer = principal.issuer();
        [
            principal.token_id().map(|id| Self::token(issuer, id)),
            principal.grant_id().map(|id| Self::grant(issuer, id)),
            principal.client_id().map(|id| Self::client(issuer, id)),
            principal.api_key().map(|key| Self::key(issuer, &key.id)),
            Some(Self::principal(issuer, principal.subject(), Timestamp::default())),
        ]
        .into_iter()
        .flatten()
    }

    /// The id of its entry in the store.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn entry(&self, until: Timestamp) -> Entry {
        Entry { until, before: self.before }
    }
}

/// What the view keeps, and the store.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) until: Timestamp,
    before: Option<Timestamp>,
}

impl Entry {
    /// Reads what the store kept. A time that cannot be read revokes whatever was issued when.
    pub(super) fn read(entry: &store::Entry) -> Self {
        let before = std::str::from_utf8(&entry.value).ok().and_then(|text| text.parse().ok());
        Self { until: entry.expires_at.unwrap_or(NEVER), before: before.map(Timestamp::from_millis) }
    }

    pub(super) fn value(&self) -> Bytes {
        self.before.map_or_else(Bytes::new, |before| before.as_millis().to_string().into())
    }

    /// When the store may forget it.
    pub(super) fn expiry(&self) -> Option<Timestamp> {
        (self.until != NEVER).then_some(self.until)
    }

    pub(super) fn concerns(&self, principal: &Principal) -> bool {
        match (self.before, principal.issued_at()) {
            (Some(before), Some(issued)) => issued <= before,
            _ => true,
        }
    }

    /// Takes over what is longer and later.
    pub(super) fn extend(&mut self, other: Self) {
        self.until = self.until.max(other.until);
        self.before = match (self.before, other.before) {
            (Some(known), Some(new)) => Some(known.max(new)),
            _ => None,
        };
    }
}
