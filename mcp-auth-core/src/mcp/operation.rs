//! What a message asks for.
//!
//! 1. Taken from the body alone, never from a header.
//! 2. A request's method without an id, or a notification's with one, is refused: a server might run it unanswered.
//! 3. A method that the revision does not have is refused, and so is one that only a server sends.
//! 4. A target that is missing, empty, of another kind or too long is refused.

use http::StatusCode;

use super::{
    Access, Era, Message, MessageKind, Method, MethodKind, ProtocolError, TargetKind,
    raw::{Kind, Raw},
};

/// What is touched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// Nothing in particular.
    None,
    /// A tool, by name.
    Tool(String),
    /// A prompt, by name.
    Prompt(String),
    /// A resource or template, by URI exactly as it was sent.
    Resource(String),
    /// What a subscription wants to be told about, beyond changes of the lists.
    Subscription {
        /// Resources by URI, exactly as they were sent.
        resources: Vec<String>,
        /// Tasks by id.
        tasks: Vec<String>,
    },
    /// A task, by id.
    Task(String),
}

/// A method of the table, and what it is to touch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The method.
    pub method: &'static Method,
    /// What it touches.
    pub target: Target,
}

impl Operation {
    /// The longest name, URI or task id, in bytes.
    pub const LONGEST_TARGET: usize = 8192;
    /// The most resources, and the most tasks, that one subscription may name.
    pub const MOST_TARGETS: usize = 256;

    /// What `message` asks for in `era`.
    ///
    /// # Errors
    /// The method does not exist, is not a client's, comes as the wrong kind of message, or lacks its target. A
    /// response is [`ProtocolError::InvalidRequest`]: it is no operation and must be dealt with before.
    pub fn of(message: &Message, era: Era) -> Result<Self, ProtocolError> {
        let name = message.method().ok_or(ProtocolError::InvalidRequest("a response is not an operation"))?;
        let method = Method::find(name, era.revision())
            .filter(|method| method.access != Access::Never)
            .ok_or_else(|| not_found(message, era))?;
        match (method.kind, message.kind()) {
            (MethodKind::Request, MessageKind::Request { .. })
            | (MethodKind::Notification, MessageKind::Notification) => {}
            (MethodKind::Request, _) => return Err(ProtocolError::InvalidRequest("this method needs an id")),
            (MethodKind::Notification, _) => {
                return Err(ProtocolError::InvalidRequest("a notification has no id"));
            }
        }
        Ok(Self { method, target: target(method.target, message)? })
    }
}

fn not_found(message: &Message, era: Era) -> ProtocolError {
    let status = match (message.is_request(), era.is_modern()) {
        (false, _) => StatusCode::BAD_REQUEST,
        (true, true) => StatusCode::NOT_FOUND,
        // Up to 2025-11-25 an HTTP 404 means that the session has ended.
        (true, false) => StatusCode::OK,
    };
    ProtocolError::MethodNotFound { status }
}

fn target(kind: TargetKind, message: &Message) -> Result<Target, ProtocolError> {
    let param = |key, missing| text(message.param(key), missing);
    Ok(match kind {
        TargetKind::None => Target::None,
        TargetKind::Tool => Target::Tool(param("name", "name must be a string")?),
        TargetKind::Prompt => Target::Prompt(param("name", "name must be a string")?),
        TargetKind::Resource => Target::Resource(param("uri", "uri must be a string")?),
        TargetKind::Task => Target::Task(param("taskId", "taskId must be a string")?),
        TargetKind::CompletionRef => completion(message.param("ref"))?,
        TargetKind::Subscription => {
            let filter = message
                .param("notifications")
                .filter(|filter| filter.kind() == Kind::Object)
                .ok_or(ProtocolError::InvalidParams("notifications must be an object"))?;
            Target::Subscription {
                resources: texts(filter.get("resourceSubscriptions"))?,
                tasks: texts(filter.get("taskIds"))?,
            }
        }
    })
}

/// A reference names exactly one thing: a second name of the other kind could be what the server reads.
fn completion(reference: Option<Raw<'_>>) -> Result<Target, ProtocolError> {
    let wrong = "ref must name a prompt or a resource";
    let reference = reference.ok_or(ProtocolError::InvalidParams(wrong))?;
    let (name, uri) = (reference.get("name"), reference.get("uri"));
    match (reference.get("type").and_then(Raw::as_str).as_deref(), name, uri) {
        (Some("ref/prompt"), name, None) => Ok(Target::Prompt(text(name, wrong)?)),
        (Some("ref/resource"), None, uri) => Ok(Target::Resource(text(uri, wrong)?)),
        _ => Err(ProtocolError::InvalidParams(wrong)),
    }
}

fn text(raw: Option<Raw<'_>>, wrong: &'static str) -> Result<String, ProtocolError> {
    let text = raw.and_then(Raw::as_str).ok_or(ProtocolError::InvalidParams(wrong))?;
    if text.is_empty() || text.len() > Operation::LONGEST_TARGET {
        return Err(ProtocolError::InvalidParams(wrong));
    }
    Ok(text.into_owned())
}

fn texts(raw: Option<Raw<'_>>) -> Result<Vec<String>, ProtocolError> {
    let wrong = "a subscription's list must hold at most 256 strings";
    let Some(raw) = raw else { return Ok(Vec::new()) };
    if raw.kind() != Kind::Array || raw.items().nth(Operation::MOST_TARGETS).is_some() {
        return Err(ProtocolError::InvalidParams(wrong));
    }
    raw.items().map(|item| text(Some(item), wrong)).collect()
}
