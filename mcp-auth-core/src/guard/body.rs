//! The body of an answer: passed on, rewritten, ended by its lease, or the guard's own; after a question, if there was one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pub(super) use super::rest::{Events, Mode, Rest, Rewrite};

use super::lease::Term;
use crate::limit::Permit;

pin_project! {
    /// The body of every answer that leaves a guard. Event streams go through chunk by chunk. `F` is what comes after a question
    /// in the stream: see [`AskThenForward`](super::AskThenForward).
    pub struct GuardedBody<B, F> {
        #[pin]
        question: Option<F>,
        events: Events,
        #[pin]
        body: Option<B>,
        mode: Mode,
        term: Option<Term>,
        farewell: Option<Bytes>,
        permit: Option<Permit>,
    }
}

impl<B, F> GuardedBody<B, F> {
    /// An answer of the guard's own.
    pub fn full(bytes: Bytes) -> Self {
        Rest::full(bytes).into()
    }

    /// An answer from outside what is guarded ([`Admission::Outside`](super::Admission::Outside)).
    pub fn outside(body: B) -> Self {
        Rest::pass(body).into()
    }

    /// A stream whose `events` come first, and then what `question` comes to.
    pub(super) fn asking(question: F, events: Events) -> Self {
        Self { question: Some(question), events, ..Rest::ended().into() }
    }
}

impl<B, F> From<Rest<B>> for GuardedBody<B, F> {
    fn from(rest: Rest<B>) -> Self {
        let Rest { body, mode, term, farewell, permit } = rest;
        Self { question: None, events: Events::default(), body, mode, term, farewell, permit }
    }
}

impl<B, F> Body for GuardedBody<B, F>
where
    B: Body<Data = Bytes>,
    F: Future<Output = Rest<B>>,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        if let Some(question) = this.question.as_mut().as_pin_mut() {
            let polled = question.poll(cx);
            let is_pending = polled.is_pending();
            if let Poll::Ready(rest) = polled {
                this.question.set(None);
                this.body.set(rest.body);
                (*this.mode, *this.term) = (rest.mode, rest.term);
                (*this.farewell, *this.permit) = (rest.farewell, rest.permit);
            }
            if let Some(said) = this.events.take() {
                return Poll::Ready(Some(Ok(Frame::data(said))));
            }
            if is_pending {
                return Poll::Pending;
            }
        }
        if let Some(term) = this.term.as_mut()
            && let Poll::Ready(end) = term.as_mut().poll(cx)
        {
            tracing::info!(kind = end.kind(), "a stream was ended");
            metrics::counter!("mcp_auth_streams_ended_total", "kind" => end.kind()).increment(1);
            *this.term = None;
            this.body.set(None);
            let last = this.mode.end_with(&this.farewell.take().unwrap_or_default());
            return Poll::Ready(last.filter(|last| !last.is_empty()).map(|last| Ok(Frame::data(last))));
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
            _ if self.question.is_some() => false,
            Mode::Ended => true,
            Mode::Own(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Mode::Pass => self.body.as_ref().is_none_or(Body::is_end_stream),
            Mode::Json { .. } | Mode::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.mode {
            _ if self.question.is_some() => SizeHint::default(),
            Mode::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Mode::Pass if self.term.is_none() => {
                self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
            }
            _ => SizeHint::default(),
        }
    }
}

impl<B, F> std::fmt::Debug for GuardedBody<B, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardedBody")
            .field("asking", &self.question.is_some())
            .field("mode", &self.mode.name())
            .field("leased", &self.term.is_some())
            .finish_non_exhaustive()
    }
}
