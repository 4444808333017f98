//! Which redirects a client may have, and when a requested one is a registered one.
//!
//! 1. https; http on a loopback host; a private scheme only if the whole URI was listed (RFC 8252, section 7).
//! 2. No fragment, no user information, at most 2 KiB, nothing that a URL parser would change.
//! 3. A requested redirect equals a registered one to the character, except on loopback, where the port is free (RFC 8252,
//!    section 7.3) and `localhost`, `127.0.0.1` and `[::1]` are one host: clients register one and use the other.

use std::collections::HashSet;

use mcp_auth_core::http::is_loopback;
use url::Url;

const MAX_LENGTH: usize = 2048;

/// Why a redirect is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectError {
    #[error("the redirect URI is too long")]
    TooLong,
    #[error("the redirect URI is no absolute URI in normal form")]
    Malformed,
    #[error("the redirect URI has a fragment or user information")]
    Extra,
    #[error("the redirect URI is neither https nor http on a loopback host, nor a listed private scheme")]
    Scheme,
}

/// Which redirects are taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedirectRules {
    pub(crate) private: HashSet<String>,
}

impl RedirectRules {
    pub(crate) fn check(&self, uri: &str) -> Result<(), RedirectError> {
        if uri.len() > MAX_LENGTH {
            return Err(RedirectError::TooLong);
        }
        if self.private.contains(uri) {
            return Ok(());
        }
        let url = Url::parse(uri).map_err(|_| RedirectError::Malformed)?;
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectError::Extra);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(RedirectError::Scheme),
        }
        if url.as_str() == uri || url.as_str().strip_suffix('/') == Some(uri) {
            Ok(())
        } else {
            Err(RedirectError::Malformed)
        }
    }
}

/// True if `requested` is `registered`.
pub(crate) fn matches(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    let (Some(one), Some(other)) = (loopback(registered), loopback(requested)) else { return false };
    (one.path(), one.query()) == (other.path(), other.query())
}

/// An http URL on loopback, without anything that a redirect may not have.
fn loopback(uri: &str) -> Option<Url> {
    if uri.len() > MAX_LENGTH {
        return None;
    }
    let url = Url::parse(uri).ok()?;
    let is_plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    // A parser that repairs a URI must not make it match.
    let is_normal = url.as_str() == uri || url.as_str().strip_suffix('/') == Some(uri);
    (url.scheme() == "http" && is_loopback(&url) && is_plain && is_normal).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_registered() {
        let rules = RedirectRules {
            private: HashSet::from(["cursor://anysphere.cursor-mcp/oauth/callback".to_owned()]),
        };
        for good in [
            "https://claude.ai/api/mcp/auth_callback",
            "http://127.0.0.1/",
            "http://127.0.0.1",
            "http://localhost:33418/callback?x=1",
            "http://[::1]/callback",
            "cursor://anysphere.cursor-mcp/oauth/callback",
        ] {
            assert_eq!(rules.check(good), Ok(()), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "http://evil.example/callback",
            "https://a.example/#x",
            "https://user@a.example/",
            "https:\\\\evil.example/",
            "cursor://anysphere.cursor-mcp/oauth/callback2",
            "https://a.example/../b",
            "/callback",
        ] {
            assert!(rules.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_loopback_ports_are_free() {
        assert!(matches("http://127.0.0.1/callback", "http://localhost:5000/callback"));
        assert!(matches("http://localhost:1/callback", "http://127.0.0.1:2/callback"));
        for (registered, requested) in [
            ("https://a.example/cb", "https://a.example:8443/cb"),
            ("http://127.0.0.1/callback", "http://127.0.0.1/other"),
            ("http://127.0.0.1/callback", "http://127.0.0.1/callback?x"),
            ("http://127.0.0.1/callback", "http://127.0.0.1@evil.example/callback"),
            ("http://127.0.0.1/callback", "http://evil.example/callback"),
            ("http://127.0.0.1/callback", "https://127.0.0.1/callback"),
        ] {
            assert!(!matches(registered, requested), "{requested}");
        }
    }
}
