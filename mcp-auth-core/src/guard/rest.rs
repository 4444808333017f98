//! What an answer's body is made of, once it is clear that there is one.
//!
//! 1. JSON that is rewritten is collected, within a bound; an event stream is rewritten event by event; all else passes.
//! 2. In a stream that began with a question a JSON answer becomes one event, if it is the response that was waited for.
//! 3. What is not understood is replaced by an error.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::lease::Term;
use crate::limit::Permit;
use crate::mcp::{Id, Limits, Message, MessageKind, RewriteError, SseRewriter, error_body};

const INTERNAL_ERROR: i32 = -32603;

/// Rewrites one JSON-RPC response, or says that it is not understood.
pub(super) type Rewrite = Box<dyn FnMut(&Bytes) -> Result<Bytes, RewriteError> + Send + Sync>;

/// The body of an answer, or what follows a question in its stream.
#[must_use]
pub struct Rest<B> {
    pub(super) body: Option<B>,
    pub(super) mode: Mode,
    pub(super) term: Option<Term>,
    pub(super) farewell: Option<Bytes>,
    pub(super) permit: Option<Permit>,
}

pub(super) enum Mode {
    Pass,
    Own(Option<Bytes>),
    Json { id: Id, rewrite: Rewrite, whole: Vec<u8>, max: usize, as_event: bool },
    Events(Box<SseRewriter<Rewrite>>),
    Ended,
}

impl<B> Rest<B> {
    fn of(body: Option<B>, mode: Mode) -> Self {
        Self { body, mode, term: None, farewell: None, permit: None }
    }

    pub(super) fn full(bytes: Bytes) -> Self {
        Self::of(None, Mode::Own(Some(bytes)))
    }

    pub(super) fn ended() -> Self {
        Self::of(None, Mode::Ended)
    }

    pub(super) fn pass(body: B) -> Self {
        Self::of(Some(body), Mode::Pass)
    }

    pub(super) fn json(body: B, id: Id, rewrite: Rewrite, max: usize) -> Self {
        Self::of(Some(body), Mode::Json { id, rewrite, whole: Vec::new(), max, as_event: false })
    }

    pub(super) fn json_as_event(body: B, id: Id, rewrite: Option<Rewrite>, max: usize) -> Self {
        let (mut rewrite, expected) = (rewrite, id.clone());
        let rewrite: Rewrite = Box::new(move |whole| {
            let limits = Limits::default().with_max_bytes(usize::MAX).with_max_depth(Limits::DEEPEST);
            let message = Message::parse(whole, &limits).map_err(|_| RewriteError::NotAResponse)?;
            match message.kind() {
                MessageKind::Response { id } if *id == expected => {}
                _ => return Err(RewriteError::NotAResponse),
            }
            rewrite.as_mut().map_or_else(|| Ok(whole.clone()), |rewrite| rewrite(whole))
        });
        Self::of(Some(body), Mode::Json { id, rewrite, whole: Vec::new(), max, as_event: true })
    }

    pub(super) fn events(body: B, id: Id, rewrite: Rewrite, max: usize) -> Self {
        Self::of(Some(body), Mode::Events(Box::new(SseRewriter::new(id, max, rewrite))))
    }

    pub(super) fn not_understood(id: &Id, encoded: bool) -> Self {
        tracing::error!(
            encoded,
            "the service's answer is compressed, or neither JSON nor an event stream: it is withheld"
        );
        Self::full(internal_error(id))
    }

    /// One last event: the service failed.
    pub(super) fn failed(id: &Id) -> Self {
        Self::last(&internal_error(id))
    }

    /// One last event.
    pub(super) fn last(message: &[u8]) -> Self {
        Self::full(event(message).into())
    }

    /// Keeps the request counted as under way until this is dropped.
    pub(super) fn holding(self, permit: Option<Permit>) -> Self {
        Self { permit, ..self }
    }

    pub(super) fn leased(self, term: Term, farewell: Option<Bytes>) -> Self {
        Self { term: Some(term), farewell, ..self }
    }
}

impl<B> std::fmt::Debug for Rest<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").field("mode", &self.mode.name()).finish_non_exhaustive()
    }
}

/// What a question still has to say into the stream that it is polled by.
#[derive(Clone, Debug, Default)]
pub(super) struct Events(Arc<Mutex<Vec<u8>>>);

impl Events {
    /// Says a message.
    pub(super) fn put(&self, message: &[u8]) {
        self.say(&event(message));
    }

    /// Says something that no client hears, for those in between.
    pub(super) fn sign_of_life(&self) {
        self.say(b":\n\n");
    }

    fn say(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }

    pub(super) fn take(&self) -> Option<Bytes> {
        let said = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        (!said.is_empty()).then(|| said.into())
    }
}

impl Mode {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Own(_) => "own",
            Self::Json { .. } => "json",
            Self::Events(_) => "events",
            Self::Ended => "ended",
        }
    }

    /// Takes a piece of the answer; gives what can be passed on now.
    pub(super) fn push(&mut self, data: &Bytes) -> Option<Bytes> {
        match self {
            Self::Json { id, whole, max, as_event, .. } if whole.len().saturating_add(data.len()) > *max => {
                let error = framed(withheld(id, "larger than max_answer"), *as_event);
                *self = Self::Ended;
                Some(error)
            }
            Self::Json { whole, .. } => {
                whole.extend_from_slice(data);
                None
            }
            Self::Events(rewriter) => match rewriter.push(data) {
                Ok(out) => Some(out),
                Err(error) => {
                    tracing::error!(%error, "an event stream is not understood: it ends here");
                    *self = Self::Ended;
                    None
                }
            },
            _ => None,
        }
    }

    /// The guard ends a stream before its answer has come, with an event of its own in place of what is not complete.
    pub(super) fn end_with(&mut self, farewell: &[u8]) -> Option<Bytes> {
        match std::mem::replace(self, Self::Ended) {
            Self::Events(mut rewriter) => {
                rewriter.forget();
                rewriter.push(farewell).ok()
            }
            _ => None,
        }
    }

    /// The answer has come to its end; gives what is left of it.
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        match std::mem::replace(self, Self::Ended) {
            Self::Json { id, mut rewrite, whole, as_event, .. } => {
                let whole = rewrite(&whole.into()).unwrap_or_else(|error| withheld(&id, &error.to_string()));
                Some(framed(whole, as_event))
            }
            Self::Events(mut rewriter) => rewriter
                .finish()
                .inspect_err(|error| tracing::error!(%error, "the end of an event stream is not understood: it is withheld"))
                .ok(),
            _ => None,
        }
    }
}

fn withheld(id: &Id, why: &str) -> Bytes {
    tracing::error!(why, "the service's answer is not understood: it is withheld");
    internal_error(id)
}

fn internal_error(id: &Id) -> Bytes {
    error_body(Some(id), INTERNAL_ERROR, "Internal error", None)
}

fn framed(message: Bytes, as_event: bool) -> Bytes {
    if as_event { event(&message).into() } else { message }
}

/// A message as one event. Line ends are white space in JSON, and each begins a line of data.
fn event(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    for line in message.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
    out
}
