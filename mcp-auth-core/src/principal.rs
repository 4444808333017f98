//! Who is asking.
//!
//! 1. A [`Principal`] is made by a verifier and by nothing that a client sends beside its credential.
//! 2. Its key joins issuer, subject and client, each with its length before it: subjects contain `|`.
//! 3. It travels in the request's extensions; handlers read it with [`Principal::from_extensions`].
//!
//! ```
//! use mcp_auth_core::{Principal, ScopeSet};
//!
//! let ada = Principal::builder("https://issuer.example", "ada")
//!     .client_id("cli")
//!     .scopes(ScopeSet::parse("notes:read").unwrap())
//!     .build();
//! assert_eq!(ada.subject(), "ada");
//! assert!(ada.scopes().contains("notes:read"));
//! ```

use std::fmt;
use std::sync::Arc;

use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// Who is asking, as a verifier established it. Cheap to clone.
#[derive(Clone)]
pub struct Principal {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    subject: String,
    client_id: Option<String>,
    key: String,
    scopes: ScopeSet,
    expires_at: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    token_id: Option<String>,
    grant_id: Option<String>,
    api_key: Option<ApiKeyName>,
    actor: Option<String>,
    claims: Option<Arc<str>>,
}

/// The API key that somebody came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyName {
    /// Its public identifier.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The environment that it was made for: `production`, `staging`.
    pub environment: String,
}

impl Principal {
    /// Starts a principal named `subject` by `issuer`.
    pub fn builder(issuer: impl Into<String>, subject: impl Into<String>) -> PrincipalBuilder {
        PrincipalBuilder {
            inner: Inner {
                issuer: issuer.into(),
                subject: subject.into(),
                client_id: None,
                key: String::new(),
                scopes: ScopeSet::default(),
                expires_at: None,
                issued_at: None,
                token_id: None,
                grant_id: None,
                api_key: None,
                actor: None,
                claims: None,
            },
        }
    }

    /// The principal that a guard put into a request's extensions. `None` outside a guard, and for
    /// an anonymous call of a public tool.
    pub fn from_extensions(extensions: &::http::Extensions) -> Option<&Principal> {
        extensions.get::<Principal>()
    }

    /// Who vouches for the subject (`iss`), to the character.
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// Whom the token is about (`sub`).
    pub fn subject(&self) -> &str {
        &self.inner.subject
    }

    /// The OAuth client that holds the token, where the token names one.
    pub fn client_id(&self) -> Option<&str> {
        self.inner.client_id.as_deref()
    }

    /// Issuer, subject and client, each with its length before it; equal only for the same three.
    pub fn key(&self) -> &str {
        &self.inner.key
    }

    /// What the credential grants, before any hierarchy is applied.
    pub fn scopes(&self) -> &ScopeSet {
        &self.inner.scopes
    }

    /// When the credential ends; `None` where it does not.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.inner.expires_at
    }

    /// When the credential was issued, where it says so.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.inner.issued_at
    }

    /// The token's own identifier (`jti`), where it has one.
    pub fn token_id(&self) -> Option<&str> {
        self.inner.token_id.as_deref()
    }

    /// The grant that the token came from, where its issuer says so: what a revocation of "this sign-in" names.
    pub fn grant_id(&self) -> Option<&str> {
        self.inner.grant_id.as_deref()
    }

    /// The API key behind the principal, where it came with one.
    pub fn api_key(&self) -> Option<&ApiKeyName> {
        self.inner.api_key.as_ref()
    }

    /// Who acts for the subject (`act`, RFC 8693, section 4.1): the `sub` of the outermost actor.
    pub fn actor(&self) -> Option<&str> {
        self.inner.actor.as_deref()
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let i = &*self.inner;
        let texts = [&i.client_id, &i.token_id, &i.grant_id, &i.actor];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let scopes: usize = i.scopes.iter().map(|scope| scope.len() + 16).sum();
        let key = i.api_key.as_ref().map_or(0, |key| key.id.len() + key.name.len() + key.environment.len());
        let claims = i.claims.as_ref().map_or(0, |claims| claims.len());
        size_of::<Inner>() + i.issuer.len() + i.subject.len() + i.key.len() + texts + scopes + key + claims
    }

    /// One claim of the verified token, read as `T`; `None` if it is absent or of another type.
    pub fn claim<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        let claims: serde_json::Value = serde_json::from_str(self.inner.claims.as_deref()?).ok()?;
        serde_json::from_value(claims.get(name)?.clone()).ok()
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("issuer", &self.inner.issuer)
            .field("subject", &self.inner.subject)
            .field("client_id", &self.inner.client_id)
            .field("scopes", &self.inner.scopes)
            .field("expires_at", &self.inner.expires_at)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Principal`].
#[must_use = "a principal is made by `build`"]
pub struct PrincipalBuilder {
    inner: Inner,
}

impl PrincipalBuilder {
    /// Names the OAuth client.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.inner.client_id = Some(client_id.into());
        self
    }

    /// Says what is granted.
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.inner.scopes = scopes;
        self
    }

    /// Says when the credential ends.
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.inner.expires_at = Some(at);
        self
    }

    /// Says when the credential was issued.
    pub fn issued_at(mut self, at: Timestamp) -> Self {
        self.inner.issued_at = Some(at);
        self
    }

    /// Names the token (`jti`).
    pub fn token_id(mut self, id: impl Into<String>) -> Self {
        self.inner.token_id = Some(id.into());
        self
    }

    /// Names the grant behind the token.
    pub fn grant_id(mut self, id: impl Into<String>) -> Self {
        self.inner.grant_id = Some(id.into());
        self
    }

    /// Names the API key.
    pub fn api_key(mut self, key: ApiKeyName) -> Self {
        self.inner.api_key = Some(key);
        self
    }

    /// Names who acts for the subject.
    pub fn actor(mut self, subject: impl Into<String>) -> Self {
        self.inner.actor = Some(subject.into());
        self
    }

    /// Keeps the verified claims (a JSON object) for [`Principal::claim`].
    pub fn claims(mut self, json: impl Into<Arc<str>>) -> Self {
        self.inner.claims = Some(json.into());
        self
    }

    /// The principal.
    pub fn build(mut self) -> Principal {
        let i = &mut self.inner;
        let client = i.client_id.as_deref().unwrap_or("");
        // Of the size it will have, for the usual lengths.
        let mut key = String::with_capacity(i.issuer.len() + i.subject.len() + client.len() + 16);
        for text in [&i.issuer, &i.subject] {
            key.push_str(&text.len().to_string());
            key.push(':');
            key.push_str(text);
        }
        key.push_str(&client.len().to_string());
        key.push(':');
        key.push_str(client);
        i.key = key;
        Principal { inner: Arc::new(self.inner) }
    }
}

impl fmt::Debug for PrincipalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalBuilder").field("subject", &self.inner.subject).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_look_alikes_differ() {
        let one = Principal::builder("https://a", "x|y").client_id("z").build();
        let two = Principal::builder("https://a", "x").client_id("y|z").build();
        let three = Principal::builder("https://ax", "|y").client_id("z").build();
        assert_ne!(one.key(), two.key());
        assert_ne!(one.key(), three.key());
    }
}
