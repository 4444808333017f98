//! Bodies, as the other side knows them: actix streams and messages as [`http_body::Body`], and back.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::presence::Presence;

/// The body of a request. Not `Send`, as everything in actix.
pub(crate) struct Incoming {
    payload: Payload,
    announced: u64,
}

impl Incoming {
    /// The body that follows these headers.
    pub(crate) fn new(headers: &HeaderMap, payload: Payload) -> Self {
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Self { payload, announced: length.and_then(|length| length.parse().ok()).unwrap_or(0) }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = PayloadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, PayloadError>>> {
        Pin::new(&mut self.payload).poll_next(cx).map(|next| next.map(|data| data.map(Frame::data)))
    }

    /// What was announced: whoever announces too much is refused before the first byte.
    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::default();
        hint.set_lower(self.announced);
        hint
    }
}

/// The body of an answer that an actix handler gave.
pub(crate) struct Answer(pub(crate) BoxBody);

impl Body for Answer {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.0).poll_next(cx).map(|next| next.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0.size(), BodySize::None | BodySize::Sized(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.size() {
            BodySize::None => SizeHint::with_exact(0),
            BodySize::Sized(length) => SizeHint::with_exact(length),
            BodySize::Stream => SizeHint::default(),
        }
    }
}

pin_project! {
    /// Any [`Body`] as the body of an actix response, chunk by chunk. Trailers are left out: actix has none.
    /// It ends when its client has left.
    pub(crate) struct Outgoing<B> {
        #[pin]
        body: B,
        presence: Option<Presence>,
    }
}

impl<B> Outgoing<B> {
    pub(crate) fn new(body: B, presence: Option<Presence>) -> Self {
        Self { body, presence }
    }
}

impl<B> MessageBody for Outgoing<B>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error>>,
{
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size_hint().exact().map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.as_mut().project().presence.as_mut().is_some_and(|presence| presence.poll_left(cx)) {
            return Poll::Ready(None);
        }
        loop {
            let frame = match self.as_mut().project().body.poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            };
            if let Ok(mut data) = frame.into_data() {
                let length = data.remaining();
                return Poll::Ready(Some(Ok(data.copy_to_bytes(length))));
            }
        }
    }
}
