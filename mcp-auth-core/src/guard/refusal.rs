//! Every reason for which a guard answers a request itself.
//!
//! 1. Each has a stable [`Refusal::kind`] for logs and metrics, and an HTTP status.
//! 2. What a client is told depends on the kind alone, never on what was found out about a token.

use std::time::Duration;

use http::StatusCode;

use crate::audit::AuditError;
use crate::confirm::GateRefusal;
use crate::credential::CredentialError;
use crate::http::{BodyError, HostRefusal};
use crate::mcp::{ParseError, ProtocolError};
use crate::policy::Denial;
use crate::scope::ScopeSet;
use crate::verify::TokenRefusal;
#[cfg(feature = "jwt")]
use crate::verify::dpop::ProofRefusal;

/// Why a request is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The guard is shutting down.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// Host or origin.
    #[error(transparent)]
    Host(#[from] HostRefusal),
    /// A path that only looks like the guarded one.
    #[error("the path is another spelling of the guarded one")]
    PathSpelling,
    /// A method other than POST, GET, DELETE and a preflight.
    #[error("the method is not allowed")]
    MethodNotAllowed,
    /// The address presented too many bad tokens.
    #[error("too many refused credentials from this address")]
    TooManyFailures {
        /// Until it may try again.
        retry_after: Duration,
    },
    /// The `Authorization` header or the query.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// No token was presented where one is needed.
    #[error("no token was presented")]
    NoToken {
        /// What to ask for; the first challenge's scopes where it is not known.
        needed: Option<ScopeSet>,
    },
    /// The token is not good here.
    #[error("the token is refused: {0}")]
    Token(#[from] TokenRefusal),
    /// The token is bound to a key, and the proof is not good.
    #[cfg(feature = "jwt")]
    #[error("the proof of possession is refused: {0}")]
    Proof(#[from] ProofRefusal),
    /// The principal asked too often.
    #[error("too many requests of this principal in a minute")]
    TooManyRequests {
        /// Until it may go on.
        retry_after: Duration,
    },
    /// The principal has too many requests under way.
    #[error("too many requests of this principal at once")]
    TooManyAtOnce,
    /// It cannot be told whether the token is good.
    #[error("no verdict is possible now: {reason}")]
    Unavailable {
        /// For the operator.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The session id was not given to this principal.
    #[error("the session is not this principal's")]
    Session,
    /// `Content-Type` is not `application/json`, or the charset not UTF-8.
    #[error("the body is not application/json in UTF-8")]
    ContentType,
    /// A `Content-Encoding`.
    #[error("the body is encoded")]
    ContentEncoding,
    /// `Accept` lacks `application/json` or `text/event-stream`.
    #[error("the client does not accept both application/json and text/event-stream")]
    NotAcceptable,
    /// The body did not arrive whole, in time and within its bound.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Not one strict JSON-RPC message.
    #[error("not one strict JSON-RPC message: {0}")]
    Message(#[from] ParseError),
    /// Headers, version, method or params against the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// A client's response without a session that could wait for it.
    #[error("a response to a request that nobody made")]
    UnexpectedResponse,
    /// Undeclared or hidden.
    #[error("what was asked for is not declared, or hidden from this principal")]
    NotFound,
    /// A call that was not confirmed, or cannot be.
    #[error(transparent)]
    Confirmation(#[from] GateRefusal),
    /// The request could not be taken down, so it does not run.
    #[error("the request cannot be recorded: {0}")]
    Unrecorded(AuditError),
    /// A declared operation without the scopes for it.
    #[error("the scopes do not suffice: {needed} is needed")]
    InsufficientScope {
        /// Every scope that is needed.
        needed: ScopeSet,
        /// How the caller is answered.
        denial: Denial,
    },
}

impl Refusal {
    /// A stable word for logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ShuttingDown => "shutting_down",
            Self::Host(HostRefusal::Malformed) => "host_malformed",
            Self::Host(HostRefusal::Host) => "host_not_allowed",
            Self::Host(HostRefusal::Origin) => "origin_not_allowed",
            Self::PathSpelling => "path_spelling",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooManyFailures { .. } => "too_many_failures",
            Self::Credential(CredentialError::InQuery) => "token_in_query",
            Self::Credential(CredentialError::TooLong) => "token_too_long",
            Self::Credential(_) => "authorization_malformed",
            Self::NoToken { .. } => "no_token",
            Self::Token(refusal) => refusal.kind(),
            #[cfg(feature = "jwt")]
            Self::Proof(refusal) => refusal.kind(),
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::TooManyAtOnce => "too_many_at_once",
            Self::Unavailable { .. } => "verifier_unavailable",
            Self::Session => "session_foreign",
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::NotAcceptable => "not_acceptable",
            Self::Body(BodyError::TooLarge) => "body_too_large",
            Self::Body(BodyError::Timeout) => "body_timeout",
            Self::Body(BodyError::Broken) => "body_broken",
            Self::Message(error) => error.kind(),
            Self::Protocol(error) => error.kind(),
            Self::UnexpectedResponse => "unexpected_response",
            Self::NotFound => "not_found",
            Self::Confirmation(refusal) => refusal.kind(),
            Self::Unrecorded(_) => "audit_unavailable",
            Self::InsufficientScope { .. } => "insufficient_scope",
        }
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ShuttingDown | Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Host(HostRefusal::Malformed) | Self::UnexpectedResponse => StatusCode::BAD_REQUEST,
            Self::Host(_) => StatusCode::FORBIDDEN,
            Self::PathSpelling | Self::Session => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyFailures { .. } | Self::TooManyRequests { .. } | Self::TooManyAtOnce => {
                StatusCode::TOO_MANY_REQUESTS
            }
            #[cfg(feature = "jwt")]
            Self::Proof(_) => StatusCode::UNAUTHORIZED,
            Self::Credential(CredentialError::TooLong) | Self::NoToken { .. } | Self::Token(_) => {
                StatusCode::UNAUTHORIZED
            }
            Self::Credential(_) => StatusCode::BAD_REQUEST,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Body(error) => error.status(),
            Self::Message(error) => error.http_status(),
            Self::Protocol(error) => error.http_status(),
            Self::Confirmation(refusal) => refusal.status(),
            Self::Unrecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound | Self::InsufficientScope { denial: Denial::ToolError, .. } => StatusCode::OK,
            Self::InsufficientScope { .. } => StatusCode::FORBIDDEN,
        }
    }
}
