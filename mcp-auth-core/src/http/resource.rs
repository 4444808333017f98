//! The URL under which an MCP endpoint is known: what tokens are issued for and what everything else follows from.
//!
//! 1. https, or http on a loopback host; no query, fragment or user. Otherwise it is a configuration error.
//! 2. Development's relaxations follow from a loopback host and from nothing else.
//! 3. It is kept to the character: no slash is added or folded.

use std::net::IpAddr;

use url::{Host, Url};

/// A canonical resource URL (RFC 8707, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUrl {
    text: String,
    origin: String,
    authority: String,
    path: String,
    is_loopback: bool,
}

/// Why a text is no resource URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceUrlError {
    /// Not an absolute http(s) URL in its normal form.
    #[error("`{0}` is no absolute URL in normal form")]
    NotAUrl(String),
    /// http on a host that is not loopback.
    #[error("`{0}` is http on a host that is not loopback")]
    Insecure(String),
    /// A query, a fragment or user information.
    #[error("`{0}` has a query, a fragment or user information")]
    Extra(String),
}

impl ResourceUrl {
    /// Parses a resource URL.
    ///
    /// # Errors
    /// [`ResourceUrlError`] names what is wrong.
    pub fn parse(text: &str) -> Result<Self, ResourceUrlError> {
        let url = Url::parse(text).map_err(|_| ResourceUrlError::NotAUrl(text.to_owned()))?;
        if url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(ResourceUrlError::Extra(text.to_owned()));
        }
        // The text must be what a client sees after parsing it, but for the slash of an empty path.
        if url.as_str() != text && url.as_str().strip_suffix('/') != Some(text) {
            return Err(ResourceUrlError::NotAUrl(text.to_owned()));
        }
        let is_loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => return Err(ResourceUrlError::Insecure(text.to_owned())),
            _ => return Err(ResourceUrlError::NotAUrl(text.to_owned())),
        }
        let origin = url.origin().ascii_serialization();
        let authority = origin.split_once("://").map(|(_, authority)| authority.to_owned());
        Ok(Self {
            text: text.to_owned(),
            authority: authority.ok_or_else(|| ResourceUrlError::NotAUrl(text.to_owned()))?,
            origin,
            path: url.path().to_owned(),
            is_loopback,
        })
    }

    /// The URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port: `https://mcp.example`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port, without a default port: what a `Host` header says.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path, `/` where there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// True on a loopback host: development.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    /// The path of the metadata document that RFC 9728, section 3.1 derives from this URL.
    #[must_use]
    pub fn metadata_path(&self) -> String {
        let path = if self.path == "/" { "" } else { &self.path };
        format!("{}{path}", super::metadata::WELL_KNOWN)
    }
}

/// True if the URL's host is `localhost` or a loopback address.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_parts_of_a_resource() {
        let url = ResourceUrl::parse("https://mcp.example/a/mcp").unwrap();
        assert_eq!(
            (url.origin(), url.authority(), url.path()),
            ("https://mcp.example", "mcp.example", "/a/mcp")
        );
        assert_eq!(url.metadata_path(), "/.well-known/oauth-protected-resource/a/mcp");
        assert_eq!(
            ResourceUrl::parse("https://x").unwrap().metadata_path(),
            "/.well-known/oauth-protected-resource"
        );
    }

    #[test]
    fn what_is_refused() {
        for bad in [
            "http://mcp.example/mcp",
            "https://x/y?z",
            "https://u@x/",
            "https://X/mcp",
            "https://x/a/../b",
            "ftp://x/",
            "mcp",
            "https://x:443/",
        ] {
            assert!(ResourceUrl::parse(bad).is_err(), "{bad}");
        }
        assert!(ResourceUrl::parse("http://127.0.0.1:8787/mcp").unwrap().is_loopback());
    }
}
