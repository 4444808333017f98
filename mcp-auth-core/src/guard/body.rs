//! The body of an answer: passed on, rewritten, ended by its lease, or the guard's own.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::lease::Term;
use crate::limit::Permit;
use crate::mcp::{Id, RewriteError, SseRewriter, error_body};

const INTERNAL_ERROR: i32 = -32603;

/// Rewrites one JSON-RPC response, or says that it is not understood.
pub(super) type Rewrite = Box<dyn FnMut(&Bytes) -> Result<Bytes, RewriteError> + Send + Sync>;

pin_project! {
    /// The body of every answer that leaves a guard. Event streams go through chunk by chunk.
    pub struct GuardedBody<B> {
        #[pin]
        body: Option<B>,
        mode: Mode,
        term: Option<Term>,
        farewell: Option<Bytes>,
        permit: Option<Permit>,
    }
}

enum Mode {
    Pass,
    Own(Option<Bytes>),
    Json { id: Id, rewrite: Rewrite, whole: Vec<u8>, max: usize },
    Events(Box<SseRewriter<Rewrite>>),
    Ended,
}

impl<B> GuardedBody<B> {
    /// An answer of the guard's own.
    pub fn full(bytes: Bytes) -> Self {
        Self { body: None, mode: Mode::Own(Some(bytes)), term: None, farewell: None, permit: None }
    }

    /// An answer from outside what is guarded ([`Admission::Outside`](super::Admission::Outside)).
    pub fn outside(body: B) -> Self {
        Self::pass(body)
    }

    pub(super) fn pass(body: B) -> Self {
        Self { body: Some(body), mode: Mode::Pass, term: None, farewell: None, permit: None }
    }

    pub(super) fn json(body: B, id: Id, rewrite: Rewrite, max: usize) -> Self {
        Self { mode: Mode::Json { id, rewrite, whole: Vec::new(), max }, ..Self::pass(body) }
    }

    pub(super) fn events(body: B, id: Id, rewrite: Rewrite, max: usize) -> Self {
        Self { mode: Mode::Events(Box::new(SseRewriter::new(id, max, rewrite))), ..Self::pass(body) }
    }

    pub(super) fn not_understood(id: &Id) -> Self {
        tracing::error!("the service's answer is neither JSON nor an event stream: it is withheld");
        Self::full(error_body(Some(id), INTERNAL_ERROR, "Internal error", None))
    }

    /// Keeps the request counted as under way until this is dropped.
    pub(super) fn holding(self, permit: Option<Permit>) -> Self {
        Self { permit, ..self }
    }

    pub(super) fn leased(self, term: Term, farewell: Option<Bytes>) -> Self {
        Self { term: Some(term), farewell, ..self }
    }
}

impl<B: Body<Data = Bytes>> Body for GuardedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        if let Some(term) = this.term.as_mut()
            && let Poll::Ready(end) = term.as_mut().poll(cx)
        {
            tracing::info!(kind = end.kind(), "a stream was ended");
            metrics::counter!("mcp_auth_streams_ended_total", "kind" => end.kind()).increment(1);
            *this.term = None;
            *this.mode = Mode::Ended;
            this.body.set(None);
            return Poll::Ready(this.farewell.take().map(|event| Ok(Frame::data(event))));
        }
        loop {
            match this.mode {
                Mode::Ended => return Poll::Ready(None),
                Mode::Own(bytes) => {
                    let bytes = bytes.take().filter(|bytes| !bytes.is_empty());
                    return Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))));
                }
                Mode::Pass | Mode::Json { .. } | Mode::Events(_) => {}
            }
            let frame = match this.body.as_mut().as_pin_mut() {
                Some(body) => ready!(body.poll_frame(cx)).transpose()?,
                None => None,
            };
            let data = match (frame, &mut *this.mode) {
                (frame, Mode::Pass) => return Poll::Ready(frame.map(Ok)),
                (frame, mode) => match frame.map(Frame::into_data) {
                    // Trailers could sign what was rewritten.
                    Some(Err(_trailers)) => continue,
                    Some(Ok(data)) => mode.push(&data),
                    None => {
                        this.body.set(None);
                        mode.finish()
                    }
                },
            };
            if let Some(data) = data.filter(|data| !data.is_empty()) {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.mode {
            Mode::Ended => true,
            Mode::Own(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Mode::Pass => self.body.as_ref().is_none_or(Body::is_end_stream),
            Mode::Json { .. } | Mode::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.mode {
            Mode::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Mode::Pass if self.term.is_none() => {
                self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
            }
            _ => SizeHint::default(),
        }
    }
}

impl Mode {
    /// Takes a piece of the answer; gives what can be passed on now.
    fn push(&mut self, data: &Bytes) -> Option<Bytes> {
        match self {
            Self::Json { id, whole, max, .. } if whole.len().saturating_add(data.len()) > *max => {
                let error = withheld(id, "larger than max_answer");
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

    /// The answer has come to its end; gives what is left of it.
    fn finish(&mut self) -> Option<Bytes> {
        match std::mem::replace(self, Self::Ended) {
            Self::Json { id, mut rewrite, whole, .. } => {
                Some(rewrite(&whole.into()).unwrap_or_else(|error| withheld(&id, &error.to_string())))
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
    error_body(Some(id), INTERNAL_ERROR, "Internal error", None)
}

impl<B> std::fmt::Debug for GuardedBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mode = match &self.mode {
            Mode::Pass => "pass",
            Mode::Own(_) => "own",
            Mode::Json { .. } => "json",
            Mode::Events(_) => "events",
            Mode::Ended => "ended",
        };
        f.debug_struct("GuardedBody")
            .field("mode", &mode)
            .field("leased", &self.term.is_some())
            .finish_non_exhaustive()
    }
}
