//! One JSON-RPC message from a client.
//!
//! 1. The body is one object: a request, a notification, or a response; a batch is refused.
//! 2. `jsonrpc` is exactly `"2.0"`; `params`, if present, is an object; an id is a string or an integer, never null.
//! 3. What would be two kinds at once (a method beside a result) is none.
//! 4. The message owns its bytes and hands out views of them: what was checked is what can be forwarded.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use thiserror::Error;

use super::{
    Id,
    raw::{Kind, Raw},
    strict::{Limits, Outline, Reading, Span, StrictError, scan, text},
};

/// Why a body is not one JSON-RPC message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Not strict JSON.
    #[error(transparent)]
    Strict(#[from] StrictError),
    /// An array: batches are refused.
    #[error("a batch is not accepted")]
    Batch,
    /// Neither an object nor an array.
    #[error("not a JSON object")]
    NotAnObject,
    /// `jsonrpc` is missing or not `"2.0"`.
    #[error("jsonrpc must be \"2.0\"")]
    Version,
    /// The id is neither a string of at most 256 bytes nor an integer of 64 bits.
    #[error("the id must be a string or an integer")]
    InvalidId,
    /// `method` is not a string of 1 to 128 bytes.
    #[error("the method must be a string of 1 to 128 bytes")]
    InvalidMethod,
    /// `params` is not an object.
    #[error("params must be an object")]
    InvalidParams,
    /// Neither a request, a notification nor a response, or more than one of them.
    #[error("neither a request, a notification nor a response")]
    Shape,
}

impl ParseError {
    /// The JSON-RPC error code: -32700 for what is not strict JSON, -32600 for what is not one message.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::Strict(StrictError::CaseVariant(_) | StrictError::TooLarge) => -32600,
            Self::Strict(_) => -32700,
            _ => -32600,
        }
    }

    /// 413 for a body that is too large, else 400.
    #[must_use]
    pub fn http_status(&self) -> http::StatusCode {
        match self {
            Self::Strict(StrictError::TooLarge) => http::StatusCode::PAYLOAD_TOO_LARGE,
            _ => http::StatusCode::BAD_REQUEST,
        }
    }

    /// A stable word for records and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Strict(error) => error.kind(),
            Self::Batch => "batch",
            Self::NotAnObject => "not_an_object",
            Self::Version => "jsonrpc_version",
            Self::InvalidId => "invalid_id",
            Self::InvalidMethod => "invalid_method",
            Self::InvalidParams => "invalid_params",
            Self::Shape => "shape",
        }
    }
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageKind {
    /// Has a method and an id: an answer is expected.
    Request {
        /// The id to answer with.
        id: Id,
    },
    /// Has a method and no id.
    Notification,
    /// Answers a request of the server's (legacy revisions only).
    Response {
        /// The id of the server's request.
        id: Id,
    },
}

/// One message, with the bytes it came in.
///
/// ```
/// use bytes::Bytes;
/// use mcp_auth_core::mcp::{Limits, Message};
/// let body = Bytes::from_static(
///     br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}"#,
/// );
/// let message = Message::parse(&body, &Limits::default())?;
/// assert_eq!(message.method(), Some("tools/call"));
/// assert_eq!(message.arguments().map(|raw| raw.bytes()), Some(&br#"{"text":"hi"}"#[..]));
/// # Ok::<(), mcp_auth_core::mcp::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Message {
    body: ByteString,
    outline: Outline,
    kind: MessageKind,
    method: Option<Text>,
}

/// A string that stands in the body as it is, or had to be unescaped.
#[derive(Debug, Clone)]
enum Text {
    Plain(Span),
    Unescaped(Box<str>),
}

impl Message {
    /// The longest method name, in bytes after unescaping.
    pub const LONGEST_METHOD: usize = 128;

    /// Reads a whole body.
    ///
    /// # Errors
    /// What is not strict JSON or not exactly one message; see [`ParseError`].
    pub fn parse(body: &Bytes, limits: &Limits) -> Result<Self, ParseError> {
        let text = text(body, limits)?;
        let (span, outline) = scan(&text, limits, Reading::Message)?;
        match Raw::of(&text, span).kind() {
            Kind::Object => {}
            Kind::Array => return Err(ParseError::Batch),
            _ => return Err(ParseError::NotAnObject),
        }
        let top = |key| outline.top(key).map(|span| Raw::of(&text, span));
        if top("jsonrpc").and_then(Raw::as_str).as_deref() != Some("2.0") {
            return Err(ParseError::Version);
        }
        if top("params").is_some_and(|params| params.kind() != Kind::Object) {
            return Err(ParseError::InvalidParams);
        }
        let method = top("method").map(read_method).transpose()?;
        let id = top("id").map(|id| Id::read(body, id)).transpose()?;
        let answers = usize::from(top("result").is_some()) + usize::from(top("error").is_some());
        let kind = match (method.is_some(), id, answers) {
            (true, Some(id), 0) => MessageKind::Request { id },
            (true, None, 0) => MessageKind::Notification,
            (false, Some(id), 1) if top("params").is_none() => MessageKind::Response { id },
            _ => return Err(ParseError::Shape),
        };
        Ok(Self { body: text, outline, kind, method })
    }

    /// What the message is.
    #[must_use]
    pub fn kind(&self) -> &MessageKind {
        &self.kind
    }

    /// The id of a request, or of the request that a response answers.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        match &self.kind {
            MessageKind::Request { id } | MessageKind::Response { id } => Some(id),
            MessageKind::Notification => None,
        }
    }

    /// True if an answer is expected.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.kind, MessageKind::Request { .. })
    }

    /// The method of a request or notification.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        match self.method.as_ref()? {
            Text::Plain(span) => self.body.get(span.range()),
            Text::Unescaped(text) => Some(text),
        }
    }

    /// The whole body, as it came.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.body.as_bytes()
    }

    /// `params`, always an object.
    #[must_use]
    pub fn params(&self) -> Option<Raw<'_>> {
        self.view(self.outline.top("params"))
    }

    /// `result` of a response.
    #[must_use]
    pub fn result(&self) -> Option<Raw<'_>> {
        self.view(self.outline.top("result"))
    }

    /// `error` of a response.
    #[must_use]
    pub fn error(&self) -> Option<Raw<'_>> {
        self.view(self.outline.top("error"))
    }

    /// A member of `params`. Those that the protocol defines were noted while scanning; others are looked for.
    #[must_use]
    pub fn param(&self, key: &str) -> Option<Raw<'_>> {
        if super::strict::PARAMS.contains(&key) {
            return self.view(self.outline.param(key));
        }
        self.params()?.get(key)
    }

    /// `params.arguments`, as it is written. May be of any kind: the protocol wants an object.
    #[must_use]
    pub fn arguments(&self) -> Option<Raw<'_>> {
        self.param("arguments")
    }

    /// A member of `params._meta`, for example `io.modelcontextprotocol/clientCapabilities` or `traceparent`.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<Raw<'_>> {
        if super::strict::META.contains(&key) {
            return self.view(self.outline.meta(key));
        }
        self.param("_meta")?.get(key)
    }

    fn view(&self, span: Option<Span>) -> Option<Raw<'_>> {
        span.map(|span| Raw::of(&self.body, span))
    }
}

impl std::fmt::Debug for Message {
    /// Leaves the content out: arguments may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("kind", &self.kind)
            .field("method", &self.method())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn read_method(raw: Raw<'_>) -> Result<Text, ParseError> {
    let text = raw.as_str().ok_or(ParseError::InvalidMethod)?;
    if text.is_empty() || text.len() > Message::LONGEST_METHOD {
        return Err(ParseError::InvalidMethod);
    }
    Ok(match text {
        Cow::Borrowed(_) => {
            let range = raw.span().range();
            Text::Plain(Span::new(range.start + 1, range.end - 1))
        }
        Cow::Owned(text) => Text::Unescaped(text.into()),
    })
}
