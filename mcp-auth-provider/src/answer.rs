//! Answers, and why something is refused.
//!
//! 1. OAuth errors have the form of RFC 6749, section 5.2; each has a stable kind for the log.
//! 2. Nothing that is answered here is cached or sniffed.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use mcp_auth_core::http::cors;
use mcp_auth_core::store::StoreError;
use serde::Serialize;
use serde_json::json;

use crate::form::FormError;
use crate::secret::NoRandomness;

/// An OAuth error (RFC 6749, sections 4.1.2.1 and 5.2; RFC 7591, section 3.2.2; RFC 8707, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    UnsupportedGrantType,
    UnsupportedResponseType,
    AccessDenied,
    LoginRequired,
    ConsentRequired,
    InvalidRedirectUri,
    InvalidClientMetadata,
    SlowDown,
    TemporarilyUnavailable,
}

impl Code {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::SlowDown => "slow_down",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::SlowDown => StatusCode::TOO_MANY_REQUESTS,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A refused request.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind}: {text}")]
pub(crate) struct Refused {
    /// What the client is told.
    pub(crate) code: Code,
    /// A stable word for the log.
    pub(crate) kind: &'static str,
    /// For the client's developer; says nothing about what is stored.
    pub(crate) text: &'static str,
    pub(crate) retry_after: Option<Duration>,
}

impl Refused {
    pub(crate) const fn new(code: Code, kind: &'static str, text: &'static str) -> Self {
        Self { code, kind, text, retry_after: None }
    }

    /// The same, to be tried again after a while.
    pub(crate) const fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// True if who asked is at fault.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self.code, Code::SlowDown | Code::TemporarilyUnavailable)
    }

    /// The answer of a token, registration or revocation endpoint.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let mut response =
            json(self.code.status(), &json!({ "error": self.code.as_str(), "error_description": self.text }));
        if self.code == Code::InvalidClient {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
        }
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }

    /// One line and one count.
    pub(crate) fn record(&self, endpoint: &'static str, client: Option<&str>) {
        metrics::counter!("mcp_auth_provider_refused_total", "endpoint" => endpoint, "kind" => self.kind)
            .increment(1);
        tracing::info!(endpoint, kind = self.kind, client, "refused: {}", self.text);
    }
}

impl From<FormError> for Refused {
    fn from(error: FormError) -> Self {
        let text = match error {
            FormError::Repeated => "a parameter comes twice",
            FormError::TooMany => "there are too many parameters",
            FormError::ContentType => "the content type must be application/x-www-form-urlencoded",
            FormError::Encoding => "the parameters are not UTF-8",
        };
        Self::new(Code::InvalidRequest, "malformed_parameters", text)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
        Self::new(Code::TemporarilyUnavailable, "store_unavailable", "try again later")
            .after(Duration::from_secs(5))
    }
}

impl From<NoRandomness> for Refused {
    fn from(error: NoRandomness) -> Self {
        tracing::error!(%error, "nothing can be issued");
        Self::new(Code::TemporarilyUnavailable, "no_randomness", "try again later")
            .after(Duration::from_secs(5))
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        tracing::error!(%error, "a stored entry is damaged");
        Self::new(Code::TemporarilyUnavailable, "entry_damaged", "try again later")
    }
}

/// A JSON answer that is not cached.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    let body = serde_json::to_vec(body).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer does not serialize");
        Vec::new()
    });
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    no_store(&mut response);
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    no_store(&mut response);
    response
}

/// Sends the browser elsewhere, always with GET. `url` was parsed before.
pub(crate) fn see_other(url: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::SEE_OTHER);
    if let Ok(location) = HeaderValue::try_from(url) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// 405, with what is allowed.
pub(crate) fn method_not_allowed(allow: &'static str) -> Response<Bytes> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// What lets pages of any origin call a public endpoint, without credentials.
pub(crate) fn allow_any_origin(mut response: Response<Bytes>, methods: &'static str) -> Response<Bytes> {
    cors::allow_all(response.headers_mut(), HeaderValue::from_static(methods));
    response
}

fn no_store(response: &mut Response<Bytes>) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
