//! What became of a call, read from its answer.
//!
//! 1. The first response to the request's id decides; an answer that never comes is `cut`, one that the service itself gave up
//!    waiting for (504) `timed_out`, and one that asks the client for more `pending`.
//! 2. A tool that knows them gives the states before and after in the `_meta` of its result: [`BEFORE`](crate::audit::BEFORE),
//!    [`AFTER`](crate::audit::AFTER).
//! 3. Secrets are taken out by the tool's `outputSchema`, names and looks, before anything is queued.

use bytes::Bytes;
use http::StatusCode;

use super::Exchange;
use super::record::read;
use super::rest::Rewrite;
use crate::audit::{AFTER, BEFORE, Outcome, OutcomeKind, Rules, Shown, Ticket};
use crate::mcp::{Raw, RewriteError};

impl Exchange {
    /// Lets an answer through, and reads from it what became of the call.
    pub(super) fn watch(&mut self, rewrite: Option<Rewrite>) -> Option<Rewrite> {
        let Some(ticket) = self.ticket.take() else { return rewrite };
        let (guard, target) = (self.guard.clone(), self.target.clone());
        let (mut ticket, mut rewrite) = (Some(ticket), rewrite);
        Some(Box::new(move |body: &Bytes| {
            let answer: Result<Bytes, RewriteError> = match &mut rewrite {
                Some(rewrite) => rewrite(body),
                None => Ok(body.clone()),
            };
            if let Some(ticket) = ticket.take() {
                let recorder = guard.inner.recorder.as_ref();
                finish(ticket, body, recorder.and_then(|recorder| recorder.output(target.as_deref())));
            }
            answer
        }))
    }

    /// Takes down that there is an answer which cannot be read here: compressed, say.
    pub(super) fn unread(&mut self) -> Option<Rewrite> {
        if let Some(ticket) = self.ticket.take() {
            ticket.finish(&Outcome::new(OutcomeKind::Succeeded));
        }
        None
    }

    /// Takes down the status of an answer that is none.
    pub(super) fn failed_with(&mut self, status: StatusCode) {
        let Some(ticket) = self.ticket.take() else { return };
        let outcome = Outcome::failed(status.as_str());
        ticket.finish(&match status {
            StatusCode::GATEWAY_TIMEOUT => Outcome { outcome: OutcomeKind::TimedOut, ..outcome },
            _ => outcome,
        });
    }

    /// Takes down that the service failed.
    pub(super) fn failed(&mut self, error: &str) {
        if let Some(ticket) = self.ticket.take() {
            ticket.finish(&Outcome::failed(error));
        }
    }
}

/// Takes down what a JSON-RPC response says.
fn finish(ticket: Ticket, response: &Bytes, rules: Option<&Rules>) {
    let Some(response) = read(response) else {
        return ticket.finish(&Outcome::failed("the answer is not understood"));
    };
    if let Some(error) = response.get("error") {
        let code = error.get("code").and_then(Raw::as_number).unwrap_or("error");
        return ticket.finish(&Outcome::failed(code));
    }
    let result = response.get("result");
    let member = |name| result.and_then(|result| result.get(name));
    let outcome = if member("isError").and_then(Raw::as_bool) == Some(true) {
        Outcome::failed("tool_error")
    } else if member("resultType").and_then(Raw::as_str).as_deref() == Some("input_required") {
        Outcome::new(OutcomeKind::Pending)
    } else {
        Outcome::succeeded()
    };
    let meta = member("_meta");
    let state = |name| meta.and_then(|meta| meta.get(name)).map(|state| Shown::new(state, rules));
    let outcome = outcome.states(state(BEFORE), state(AFTER));
    // The states lie in the rest of the result, out of reach of their rules.
    let structured = member("structuredContent").map(|structured| Shown::new(structured, rules));
    let shown = structured.or_else(|| member("content").or(result).map(|shown| Shown::new(shown, None)));
    ticket.finish(&match shown {
        Some(shown) => outcome.result(shown),
        None => outcome,
    });
}
