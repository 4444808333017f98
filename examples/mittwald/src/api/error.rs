//! What may go wrong upstream, in words that may be shown to a model.

use http::StatusCode;
use serde::{Deserialize, Serialize};

const MAX_TEXT: usize = 300;

/// Why a call of the API failed. No message holds a token or a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// There is no such object, or the account may not see it.
    #[error("not found")]
    NotFound,
    /// The API refused what was sent.
    #[error("the API refused the input: {message}")]
    Invalid {
        /// What it says.
        message: String,
        /// What it says about each field.
        fields: Vec<FieldError>,
    },
    /// The input is not sent at all.
    #[error("`{field}` {message}")]
    Unsendable {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The account may not do this.
    #[error("the account, or the API token, may not do this")]
    Forbidden,
    /// The API does not take the service's own token. Never the client's fault.
    #[error("the service's own API token was refused; its operator must replace it")]
    ServiceToken,
    /// The API does not take the user's token any more.
    #[error("the API token was refused: it may have been revoked")]
    UserToken,
    /// Too many requests.
    #[error("the API is asked too often; try again later")]
    RateLimited {
        /// In how many seconds, where the API says so.
        retry_after: Option<u64>,
    },
    /// The API answered with something else than the document describes.
    #[error("the API's answer could not be read")]
    Unreadable,
    /// The answer is over 4 MiB.
    #[error("the API's answer is too large")]
    TooLarge,
    /// The API did not answer in time.
    #[error("the API did not answer in time")]
    Timeout,
    /// The API could not be reached, or failed.
    #[error("the API is not available")]
    Unavailable,
}

/// What the API says about one field of the input.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub path: String,
    /// What it says.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    #[serde(default)]
    message: String,
    #[serde(default)]
    validation_errors: Vec<FieldError>,
}

impl ApiError {
    /// This field of the input, and what is wrong with it, short and on one line.
    pub(crate) fn unsendable(field: &'static str, message: impl AsRef<str>) -> Self {
        Self::Unsendable { field, message: short(message.as_ref()) }
    }

    /// A short, stable name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Invalid { .. } | Self::Unsendable { .. } => "invalid_input",
            Self::Forbidden => "forbidden",
            Self::ServiceToken => "service_token",
            Self::UserToken => "user_token",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unreadable | Self::TooLarge => "unreadable_answer",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
        }
    }

    pub(super) fn from_transport(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::Timeout } else { Self::Unavailable }
    }

    pub(super) fn from_answer(status: StatusCode, body: &[u8]) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::FORBIDDEN => Self::Forbidden,
            status if status.is_client_error() => {
                let Ok(problem) = serde_json::from_slice::<Problem>(body) else { return Self::Unreadable };
                let fields = problem
                    .validation_errors
                    .into_iter()
                    .take(20)
                    .map(|field| FieldError { path: short(&field.path), message: short(&field.message) });
                Self::Invalid { message: short(&problem.message), fields: fields.collect() }
            }
            _ => Self::Unavailable,
        }
    }
}

/// Text from outside, bounded and on one line.
fn short(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect()
}
