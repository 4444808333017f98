//! Asking first, in a session of the legacy era: the answer is an event stream that begins with the question.
//!
//! 1. The stream's body drives everything: waiting for the answer, asking again, the service's call. Nothing is spawned; a
//!    client that leaves drops it all, and nothing runs.
//! 2. While nothing has run the credential must stay good: its end, or a shutdown, ends the question too.
//! 3. What the service answers flows on in the same stream, by the same rules as any answer.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, header};
use tracing::Instrument;

use super::body::{Events, GuardedBody, Rest};
use super::lease::LeaseEnd;
use super::{Exchange, Forward, Refusal};
use crate::confirm::{Passage, Question, Sent, StreamQuestion};
use crate::verify::TokenRefusal;

/// So often a waiting stream says that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// A call that runs if the question in its stream is answered so.
#[derive(Debug)]
#[must_use]
pub struct AskThenForward {
    settling: Settling,
}

impl AskThenForward {
    pub(super) fn new(exchange: Box<Exchange>, question: Box<StreamQuestion>, body: Bytes) -> Self {
        let events = Events::default();
        events.put(question.event());
        Self { settling: Settling { exchange, question, body, events } }
    }

    /// The answer to give. `then` makes the future that its body polls after the question: it waits with [`Settling::settle`],
    /// makes the call and hands the answer to [`Exchange::respond_in_stream`], a failure to [`Exchange::fail_in_stream`].
    pub fn respond<B, F>(self, then: impl FnOnce(Settling) -> F) -> Response<GuardedBody<B, F>>
    where
        F: Future<Output = Rest<B>>,
    {
        let Self { settling } = self;
        let mut response = settling.exchange.finish_own(Response::new(()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        // A proxy that collects the stream would keep the question from the user.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        let events = settling.events.clone();
        let question = then(settling);
        response.map(|()| GuardedBody::asking(question, events))
    }
}

/// A question that waits for its answer.
#[derive(Debug)]
#[must_use]
pub struct Settling {
    exchange: Box<Exchange>,
    question: Box<StreamQuestion>,
    body: Bytes,
    events: Events,
}

impl Settling {
    /// Waits for the answer; asks again where that is needed. `parts` are those of [`Guard::admit`](super::Guard::admit).
    ///
    /// # Errors
    /// What the stream ends with: the call does not run.
    pub async fn settle<B>(self, parts: &mut Parts) -> Result<Forward, Rest<B>> {
        let span = self.exchange.span();
        self.settled(parts).instrument(span).await.map_err(|last| Rest::last(&last))
    }

    async fn settled(self, parts: &mut Parts) -> Result<Forward, Bytes> {
        let Self { exchange, mut question, body, events } = self;
        let gate = exchange.guard.inner.gate.clone();
        let mut term = exchange.term();
        loop {
            let mut settled = gate.settle(question);
            let passage = loop {
                tokio::select! {
                    biased;
                    end = &mut term => return Err(exchange.cut(end)),
                    passage = &mut settled => break passage,
                    () = tokio::time::sleep(SIGN_OF_LIFE) => events.sign_of_life(),
                }
            };
            exchange.record_passage(&passage);
            match passage {
                Passage::Pass(pass) => {
                    return exchange.pass(pass, parts, body).await.map_err(Response::into_body);
                }
                Passage::Ask(Question { way, sent: Sent::Event(again), .. }) => {
                    exchange.note_call("asked", way.as_str());
                    events.put(again.event());
                    question = again;
                }
                other => return Err(exchange.gate_answer(&other).into_body()),
            }
        }
    }
}

impl Exchange {
    /// What a question is answered with that waited longer than its credential was good.
    fn cut(&self, end: LeaseEnd) -> Bytes {
        let refusal = match end {
            LeaseEnd::Expired => Refusal::Token(TokenRefusal::Expired),
            LeaseEnd::Revoked => Refusal::Token(TokenRefusal::Revoked),
            LeaseEnd::ShutDown => Refusal::ShuttingDown,
        };
        self.record(&refusal);
        self.refusal_body(&refusal)
    }
}
