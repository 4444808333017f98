//! Clients that leave over HTTP/2.
//!
//! 1. Over HTTP/1 actix itself drops the call of a client that leaves.
//! 2. Over HTTP/2 it runs each call as a task of its own, also when the stream was reset or the connection lost. The request's body
//!    tells, but only whoever asks: it is asked once a second, while a call runs and while its answer goes out.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::rt::time::{Instant, Interval, interval_at};
use http_body::Body;

use crate::body::Incoming;

const EVERY: Duration = Duration::from_secs(1);

/// Whether a client is still there.
pub(crate) struct Presence {
    body: Incoming,
    next: Interval,
}

impl Presence {
    /// That of the client who sent this request, whose body was read. `None` where actix sees it by itself.
    pub(crate) fn of(request: &HttpRequest, body: Incoming) -> Option<Self> {
        (request.version() == Version::HTTP_2)
            .then(|| Self { body, next: interval_at(Instant::now() + EVERY, EVERY) })
    }

    /// True once the client has left; the task is woken to ask again.
    pub(crate) fn poll_left(&mut self, cx: &mut Context<'_>) -> bool {
        while self.next.poll_tick(cx).is_ready() {
            if matches!(Pin::new(&mut self.body).poll_frame(cx), Poll::Ready(Some(Err(_)))) {
                return true;
            }
        }
        false
    }
}

/// What comes of `call`; `None` if the client left before, and then `call` is dropped.
pub(crate) async fn unless_left<F: Future>(presence: &mut Option<Presence>, call: F) -> Option<F::Output> {
    let mut call = pin!(call);
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Pending if presence.as_mut().is_some_and(|presence| presence.poll_left(cx)) => {
            Poll::Ready(None)
        }
        other => other.map(Some),
    })
    .await
}
