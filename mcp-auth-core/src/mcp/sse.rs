//! Rewriting a response inside an event stream.
//!
//! 1. Bytes come in any pieces; an event goes out as soon as it is complete, a comment line at once.
//! 2. The event whose data is the response to the request goes through the rewriting function; every other event
//!    passes byte for byte. A result for another id is refused: it was filtered by nobody.
//! 3. Line ends may be CR, LF or CRLF, and data may be spread over many lines.
//! 4. An event larger than the bound, or one whose data is not strict JSON, is an error; after an error nothing more
//!    passes.

use bytes::Bytes;
use thiserror::Error;

use super::{
    Id,
    list::RewriteError,
    raw::{Kind, Raw},
    strict::{Limits, Reading, StrictError, scan, utf8},
};

/// Why a stream must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SseError {
    /// An event is larger than the bound.
    #[error("an event is too large")]
    TooLarge,
    /// The data of an event is not strict JSON.
    #[error("an event's data is not strict JSON: {0}")]
    Strict(#[from] StrictError),
    /// The data of an event is JSON but no single message.
    #[error("an event's data is not one message")]
    NotAMessage,
    /// A result for an id that is not the request's.
    #[error("a result for another request")]
    ForeignResult,
    /// The rewriting function did not understand the response.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// An error came before.
    #[error("the stream has failed")]
    Failed,
}

/// Rewrites the response to one request in a stream of events.
///
/// ```
/// use bytes::Bytes;
/// use mcp_auth_core::mcp::{Limits, ListKind, Message, SseRewriter, filter_list};
///
/// let request = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
/// let request = Message::parse(&request, &Limits::default())?;
/// let id = request.id().cloned().ok_or("a request has an id")?;
/// let mut stream = SseRewriter::new(id, 1 << 20, |body: &Bytes| filter_list(body, ListKind::Tools, false, |name| name == "a"));
/// let out = stream.push(b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}\n\n")?;
/// assert_eq!(out, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"a\"}]}}\n\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SseRewriter<F> {
    id: Id,
    max_event: usize,
    rewrite: F,
    /// The lines of the event that is not complete yet, with their ends.
    event: Vec<u8>,
    /// Where the line that is not complete yet begins in `event`.
    line: usize,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    first_line: bool,
    failed: bool,
}

impl<F: FnMut(&Bytes) -> Result<Bytes, RewriteError>> SseRewriter<F> {
    /// A rewriter for the response to `id`; events are bounded to `max_event` bytes.
    pub fn new(id: Id, max_event: usize, rewrite: F) -> Self {
        Self {
            id,
            max_event,
            rewrite,
            event: Vec::new(),
            line: 0,
            after_cr: false,
            first_line: true,
            failed: false,
        }
    }

    /// Takes a piece of the stream and gives what can be passed on now.
    ///
    /// # Errors
    /// The stream must end here; what was given before stands.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Bytes, SseError> {
        if self.failed {
            return Err(SseError::Failed);
        }
        let mut out = Vec::with_capacity(chunk.len());
        match self.take(chunk, &mut out) {
            Ok(()) => Ok(out.into()),
            Err(error) => {
                self.failed = true;
                self.event = Vec::new();
                Err(error)
            }
        }
    }

    /// The stream has ended: gives the rest, rewritten as if its last event were complete, since a client might
    /// read it so.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(&mut self) -> Result<Bytes, SseError> {
        if self.failed {
            return Err(SseError::Failed);
        }
        self.failed = true;
        let mut out = Vec::new();
        self.complete(&mut out)?;
        Ok(out.into())
    }

    /// Forgets the event that is not complete yet: what is pushed now begins another.
    pub(crate) fn forget(&mut self) {
        self.event.clear();
        (self.line, self.after_cr) = (0, false);
    }

    fn take(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), SseError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let mut rest = chunk;
        if std::mem::take(&mut self.after_cr) && rest.first() == Some(&b'\n') {
            // The second half of a line end whose first half has been dealt with.
            if self.event.is_empty() {
                out.push(b'\n')
            } else {
                self.event.push(b'\n')
            }
            self.line = self.event.len();
            rest = rest.get(1..).unwrap_or_default();
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let crlf = rest.get(end..end + 2) == Some(b"\r\n");
            let length = end + 1 + usize::from(crlf);
            self.after_cr = length == rest.len() && rest.last() == Some(&b'\r');
            self.hold(rest.get(..length).unwrap_or_default())?;
            rest = rest.get(length..).unwrap_or_default();
            self.end_of_line(out)?;
        }
        if !rest.is_empty() {
            self.after_cr = false;
        }
        self.hold(rest)
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        if self.event.len() + bytes.len() > self.max_event {
            return Err(SseError::TooLarge);
        }
        self.event.extend_from_slice(bytes);
        Ok(())
    }

    fn end_of_line(&mut self, out: &mut Vec<u8>) -> Result<(), SseError> {
        let line = trim_end(self.event.get(self.line..).unwrap_or_default());
        let line = if self.first_line { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
        self.first_line = false;
        let lone_comment = self.line == 0 && line.first() == Some(&b':');
        if line.is_empty() {
            self.complete(out)?;
        } else if lone_comment {
            out.append(&mut self.event);
        }
        self.line = self.event.len();
        Ok(())
    }

    /// Passes the event on, rewritten if it is the response.
    fn complete(&mut self, out: &mut Vec<u8>) -> Result<(), SseError> {
        let event = std::mem::take(&mut self.event);
        self.line = 0;
        match data(&event) {
            Some(data) if self.is_response(&data)? => {
                let new = (self.rewrite)(&data)?;
                if new == data { out.extend_from_slice(&event) } else { put_data(&event, &new, out) }
            }
            _ => out.extend_from_slice(&event),
        }
        Ok(())
    }

    fn is_response(&self, data: &Bytes) -> Result<bool, SseError> {
        if data.iter().all(u8::is_ascii_whitespace) {
            return Ok(false);
        }
        let limits = Limits::default().with_max_bytes(self.max_event).with_max_depth(Limits::DEEPEST);
        let text = utf8(data, &limits)?;
        let (span, outline) = scan(text, &limits, Reading::Message)?;
        if Raw::of(text, span).kind() != Kind::Object {
            return Err(SseError::NotAMessage);
        }
        let (result, error) = (outline.top("result").is_some(), outline.top("error").is_some());
        let is_ours = || {
            let id = outline.top("id").and_then(|span| Id::read(data, Raw::of(text, span)).ok());
            id.as_ref() == Some(&self.id)
        };
        match (result, error) {
            (true, _) if !is_ours() => Err(SseError::ForeignResult),
            (true, _) => Ok(true),
            // One without our id says nothing that would have to be taken away.
            (false, error) => Ok(error && is_ours()),
        }
    }
}

impl<F> std::fmt::Debug for SseRewriter<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SseRewriter")
            .field("held", &self.event.len())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The lines of an event, each with its end.
fn lines(event: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = event;
    std::iter::from_fn(move || {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let length = match end {
            Some(end) if rest.get(end..end + 2) == Some(b"\r\n") => end + 2,
            Some(end) => end + 1,
            None => rest.len(),
        };
        let (line, tail) = rest.split_at_checked(length).filter(|(line, _)| !line.is_empty())?;
        rest = tail;
        Some(line)
    })
}

/// The value of a line if its field is `data`.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let value = trim_end(line).strip_prefix(b"data")?;
    match value.strip_prefix(b":") {
        Some(value) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        None if value.is_empty() => Some(value),
        None => None,
    }
}

fn data(event: &[u8]) -> Option<Bytes> {
    let parts: Vec<&[u8]> = lines(event).filter_map(data_of).collect();
    (!parts.is_empty()).then(|| parts.join(&b'\n').into())
}

/// Writes the event with `new` in place of its data, where the data began.
fn put_data(event: &[u8], new: &[u8], out: &mut Vec<u8>) {
    let mut written = false;
    for line in lines(event) {
        if data_of(line).is_none() {
            out.extend_from_slice(line);
        } else if !std::mem::replace(&mut written, true) {
            let ending = line.get(trim_end(line).len()..).filter(|end| !end.is_empty()).unwrap_or(b"\n");
            for part in new.split(|byte| *byte == b'\n') {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(part);
                out.extend_from_slice(ending);
            }
        }
    }
}
