//! Asking an authorization server, or the service's own API.
//!
//! 1. https, or http on a loopback host; no redirects; a URL that was discovered is as hostile as any other.
//! 2. Ten seconds, or less, and a bound in bytes, counted as they arrive.
//! 3. A document is `200` with a JSON content type, and nothing else.
//! 4. Errors name neither the URL nor what was sent.

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
    /// Nothing on this machine is asked through a proxy.
    loopback: reqwest::Client,
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
        Self::with_timeout(TIMEOUT)
    }

    /// The same, for questions that somebody waits for.
    ///
    /// # Errors
    /// [`FetchError::Request`] if TLS cannot be set up.
    pub fn with_timeout(timeout: Duration) -> Result<Self, FetchError> {
        let builder = || {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(timeout)
                .user_agent(concat!("mcp-auth/", env!("CARGO_PKG_VERSION")))
        };
        let client = builder().build().map_err(FetchError::Request)?;
        let loopback = builder().no_proxy().build().map_err(FetchError::Request)?;
        Ok(Self { client, loopback })
    }

    /// Sends a request; the answer, whatever its status, has at most `limit` bytes. Redirects are not followed.
    ///
    /// # Errors
    /// [`FetchError`] says what is wrong; nothing of the answer is kept then.
    pub async fn send(
        &self,
        request: http::Request<Bytes>,
        limit: usize,
    ) -> Result<http::Response<Bytes>, FetchError> {
        let request =
            reqwest::Request::try_from(request).map_err(|error| FetchError::Request(error.without_url()))?;
        if !is_secure(request.url()) {
            return Err(FetchError::Insecure);
        }
        let client = if is_loopback(request.url()) { &self.loopback } else { &self.client };
        let response = client.execute(request).await;
        let mut response = response.map_err(|error| FetchError::Request(error.without_url()))?;
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| FetchError::Request(error.without_url()))?
        {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body.freeze());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }

    /// Fetches a JSON document of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FetchError`] says what is wrong; nothing of the answer is kept then.
    pub async fn get_json(&self, url: &Url, limit: usize) -> Result<Fetched, FetchError> {
        let request = http::Request::get(url.as_str()).header(header::ACCEPT, "application/json");
        let request = request.body(Bytes::new()).map_err(|_| FetchError::Insecure)?;
        let response = self.send(request, limit).await?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        if !is_json(response.headers()) {
            return Err(FetchError::NotJson);
        }
        let max_age = max_age(response.headers());
        Ok(Fetched { body: response.into_body(), max_age })
    }
}

/// https, or http on a loopback host: development.
pub(crate) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// `application/json`, or a type that ends with `+json`.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
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
