//! Starting an authority.

use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use serde_json::Map;
use tokio::net::TcpListener;

use super::{Authority, Inner, introspection, keys, lock};
use crate::time::Clock;

/// The form under which the metadata is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discovery {
    /// Under both.
    #[default]
    Both,
    /// RFC 8414 only: the well-known part stands before the issuer's path.
    OAuth,
    /// OpenID Connect Discovery only: the well-known part stands behind the issuer's path.
    OpenId,
}

/// Starts an [`Authority`] that is not the usual one.
#[derive(Clone, Debug, Default)]
#[must_use = "an authority is started by `start`"]
pub struct AuthorityBuilder {
    path: String,
    clock: Clock,
    discovery: Discovery,
}

impl AuthorityBuilder {
    /// Puts this path behind the issuer's host: `/tenant`, or `/` for an issuer that ends with a slash.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Dates tokens by this clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Serves the metadata under this form. Under both by default.
    pub fn discovery(mut self, discovery: Discovery) -> Self {
        self.discovery = discovery;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// If no port is free, or the machine gives no randomness.
    pub async fn start(self) -> io::Result<Authority> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let inner = Arc::new(Inner {
            issuer: format!("{base}{}", self.path),
            base,
            clock: self.clock,
            discovery: self.discovery,
            metadata: Mutex::new(Map::new()),
            keys: Mutex::new(keys::Keys::generate(0)?),
            fetches: AtomicUsize::new(0),
            redirects_followed: AtomicUsize::new(0),
            fault: Mutex::default(),
            max_age: Mutex::default(),
            introspection: introspection::Introspection::default(),
            task: Mutex::default(),
        });
        let weak = Arc::downgrade(&inner);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(inner) = weak.upgrade() else { return };
                tokio::spawn(async move { inner.serve(stream).await });
            }
        });
        *lock(&inner.task) = Some(task.abort_handle());
        Ok(Authority { inner })
    }
}
