//! A call that runs, and what became of it, read from its answer.
//!
//! 1. The first response to the request's id decides; an answer that never comes is `cut`, one that the service itself gave up
//!    waiting for (504) `timed_out`, and one that asks the client for more `pending`. One that cannot be read here (compressed, no JSON)
//!    is `cut`, with the error `unread`: what happened is not known. Nor is it of a call that runs on as a task: `cut`, with the
//!    error `task`, which is no failure for telemetry.
//! 2. A tool that knows them gives the states before and after in the `_meta` of its result: [`BEFORE`](crate::audit::BEFORE),
//!    [`AFTER`](crate::audit::AFTER).
//! 3. Secrets are taken out by the tool's `outputSchema`, names and looks, before anything is queued.
//! 4. How long it took is counted, too: `mcp.server.operation.duration`.

use bytes::Bytes;
use http::StatusCode;
use tracing::Span;

use super::record::read;
use super::rest::Rewrite;
use super::{Exchange, Guard, span};
use crate::audit::{AFTER, BEFORE, Outcome, OutcomeKind, Rules, Shown, Ticket};
use crate::mcp::{Kind, Raw, RewriteError};

/// The error of an answer that could not be read.
const UNREAD: &str = "unread";
/// The error of a call that runs on.
const TASK: &str = "task";

/// A call that was taken down and runs. Dropped, it was cut.
#[derive(Debug)]
pub(super) struct Running {
    guard: Guard,
    span: Span,
    method: &'static str,
    /// The tool or prompt, or another target.
    target: Option<String>,
    /// `None` once it has ended.
    ticket: Option<Ticket>,
}

impl Running {
    pub(super) fn new(exchange: &Exchange, ticket: Ticket) -> Self {
        Self {
            guard: exchange.guard.clone(),
            span: exchange.span(),
            method: exchange.method,
            target: exchange.target.clone(),
            ticket: Some(ticket),
        }
    }

    fn finish(mut self, outcome: &Outcome<'_>) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: &Outcome<'_>) {
        let Some(ticket) = self.ticket.take() else { return };
        let error = match outcome.outcome {
            OutcomeKind::Failed => Some(outcome.error.unwrap_or("_OTHER")),
            OutcomeKind::TimedOut => Some("timeout"),
            OutcomeKind::Cut if outcome.error == Some(TASK) => None,
            OutcomeKind::Cut => Some(outcome.error.unwrap_or("cut")),
            _ => None,
        };
        if let Some(error) = error {
            span::fail(&self.span, error);
        }
        // A URI is no label: there is no end to them.
        let target = self.target.as_deref().filter(|_| matches!(self.method, "tools/call" | "prompts/get"));
        self.guard.inner.meters.operation(self.method, target, error, ticket.elapsed());
        ticket.finish(outcome);
    }

    /// Ends with what a JSON-RPC response says.
    fn read(self, response: &Bytes) {
        let Some(response) = read(response) else {
            return self.finish(&Outcome::failed("the answer is not understood"));
        };
        if let Some(error) = response.get("error") {
            let code = error.get("code").and_then(Raw::as_number).unwrap_or("_OTHER");
            return self.finish(&Outcome::failed(code));
        }
        let guard = self.guard.clone();
        let rules = guard.inner.recorder.as_ref().and_then(|known| known.output(self.target.as_deref()));
        let method = self.method;
        self.finish(&of_result(method, response.get("result"), rules));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(&Outcome::new(OutcomeKind::Cut));
    }
}

impl Exchange {
    /// Lets an answer through, and reads from it what became of the call.
    pub(super) fn watch(&mut self, rewrite: Option<Rewrite>) -> Option<Rewrite> {
        let Some(running) = self.running.take() else { return rewrite };
        let (mut running, mut rewrite) = (Some(running), rewrite);
        Some(Box::new(move |body: &Bytes| {
            let answer: Result<Bytes, RewriteError> = match &mut rewrite {
                Some(rewrite) => rewrite(body),
                None => Ok(body.clone()),
            };
            if let Some(running) = running.take() {
                running.read(body);
            }
            answer
        }))
    }

    /// Takes down that there is an answer which cannot be read here: compressed, say.
    pub(super) fn unread(&mut self) {
        if let Some(running) = self.running.take() {
            running.finish(&cut(UNREAD));
        }
    }

    /// Takes down the status of an answer that is none.
    pub(super) fn failed_with(&mut self, status: StatusCode) {
        let Some(running) = self.running.take() else { return };
        let outcome = Outcome::failed(status.as_str());
        running.finish(&match status {
            StatusCode::GATEWAY_TIMEOUT => Outcome { outcome: OutcomeKind::TimedOut, ..outcome },
            _ => outcome,
        });
    }

    /// Takes down that the service failed.
    pub(super) fn failed(&mut self, error: &str) {
        if let Some(running) = self.running.take() {
            running.finish(&Outcome::failed(error));
        }
    }
}

fn cut(error: &'static str) -> Outcome<'static> {
    Outcome { error: Some(error), ..Outcome::new(OutcomeKind::Cut) }
}

/// What a result says.
fn of_result<'a>(method: &str, result: Option<Raw<'a>>, rules: Option<&'a Rules>) -> Outcome<'a> {
    let member = |name| result.and_then(|result| result.get(name));
    // 2025-11-25 has no result types: a task stands there in place of the answer.
    let is_task = || method == "tools/call" && member("task").is_some_and(|task| task.kind() == Kind::Object);
    let kind = member("resultType").map(|kind| kind.as_str().unwrap_or_default());
    let outcome = if member("isError").and_then(Raw::as_bool) == Some(true) {
        Outcome::failed("tool_error")
    } else {
        match kind.as_deref() {
            Some("input_required") => Outcome::new(OutcomeKind::Pending),
            Some("task") => cut(TASK),
            None if is_task() => cut(TASK),
            None | Some("complete") => Outcome::succeeded(),
            Some(_) => cut(UNREAD),
        }
    };
    let meta = member("_meta");
    let state = |name| meta.and_then(|meta| meta.get(name)).map(|state| Shown::new(state, rules));
    let outcome = outcome.states(state(BEFORE), state(AFTER));
    // The states lie in the rest of the result, out of reach of their rules.
    let structured = member("structuredContent").map(|structured| Shown::new(structured, rules));
    match structured.or_else(|| member("content").or(result).map(|shown| Shown::new(shown, None))) {
        Some(shown) => outcome.result(shown),
        None => outcome,
    }
}
