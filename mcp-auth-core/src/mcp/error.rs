//! JSON-RPC error bodies, and the protocol's refusals.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use thiserror::Error;

use super::{Id, Revision};

/// A JSON-RPC error response. Without an id the member is left out: it is for bodies whose id could not be read, and
/// for notifications.
#[must_use]
pub fn error_body(id: Option<&Id>, code: i32, message: &str, data: Option<Value>) -> Bytes {
    let mut error = json!({ "code": code, "message": message });
    if let (Some(data), Some(members)) = (data, error.as_object_mut()) {
        members.insert("data".to_owned(), data);
    }
    let mut body = br#"{"jsonrpc":"2.0","#.to_vec();
    if let Some(id) = id {
        // The id is JSON that was scanned, so it goes back exactly as it came.
        body.extend_from_slice(br#""id":"#);
        body.extend_from_slice(id.json());
        body.push(b',');
    }
    body.extend_from_slice(br#""error":"#);
    body.extend_from_slice(error.to_string().as_bytes());
    body.push(b'}');
    body.into()
}

/// Why a message is refused before any policy is asked. No text of it repeats more of the request than the name of
/// a header, and a version of at most 64 bytes in [`ProtocolError::data`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A header is missing, comes twice, cannot be decoded, or says another thing than the body.
    #[error("Header mismatch: {header} {problem}")]
    HeaderMismatch {
        /// The header's name.
        header: Cow<'static, str>,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The revision is unknown.
    #[error("Unsupported protocol version")]
    UnsupportedVersion {
        /// What was asked for, cut to 64 bytes.
        requested: String,
    },
    /// A modern request lacks a required member of `_meta`.
    #[error("Invalid params: _meta lacks {0}")]
    MissingMeta(&'static str),
    /// The method does not exist in this revision, or is not a client's to send.
    #[error("Method not found")]
    MethodNotFound {
        /// The HTTP status: 404 for modern requests, 200 for legacy ones, 400 for notifications.
        status: StatusCode,
    },
    /// A request's method sent without an id, a notification's with one, or a response where none can be.
    #[error("Invalid Request: {0}")]
    InvalidRequest(&'static str),
    /// The params do not say what the method is about.
    #[error("Invalid params: {0}")]
    InvalidParams(&'static str),
}

impl ProtocolError {
    pub(crate) fn header(header: impl Into<Cow<'static, str>>, problem: &'static str) -> Self {
        Self::HeaderMismatch { header: header.into(), problem }
    }

    pub(crate) fn version(requested: &str) -> Self {
        let end =
            (0..=64.min(requested.len())).rev().find(|end| requested.is_char_boundary(*end)).unwrap_or(0);
        Self::UnsupportedVersion { requested: requested.get(..end).unwrap_or_default().to_owned() }
    }

    /// The HTTP status to answer with.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        match self {
            Self::MethodNotFound { status } => *status,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The JSON-RPC error code.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::HeaderMismatch { .. } => -32020,
            Self::UnsupportedVersion { .. } => -32022,
            Self::MissingMeta(_) | Self::InvalidParams(_) => -32602,
            Self::MethodNotFound { .. } => -32601,
            Self::InvalidRequest(_) => -32600,
        }
    }

    /// A stable word for records and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::HeaderMismatch { .. } => "header_mismatch",
            Self::UnsupportedVersion { .. } => "unsupported_version",
            Self::MissingMeta(_) => "missing_meta",
            Self::MethodNotFound { .. } => "method_not_found",
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidParams(_) => "invalid_params",
        }
    }

    /// The error's `data`: for an unknown version, the supported ones.
    #[must_use]
    pub fn data(&self) -> Option<Value> {
        match self {
            Self::UnsupportedVersion { requested } => {
                let supported: Vec<&str> =
                    Revision::ALL.iter().rev().map(|revision| revision.as_str()).collect();
                Some(json!({ "supported": supported, "requested": requested }))
            }
            _ => None,
        }
    }

    /// The whole JSON-RPC error response.
    #[must_use]
    pub fn body(&self, id: Option<&Id>) -> Bytes {
        error_body(id, self.code(), &self.to_string(), self.data())
    }
}
