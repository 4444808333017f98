//! A credential of the service's own API, in the hands of the tools.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::{Origin, Url};

/// A user's own API token, which was shown to the service's API and found good there. Tools show it to that API and to
/// nobody else: it comes out only for URLs of the one origin that it was checked at. It never shows in `Debug` and is wiped
/// when dropped.
///
/// ```
/// use mcp_auth_core::verify::UpstreamCredential;
///
/// let credential = UpstreamCredential::new("https://api.example/v2", "secret").unwrap();
/// assert_eq!(credential.expose_for("https://api.example/v2/projects"), Some("secret"));
/// assert_eq!(credential.expose_for("https://api.example.evil.example/v2"), None);
/// assert!(!format!("{credential:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct UpstreamCredential {
    origin: Origin,
    secret: SecretString,
}

impl UpstreamCredential {
    /// Seals `secret` to the origin of `url`; `None` if that has no origin of its own.
    pub fn new(url: &str, secret: impl Into<SecretString>) -> Option<Self> {
        let origin = Url::parse(url).ok()?.origin();
        origin.is_tuple().then(|| Self { origin, secret: secret.into() })
    }

    /// The credential that a guard put into a request's extensions; `None` where the request came with another kind.
    pub fn from_extensions(extensions: &::http::Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The secret, for a request to `url`; `None` if that is another origin.
    #[must_use]
    pub fn expose_for(&self, url: &str) -> Option<&str> {
        let same = Url::parse(url).is_ok_and(|url| url.origin() == self.origin);
        same.then(|| self.secret.expose_secret())
    }
}

impl fmt::Debug for UpstreamCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamCredential")
            .field("origin", &self.origin.ascii_serialization())
            .finish_non_exhaustive()
    }
}
