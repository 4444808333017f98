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

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// Who is asking, as a verifier established it. Cheap to clone.
#[derive(Clone)]
pub struct Principal {
    inner: Arc<Inner>,
}

/// Made small: a cache holds as many as there are tokens.
#[derive(Clone)]
struct Inner {
    /// The key, and behind it whatever else there is to read: one text, so that a principal costs little to make.
    texts: String,
    issuer: Span,
    subject: Span,
    client_id: Option<Span>,
    key: Span,
    token_id: Option<Span>,
    grant_id: Option<Span>,
    actor: Option<Span>,
    claims: Option<Span>,
    scopes: ScopeSet,
    expires_at: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    api_key: Option<Box<ApiKeyName>>,
    credential_kind: Option<CredentialKind>,
}

/// A part of a principal's texts; never at their very beginning, where a length stands.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: NonZeroU32,
}

impl Span {
    fn new(start: usize, length: usize) -> Self {
        let at = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self { start: at(start), end: NonZeroU32::new(at(start + length)).unwrap_or(NonZeroU32::MIN) }
    }

    fn start(self) -> usize {
        self.start as usize
    }

    fn end(self) -> usize {
        self.end.get() as usize
    }
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

/// What somebody came with, by how it was found good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A signed token, checked here.
    Jwt,
    /// A token that its server was asked about (RFC 7662).
    Introspection,
    /// A token of a service's own, which was shown to that service.
    Upstream,
    /// An API key.
    ApiKey,
}

impl CredentialKind {
    /// The word of the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Introspection => "introspection",
            Self::Upstream => "upstream",
            Self::ApiKey => "api_key",
        }
    }
}

impl Principal {
    /// Starts a principal named `subject` by `issuer`. All its texts together are kept up to 4 GiB.
    pub fn builder<'a>(
        issuer: impl Into<Cow<'a, str>>,
        subject: impl Into<Cow<'a, str>>,
    ) -> PrincipalBuilder<'a> {
        PrincipalBuilder {
            issuer: issuer.into(),
            subject: subject.into(),
            client_id: None,
            scopes: ScopeSet::default(),
            expires_at: None,
            issued_at: None,
            token_id: None,
            grant_id: None,
            api_key: None,
            credential_kind: None,
            actor: None,
            claims: None,
        }
    }

    /// The principal that a guard put into a request's extensions. `None` outside a guard, and for
    /// an anonymous call of a public tool.
    pub fn from_extensions(extensions: &::http::Extensions) -> Option<&Principal> {
        extensions.get::<Principal>()
    }

    /// Who vouches for the subject (`iss`), to the character.
    pub fn issuer(&self) -> &str {
        self.text(self.inner.issuer)
    }

    /// Whom the token is about (`sub`).
    pub fn subject(&self) -> &str {
        self.text(self.inner.subject)
    }

    /// The OAuth client that holds the token, where the token names one.
    pub fn client_id(&self) -> Option<&str> {
        self.inner.client_id.map(|span| self.text(span))
    }

    /// Issuer, subject and client, each with its length before it; equal only for the same three.
    pub fn key(&self) -> &str {
        self.text(self.inner.key)
    }

    /// What the credential grants, before any hierarchy is applied.
    pub fn scopes(&self) -> &ScopeSet {
        &self.inner.scopes
    }

    /// When the credential ends; `None` where it does not.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.inner.expires_at
    }

    /// When the credential was issued, or what its verifier dates it by, where it says so.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.inner.issued_at
    }

    /// The token's own identifier (`jti`), where it has one.
    pub fn token_id(&self) -> Option<&str> {
        self.inner.token_id.map(|span| self.text(span))
    }

    /// The grant that the token came from, where its issuer says so: what a revocation of "this sign-in" names.
    pub fn grant_id(&self) -> Option<&str> {
        self.inner.grant_id.map(|span| self.text(span))
    }

    /// The API key behind the principal, where it came with one.
    pub fn api_key(&self) -> Option<&ApiKeyName> {
        self.inner.api_key.as_deref()
    }

    /// How the credential was found good, where its verifier says so.
    pub fn credential_kind(&self) -> Option<CredentialKind> {
        self.inner.credential_kind
    }

    /// Who acts for the subject (`act`, RFC 8693, section 4.1): the `sub` of the outermost actor.
    pub fn actor(&self) -> Option<&str> {
        self.inner.actor.map(|span| self.text(span))
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let i = &*self.inner;
        let key = i.api_key.as_ref().map_or(0, |key| key.id.len() + key.name.len() + key.environment.len());
        size_of::<Inner>() + i.texts.len() + i.scopes.size() + key
    }

    /// The same principal once more, sharing nothing with this one: for a thread that counts its own clones.
    pub(crate) fn separate(&self) -> Self {
        Self { inner: Arc::new(self.inner.as_ref().clone()) }
    }

    fn text(&self, span: Span) -> &str {
        self.inner.texts.get(span.start()..span.end()).unwrap_or_default()
    }

    /// One claim of the verified token, read as `T`; `None` if it is absent or of another type.
    pub fn claim<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        let claims: serde_json::Value = serde_json::from_str(self.text(self.inner.claims?)).ok()?;
        serde_json::from_value(claims.get(name)?.clone()).ok()
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .field("client_id", &self.client_id())
            .field("scopes", &self.inner.scopes)
            .field("expires_at", &self.inner.expires_at)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Principal`].
#[must_use = "a principal is made by `build`"]
pub struct PrincipalBuilder<'a> {
    issuer: Cow<'a, str>,
    subject: Cow<'a, str>,
    client_id: Option<Cow<'a, str>>,
    scopes: ScopeSet,
    expires_at: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    token_id: Option<Cow<'a, str>>,
    grant_id: Option<Cow<'a, str>>,
    api_key: Option<ApiKeyName>,
    credential_kind: Option<CredentialKind>,
    actor: Option<Cow<'a, str>>,
    claims: Option<Cow<'a, str>>,
}

impl<'a> PrincipalBuilder<'a> {
    /// Names the OAuth client.
    pub fn client_id(mut self, client_id: impl Into<Cow<'a, str>>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Says what is granted.
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// Says when the credential ends.
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Says when the credential was issued.
    pub fn issued_at(mut self, at: Timestamp) -> Self {
        self.issued_at = Some(at);
        self
    }

    /// Names the token (`jti`).
    pub fn token_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.token_id = Some(id.into());
        self
    }

    /// Names the grant behind the token.
    pub fn grant_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.grant_id = Some(id.into());
        self
    }

    /// Names the API key.
    pub fn api_key(mut self, key: ApiKeyName) -> Self {
        self.api_key = Some(key);
        self.credential_kind(CredentialKind::ApiKey)
    }

    /// Says how the credential was found good.
    pub fn credential_kind(mut self, kind: CredentialKind) -> Self {
        self.credential_kind = Some(kind);
        self
    }

    /// Names who acts for the subject.
    pub fn actor(mut self, subject: impl Into<Cow<'a, str>>) -> Self {
        self.actor = Some(subject.into());
        self
    }

    /// Keeps the verified claims (a JSON object) for [`Principal::claim`].
    pub fn claims(mut self, json: impl Into<Cow<'a, str>>) -> Self {
        self.claims = Some(json.into());
        self
    }

    /// The principal.
    pub fn build(self) -> Principal {
        let claims = self.claims.as_deref().unwrap_or_default();
        let behind = [&self.token_id, &self.grant_id, &self.actor].map(Option::as_deref);
        let length: usize =
            behind.iter().flatten().filter(|it| place_in(claims, it).is_none()).map(|it| it.len()).sum();
        let client = self.client_id.as_deref().unwrap_or_default();
        let key = self.issuer.len() + self.subject.len() + client.len() + ROOM_FOR_LENGTHS;
        let mut texts = Texts(String::with_capacity(key + claims.len() + length));
        let issuer = texts.push_counted(&self.issuer);
        let subject = texts.push_counted(&self.subject);
        let client = texts.push_counted(client);
        let all_claims = texts.push(claims);
        let [token_id, grant_id, actor] = behind.map(|text| {
            let text = text?;
            Some(match place_in(claims, text) {
                Some(at) => Span::new(all_claims.start() + at, text.len()),
                None => texts.push(text),
            })
        });
        Principal {
            inner: Arc::new(Inner {
                texts: texts.0,
                issuer,
                subject,
                client_id: self.client_id.is_some().then_some(client),
                key: Span::new(0, client.end()),
                token_id,
                grant_id,
                actor,
                claims: self.claims.is_some().then_some(all_claims),
                scopes: self.scopes,
                expires_at: self.expires_at,
                issued_at: self.issued_at,
                api_key: self.api_key.map(Box::new),
                credential_kind: self.credential_kind,
            }),
        }
    }
}

/// Where `text` stands in the claims, if it was borrowed from them: it need not be kept twice.
fn place_in(claims: &str, text: &str) -> Option<usize> {
    let at = (text.as_ptr() as usize).checked_sub(claims.as_ptr() as usize)?;
    (claims.get(at..at + text.len()) == Some(text)).then_some(at)
}

/// What three lengths of usual size take, with the colons behind them.
const ROOM_FOR_LENGTHS: usize = 9;

/// Texts one behind the other.
struct Texts(String);

impl Texts {
    fn push(&mut self, text: &str) -> Span {
        let start = self.0.len();
        self.0.push_str(text);
        Span::new(start, text.len())
    }

    /// With its length before it.
    fn push_counted(&mut self, text: &str) -> Span {
        self.0.push_str(itoa::Buffer::new().format(text.len()));
        self.0.push(':');
        self.push(text)
    }
}

impl fmt::Debug for PrincipalBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalBuilder").field("subject", &self.subject).finish_non_exhaustive()
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
        assert_eq!(one.key(), "9:https://a3:x|y1:z");
    }

    #[test]
    fn each_text_is_its_own() {
        let all = Principal::builder("https://a", "ada")
            .client_id("cli")
            .token_id("t1")
            .grant_id("")
            .actor("bot")
            .claims(r#"{"org":"x"}"#)
            .build();
        for principal in [&all, &all.separate()] {
            assert_eq!(
                (principal.issuer(), principal.subject(), principal.client_id()),
                ("https://a", "ada", Some("cli"))
            );
            assert_eq!(
                (principal.token_id(), principal.grant_id(), principal.actor()),
                (Some("t1"), Some(""), Some("bot"))
            );
            assert_eq!(principal.claim::<String>("org").as_deref(), Some("x"));
        }
        let bare = Principal::builder("i", "s").build();
        assert_eq!((bare.client_id(), bare.token_id(), bare.claim::<String>("org")), (None, None, None));
    }
}
