//! An authorization server on loopback that serves metadata and keys.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{TestKey, TokenBuilder};
use crate::verify::jwt::Algorithm;

/// Serves `/.well-known/oauth-authorization-server` and `/jwks` on a free loopback port, and signs tokens. It ends with the
/// last clone.
#[derive(Clone, Debug)]
pub struct Authority {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    issuer: String,
    keys: Mutex<[TestKey; 3]>,
    generation: AtomicUsize,
    fetches: AtomicUsize,
    failing: AtomicBool,
    task: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Authority {
    /// Starts with one key for each algorithm.
    ///
    /// # Errors
    /// If no port is free, or the machine gives no randomness.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let inner = Arc::new(Inner {
            issuer: format!("http://{}", listener.local_addr()?),
            keys: Mutex::new(generate(0)?),
            generation: AtomicUsize::new(0),
            fetches: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            task: Mutex::default(),
        });
        let weak = Arc::downgrade(&inner);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(inner) = weak.upgrade() else { return };
                tokio::spawn(async move { inner.answer(stream).await });
            }
        });
        *inner.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        Ok(Self { inner })
    }

    /// The issuer's identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// The key set, as it is served.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.inner.jwks()
    }

    /// The key for `algorithm`.
    #[must_use]
    pub fn key(&self, algorithm: Algorithm) -> TestKey {
        let [rs256, es256, eddsa] = &*self.inner.keys();
        match algorithm {
            Algorithm::Rs256 => rs256.clone(),
            Algorithm::Es256 => es256.clone(),
            Algorithm::EdDsa => eddsa.clone(),
        }
    }

    /// A good token for `audience`, signed with the ES256 key.
    pub fn token(&self, audience: &str) -> TokenBuilder {
        self.token_with(Algorithm::Es256, audience)
    }

    /// A good token for `audience`, signed with the key for `algorithm`.
    pub fn token_with(&self, algorithm: Algorithm, audience: &str) -> TokenBuilder {
        TokenBuilder::new(self.key(algorithm), self.issuer(), audience)
    }

    /// Puts fresh keys in place of the old ones.
    ///
    /// # Errors
    /// If the machine gives no randomness.
    pub fn rotate(&self) -> io::Result<()> {
        let generation = self.inner.generation.fetch_add(1, Ordering::SeqCst) + 1;
        *self.inner.keys() = generate(generation)?;
        Ok(())
    }

    /// Answers 500 from now on, or no longer.
    pub fn set_failing(&self, failing: bool) {
        self.inner.failing.store(failing, Ordering::SeqCst);
    }

    /// How often the keys were asked for.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.inner.fetches.load(Ordering::SeqCst)
    }
}

fn generate(generation: usize) -> io::Result<[TestKey; 3]> {
    let key = |algorithm: Algorithm| {
        TestKey::generate(algorithm, format!("{}-{generation}", algorithm.as_str()))
            .map_err(|_| io::Error::other("the machine gives no randomness"))
    };
    Ok([key(Algorithm::Rs256)?, key(Algorithm::Es256)?, key(Algorithm::EdDsa)?])
}

impl Inner {
    fn keys(&self) -> MutexGuard<'_, [TestKey; 3]> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jwks(&self) -> String {
        let keys: Vec<_> = self.keys().iter().map(TestKey::jwk).collect();
        json!({ "keys": keys }).to_string()
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut request = vec![0; 8192];
        let length = stream.read(&mut request).await.unwrap_or(0);
        let request = String::from_utf8_lossy(request.get(..length).unwrap_or_default()).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (status, body) = match path {
            _ if self.failing.load(Ordering::SeqCst) => {
                self.fetches.fetch_add(1, Ordering::SeqCst);
                ("500 Internal Server Error", "{}".to_owned())
            }
            "/.well-known/oauth-authorization-server" => (
                "200 OK",
                json!({ "issuer": self.issuer, "jwks_uri": format!("{}/jwks", self.issuer) }).to_string(),
            ),
            "/jwks" => {
                self.fetches.fetch_add(1, Ordering::SeqCst);
                ("200 OK", self.jwks())
            }
            _ => ("404 Not Found", "{}".to_owned()),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        // A client that has gone needs no answer.
        drop(stream.write_all(answer.as_bytes()).await);
        drop(stream.shutdown().await);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}
