//! Errors, in the API's shape.

use std::borrow::Cow;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

/// `{type, message}`, for validation with `validationErrors`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    r#type: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    validation_errors: Vec<Invalid>,
}

/// One field that does not hold.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Invalid {
    path: Cow<'static, str>,
    r#type: &'static str,
    message: &'static str,
}

impl Invalid {
    pub(super) fn new(
        path: impl Into<Cow<'static, str>>,
        r#type: &'static str,
        message: &'static str,
    ) -> Self {
        Self { path: path.into(), r#type, message }
    }
}

impl Problem {
    fn new(status: StatusCode, r#type: &'static str, message: impl Into<String>) -> Self {
        Self { status, r#type, message: message.into(), validation_errors: Vec::new() }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ObjectNotFound", format!("{what} not found"))
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "method not allowed")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "access token is missing or not valid")
    }

    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "PermissionDenied", "the access token lacks the role for this")
    }

    pub(super) fn too_many() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RateLimitError", "too many requests")
    }

    pub(super) fn unreadable() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", "the body is not the JSON object that is expected")
    }

    pub(super) fn invalid(errors: Vec<Invalid>) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "ValidationError", "validation failed");
        problem.validation_errors = errors;
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

/// Finds every field that does not hold, and refuses if there is one.
pub(super) fn check(rules: impl IntoIterator<Item = (bool, Invalid)>) -> Result<(), Problem> {
    let errors: Vec<Invalid> =
        rules.into_iter().filter(|(holds, _)| !holds).map(|(_, invalid)| invalid).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}
