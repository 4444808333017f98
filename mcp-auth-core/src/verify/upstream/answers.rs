//! What the service's API said, and whom the service reads out of it.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::credential::Credential;
use crate::mcp::{Limits, Raw};
use crate::time::Timestamp;

/// The answers of the service's API, in the order of the questions.
#[derive(Debug)]
pub struct UpstreamAnswers {
    bodies: Vec<Bytes>,
    credential: Credential,
}

impl UpstreamAnswers {
    pub(super) fn new(credential: Credential) -> Self {
        Self { bodies: Vec::new(), credential }
    }

    pub(super) fn add(&mut self, body: Bytes) {
        self.bodies.push(body);
    }

    /// The answer of the question with this index, read as JSON; `None` if it is not one, or of another shape.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self, index: usize) -> Option<T> {
        let body = self.bodies.get(index)?;
        // Read strictly first: of a name that is there twice nobody could say which one counts.
        Raw::parse(body, &Limits::default()).ok()?;
        serde_json::from_slice(body).ok()
    }

    /// The token that was shown, where its own text says something about it; keep it out of logs.
    #[must_use]
    pub fn expose_token(&self) -> &str {
        self.credential.expose_token()
    }
}

/// Whom the service's API knows by a token.
#[derive(Clone, Debug)]
#[must_use]
pub struct UpstreamPrincipal {
    pub(super) subject: String,
    pub(super) roles: Vec<String>,
    pub(super) token_id: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

impl UpstreamPrincipal {
    /// The user with this id, who may do nothing yet.
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), roles: Vec::new(), token_id: None, expires_at: None }
    }

    /// The roles of the token, by the names of the service.
    pub fn roles<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles.extend(roles.into_iter().map(Into::into));
        self
    }

    /// The public id of the token, which revocations name.
    pub fn token_id(mut self, id: impl Into<String>) -> Self {
        self.token_id = Some(id.into());
        self
    }

    /// When the token ends.
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }
}
