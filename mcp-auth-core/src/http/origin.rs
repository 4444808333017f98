//! Which hosts and origins a request may name (DNS rebinding; MCP, transports, security).
//!
//! 1. The host is the URI's authority (HTTP/2) or the one `Host` header; both together must agree, else 400.
//! 2. Allowed hosts are the public URL's authority and those that were configured; on a loopback public URL also the other
//!    loopback names, on the same port.
//! 3. An `Origin`, where there is one, must be allowed: the public URL's own, a configured one, or, on a loopback public
//!    URL, any loopback origin. `null` never is. Comparison is to the character, after ASCII lower-casing.

use http::{HeaderMap, HeaderValue, Uri, header};
use url::Url;

use super::resource::{ResourceUrl, is_loopback};

/// The allowed hosts and origins.
#[derive(Clone, Debug)]
pub struct HostRules {
    hosts: Vec<String>,
    origins: Vec<String>,
    loopback: bool,
}

/// Why a request's host or origin is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostRefusal {
    /// No host, several, or two that disagree.
    #[error("the request names no host, or several")]
    Malformed,
    /// A host that is not ours.
    #[error(
        "the host is not one of ours: allow it with allowed_hosts, or let the proxy pass the Host header on"
    )]
    Host,
    /// An origin that is not allowed.
    #[error("the origin is not allowed: allow it with allowed_origins")]
    Origin,
}

impl HostRules {
    /// The rules that follow from the public URL.
    #[must_use]
    pub fn new(public: &ResourceUrl) -> Self {
        let mut hosts = vec![public.authority().to_owned()];
        if public.is_loopback() {
            let port = Url::parse(public.as_str()).ok().and_then(|url| url.port());
            let port = port.map_or(String::new(), |port| format!(":{port}"));
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}{port}")));
        }
        Self { hosts, origins: vec![public.origin().to_owned()], loopback: public.is_loopback() }
    }

    /// Allows one more host (`name` or `name:port`).
    pub fn allow_host(&mut self, host: &str) {
        self.hosts.push(host.to_ascii_lowercase());
    }

    /// Allows one more origin (`https://app.example`).
    pub fn allow_origin(&mut self, origin: &str) {
        self.origins.push(origin.to_ascii_lowercase());
    }

    /// Checks the host of a request.
    ///
    /// # Errors
    /// [`HostRefusal::Malformed`] or [`HostRefusal::Host`].
    pub fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), HostRefusal> {
        let mut values = headers.get_all(header::HOST).iter();
        let header = match (values.next(), values.next()) {
            (None, _) => None,
            (Some(value), None) => Some(value.to_str().map_err(|_| HostRefusal::Malformed)?),
            (Some(_), Some(_)) => return Err(HostRefusal::Malformed),
        };
        let host = match (uri.authority().map(http::uri::Authority::as_str), header) {
            (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
                return Err(HostRefusal::Malformed);
            }
            (Some(host), _) | (None, Some(host)) => host,
            (None, None) => return Err(HostRefusal::Malformed),
        };
        let allowed = self.hosts.iter().any(|have| have.eq_ignore_ascii_case(host));
        if allowed { Ok(()) } else { Err(HostRefusal::Host) }
    }

    /// Checks the origin of a request and returns it, to be answered with CORS headers.
    ///
    /// # Errors
    /// [`HostRefusal::Origin`] if there is one that is not allowed, or several.
    pub fn check_origin(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, HostRefusal> {
        let mut values = headers.get_all(header::ORIGIN).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(HostRefusal::Origin);
        }
        let origin = value.to_str().map_err(|_| HostRefusal::Origin)?;
        let allowed = self.origins.iter().any(|have| have.eq_ignore_ascii_case(origin))
            || (self.loopback && is_loopback_origin(origin));
        if allowed { Ok(Some(value.clone())) } else { Err(HostRefusal::Origin) }
    }
}

fn is_loopback_origin(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && is_loopback(&url)
            && url.origin().ascii_serialization() == origin
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn loopback_names_only_on_loopback() {
        let dev = HostRules::new(&ResourceUrl::parse("http://127.0.0.1:8787/mcp").unwrap());
        let live = HostRules::new(&ResourceUrl::parse("https://mcp.example/mcp").unwrap());
        let uri = Uri::from_static("/mcp");
        assert!(dev.check_host(&uri, &headers(header::HOST, "localhost:8787")).is_ok());
        assert_eq!(dev.check_host(&uri, &headers(header::HOST, "evil.example:8787")), Err(HostRefusal::Host));
        assert_eq!(live.check_host(&uri, &headers(header::HOST, "localhost")), Err(HostRefusal::Host));
        assert!(live.check_host(&uri, &headers(header::HOST, "MCP.example")).is_ok());
        assert!(dev.check_origin(&headers(header::ORIGIN, "http://localhost:6274")).is_ok());
        for evil in ["http://evil.example", "null", "http://localhost.evil.example", "http://localhost:1/"] {
            assert_eq!(dev.check_origin(&headers(header::ORIGIN, evil)), Err(HostRefusal::Origin), "{evil}");
        }
        assert!(live.check_origin(&headers(header::ORIGIN, "http://localhost:6274")).is_err());
    }

    #[test]
    fn two_hosts_must_agree() {
        let rules = HostRules::new(&ResourceUrl::parse("https://mcp.example/mcp").unwrap());
        let uri = Uri::from_static("https://mcp.example/mcp");
        assert!(rules.check_host(&uri, &HeaderMap::new()).is_ok());
        assert_eq!(
            rules.check_host(&uri, &headers(header::HOST, "evil.example")),
            Err(HostRefusal::Malformed)
        );
        assert_eq!(rules.check_host(&Uri::from_static("/"), &HeaderMap::new()), Err(HostRefusal::Malformed));
    }
}
