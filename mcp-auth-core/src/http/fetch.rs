//! Fetching a document from an authorization server.
//!
//! 1. https, or http on a loopback host; no redirects; a URL that was discovered is as hostile as any other.
//! 2. Ten seconds and a bound in bytes, counted as they arrive.
//! 3. Only `200` with a JSON content type is an answer.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use url::Url;

use super::is_loopback;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Fetches documents. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: reqwest::Client,
}

/// A document that was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The document.
    pub body: Bytes,
    /// How long it may be kept (`Cache-Control: max-age`).
    pub max_age: Option<Duration>,
}

/// Why a document was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Neither https nor loopback.
    #[error("the URL is neither https nor loopback")]
    Insecure,
    /// The connection failed, or took too long.
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    /// A status other than 200.
    #[error("the answer's status is {0}")]
    Status(http::StatusCode),
    /// Not JSON.
    #[error("the answer is not JSON")]
    NotJson,
    /// Over the bound.
    #[error("the answer is too large")]
    TooLarge,
}

impl Fetcher {
    /// A client of its own.
    ///
    /// # Errors
    /// [`FetchError::Request`] if TLS cannot be set up.
    pub fn new() -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("mcp-auth/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(FetchError::Request)?;
        Ok(Self { client })
    }

    /// Fetches a JSON document of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FetchError`] says what is wrong; nothing of the answer is kept then.
    pub async fn get_json(&self, url: &Url, limit: usize) -> Result<Fetched, FetchError> {
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err(FetchError::Insecure);
        }
        let request = self.client.get(url.clone()).header(header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|error| FetchError::Request(error.without_url()))?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        if !is_json(response.headers()) {
            return Err(FetchError::NotJson);
        }
        let max_age = max_age(response.headers());
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| FetchError::Request(error.without_url()))?
        {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { body: body.freeze(), max_age })
    }
}

/// `application/json`, or a type that ends with `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::CACHE_CONTROL)?.to_str().ok()?;
    let directives = value.split(',').map(str::trim);
    let seconds = directives.filter_map(|directive| directive.strip_prefix("max-age=")).next()?;
    seconds.parse().ok().map(Duration::from_secs)
}
