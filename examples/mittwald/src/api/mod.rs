//! The mittwald API, as this service uses it.
//!
//! 1. A call carries the service's own token, or the API token of the user who calls: sealed to this API's origin, whose own
//!    credential it is. Nothing else that a client sent gets here.
//! 2. A URL is made of whole, encoded segments; what is put into one is an [`Id`], never a text.
//! 3. Answers are bounded in size and time; redirects are not followed.
//! 4. What comes back is read into types; members that no tool shows are dropped here.

mod containers;
mod endpoints;
mod error;
mod id;
mod projects;
mod types;

use std::time::Duration;

use http::{Extensions, HeaderValue, Method, StatusCode};
use mcp_auth_core::verify::UpstreamCredential;
use reqwest::Client;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

pub use containers::{
    Container, ContainerState, Declaration, Deploy, Limits, Resources, ServiceDeclaration, Stack, Volume,
    VolumeDeclaration,
};
pub use error::ApiError;
pub use id::{Id, IdError};
pub use projects::{Backup, BackupSchedule, Domain};
pub use types::{
    ApiToken, App, AppVersion, Created, Customer, Database, DatabaseUser, Listed, NewDatabase, Person,
    Project, ProjectSummary, Server, User,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(20);
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const PAGE: usize = 100;
const MAX_PAGES: usize = 10;

/// A client of the API with the service's token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    base: Url,
    token: Token,
}

/// Whose token calls carry.
#[derive(Clone, Debug)]
enum Token {
    Service(SecretString),
    User(UpstreamCredential),
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ApiSetupError {
    /// The base URL cannot be extended by a path, or has a query or fragment.
    #[error("`{0}` is no base URL of the API")]
    Base(Url),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}

/// One answer, read and bounded.
struct Answer {
    body: Vec<u8>,
    total: Option<usize>,
}

impl Api {
    /// A client of the API at `base` (`https://api.mittwald.de/v2`).
    ///
    /// # Errors
    /// [`ApiSetupError`] says what is wrong with it.
    pub fn new(base: Url, token: SecretString) -> Result<Self, ApiSetupError> {
        if base.cannot_be_a_base() || base.query().is_some() || base.fragment().is_some() {
            return Err(ApiSetupError::Base(base));
        }
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(ApiSetupError::Client)?;
        Ok(Self { client, base, token: Token::Service(token) })
    }

    /// The same API, called with a user's own token.
    #[must_use]
    pub fn acting_for(&self, user: UpstreamCredential) -> Self {
        Self { token: Token::User(user), ..self.clone() }
    }

    /// The same API, for whoever a request is from: called with their own token where they came with one.
    #[must_use]
    pub fn for_caller(&self, extensions: &Extensions) -> Self {
        match UpstreamCredential::from_extensions(extensions) {
            Some(user) => self.acting_for(user.clone()),
            None => self.clone(),
        }
    }

    /// The API's origin, which issued the users' tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The base URL extended by segments, each encoded as one.
    fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Result<Url, ApiError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| ApiError::Unreadable)?.pop_if_empty().extend(segments);
        Ok(url)
    }

    async fn get<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<T, ApiError> {
        let answer = self.send(Method::GET, self.url(segments.iter().copied())?, None::<&()>).await?;
        read(&answer.body)
    }

    async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        segments: &[&str],
        body: &B,
    ) -> Result<T, ApiError> {
        let answer = self.send(Method::POST, self.url(segments.iter().copied())?, Some(body)).await?;
        read(&answer.body)
    }

    async fn put<B: Serialize, T: DeserializeOwned>(
        &self,
        segments: &[&str],
        body: &B,
    ) -> Result<T, ApiError> {
        let answer = self.send(Method::PUT, self.url(segments.iter().copied())?, Some(body)).await?;
        read(&answer.body)
    }

    async fn patch<B: Serialize>(&self, segments: &[&str], body: &B) -> Result<(), ApiError> {
        self.send(Method::PATCH, self.url(segments.iter().copied())?, Some(body)).await.map(drop)
    }

    async fn delete(&self, segments: &[&str]) -> Result<(), ApiError> {
        self.send(Method::DELETE, self.url(segments.iter().copied())?, None::<&()>).await.map(drop)
    }

    fn refused(&self) -> ApiError {
        match self.token {
            Token::Service(_) => ApiError::ServiceToken,
            Token::User(_) => ApiError::UserToken,
        }
    }

    /// A whole list, page by page, up to a thousand items.
    async fn list<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<Listed<T>, ApiError> {
        self.list_where(segments, &[]).await
    }

    async fn list_where<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        filter: &[(&str, &str)],
    ) -> Result<Listed<T>, ApiError> {
        let mut items: Vec<T> = Vec::new();
        let mut total = None;
        for _ in 0..MAX_PAGES {
            let mut url = self.url(segments.iter().copied())?;
            url.query_pairs_mut()
                .extend_pairs(filter)
                .append_pair("limit", &PAGE.to_string())
                .append_pair("skip", &items.len().to_string());
            let answer = self.send(Method::GET, url, None::<&()>).await?;
            let page: Vec<T> = read(&answer.body)?;
            let last = page.len() < PAGE;
            items.extend(page);
            total = answer.total;
            if last || total.is_some_and(|total| items.len() >= total) {
                break;
            }
        }
        let total = total.unwrap_or(items.len());
        Ok(Listed { items, total })
    }

    async fn send<B: Serialize>(
        &self,
        method: Method,
        url: Url,
        body: Option<&B>,
    ) -> Result<Answer, ApiError> {
        let token = match &self.token {
            Token::Service(token) => token.expose_secret(),
            Token::User(token) => token.expose_for(url.as_str()).ok_or(ApiError::UserToken)?,
        };
        let mut token = HeaderValue::from_str(token).map_err(|_| self.refused())?;
        token.set_sensitive(true);
        let mut request = self.client.request(method, url).header("x-access-token", token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(ApiError::from_transport)?;
        let status = response.status();
        let number = |name: &str| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
        let total = number("x-pagination-totalcount").and_then(|total| usize::try_from(total).ok());
        let retry_after = number("x-ratelimit-reset");
        let mut read = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(ApiError::from_transport)? {
            if read.len() + chunk.len() > MAX_ANSWER {
                return Err(ApiError::TooLarge);
            }
            read.extend_from_slice(&chunk);
        }
        match status {
            status if status.is_success() => Ok(Answer { body: read, total }),
            StatusCode::UNAUTHORIZED => Err(self.refused()),
            StatusCode::TOO_MANY_REQUESTS => Err(ApiError::RateLimited { retry_after }),
            status => Err(ApiError::from_answer(status, &read)),
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|_| ApiError::Unreadable)
}
