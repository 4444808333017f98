//! Which address a request came from.
//!
//! 1. Without configured proxies it is the peer of the connection, whatever headers say.
//! 2. If the peer is a configured proxy, `X-Forwarded-For` is read from the right, over all its lines: the first
//!    address that is no configured proxy is the client. An entry that is no address ends the reading at the last good one.
//! 3. `X-Forwarded-Host`, `-Proto` and `Forwarded` are never read: the public URL is configured.
//!
//! ```
//! use http::{HeaderMap, HeaderValue};
//! use mcp_auth_core::http::TrustedProxies;
//!
//! let proxies = TrustedProxies::parse(["10.0.0.0/8"])?;
//! let mut headers = HeaderMap::new();
//! headers.insert("x-forwarded-for", HeaderValue::from_static("1.2.3.4, 203.0.113.7, 10.1.1.1"));
//! assert_eq!(proxies.client("10.0.0.1".parse().unwrap(), &headers).to_string(), "203.0.113.7");
//! assert_eq!(proxies.client("192.0.2.1".parse().unwrap(), &headers).to_string(), "192.0.2.1");
//! # Ok::<_, mcp_auth_core::http::AddressError>(())
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;

const MAX_HOPS: usize = 32;

/// The networks of the reverse proxies whose `X-Forwarded-For` is believed. None by default.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Arc<[IpNet]>,
}

/// A text that names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network: write it as 10.0.0.0/8 or as a single address")]
pub struct AddressError(String);

impl TrustedProxies {
    /// Parses networks (`10.0.0.0/8`, `fd00::/8`) or single addresses.
    ///
    /// # Errors
    /// [`AddressError`] names the first text that is neither.
    pub fn parse<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self, AddressError> {
        let parse = |text: &str| {
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| AddressError(text.to_owned()))
        };
        Ok(Self { networks: networks.into_iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// The client's address behind the connection's `peer`.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(|v| v.as_bytes()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')).take(MAX_HOPS) {
            if !self.contains(client) {
                break;
            }
            let address = std::str::from_utf8(hop).ok().and_then(|hop| hop.trim().parse::<IpAddr>().ok());
            let Some(address) = address else { break };
            client = address.to_canonical();
        }
        client
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_cannot_be_read_ends_the_reading() {
        let proxies = TrustedProxies::parse(["10.0.0.0/8"]).unwrap();
        for (lines, expected) in [
            (&[&b"\xff, 203.0.113.7"[..]][..], "203.0.113.7"),
            (&[b"\xff,203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            (&[b"\xff", b"203.0.113.7"], "203.0.113.7"),
            (&[b"203.0.113.7", b"\xff"], "10.0.0.1"),
            (&[b"203.0.113.7, \xc3\xa9, 10.0.0.2"], "10.0.0.2"),
            (&[b"203.0.113.7, , 10.0.0.2"], "10.0.0.2"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
            }
            let client = proxies.client([10, 0, 0, 1].into(), &headers);
            assert_eq!(client.to_string(), expected, "{lines:?}");
        }
    }
}
