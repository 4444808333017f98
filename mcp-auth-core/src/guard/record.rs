//! The record of a request: what it wants before it runs, what became of it after.
//!
//! 1. What is let through is taken down before it is forwarded; if that fails it does not run: 503.
//! 2. What is refused, asked about or only previewed is taken down where it ends. A request without a credential is not: that
//!    is how every client begins, and anybody could fill the record.
//! 3. What became of a call is read from its response. One that never comes is recorded as `cut`.
//! 4. Secrets are taken out by the tool's schemas and by the rules of [`Audit`] before anything is queued.

use std::collections::HashMap;

use bytes::Bytes;
use http::HeaderMap;
use http::header::USER_AGENT;

use super::rest::Rewrite;
use super::{Exchange, Refusal};
use crate::audit::{self, Audit, Intent, Outcome, OutcomeKind, Rules, Shown, Ticket};
use crate::confirm::{Confirmed, Passage, Preview, Voucher};
use crate::mcp::{Limits, Message, Raw, RewriteError};
use crate::policy::{Effect, ScopePolicy};

const MAX_HEADER: usize = 512;

/// Where a guard records, and what the tools' schemas say is secret.
pub(super) struct Recorder {
    pub(super) audit: Audit,
    tools: HashMap<Box<str>, ToolRules>,
}

struct ToolRules {
    input: Option<Rules>,
    output: Option<Rules>,
}

impl Recorder {
    pub(super) fn new(audit: Audit, policy: &dyn ScopePolicy) -> Self {
        let compiled = policy.schemas().into_iter().map(|(tool, input, output)| {
            let rules =
                ToolRules { input: input.map(Rules::from_schema), output: output.map(Rules::from_schema) };
            (Box::from(tool), rules)
        });
        Self { audit, tools: compiled.collect() }
    }
}

/// What is known about a request before its record is made.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) agent: Option<String>,
    pub(super) trace: Option<String>,
    pub(super) software: String,
    pub(super) message: Option<Message>,
    pub(super) effect: Option<Effect>,
}

impl Trail {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |value: Option<&http::HeaderValue>| {
            let value = value.and_then(|value| value.to_str().ok());
            value.filter(|value| value.len() <= MAX_HEADER).map(str::to_owned)
        };
        Self {
            agent: text(headers.get(USER_AGENT)),
            trace: text(headers.get("traceparent")),
            ..Self::default()
        }
    }
}

impl Exchange {
    /// Takes down what is about to run, and keeps room for what becomes of it.
    pub(super) async fn begin(&mut self, confirmed: Option<&Confirmed>) -> Result<(), Refusal> {
        let guard = self.guard.clone();
        let Some(recorder) = &guard.inner.recorder else { return Ok(()) };
        if self.id.is_none() {
            return Ok(());
        }
        let preview = confirmed.and_then(|confirmed| confirmed.preview.as_ref());
        let begun = self.with_intent(recorder, preview, confirmed, |intent| recorder.audit.begin(intent));
        match Box::pin(begun).await {
            Ok(ticket) => {
                self.ticket = Some(ticket);
                Ok(())
            }
            Err(error) => Err(Refusal::Unrecorded(error)),
        }
    }

    /// Takes down a refusal.
    pub(super) fn record_refusal(&self, refusal: &Refusal) {
        // The intent that was not taken has its own record.
        if matches!(refusal, Refusal::NoToken { .. } | Refusal::Unrecorded(_)) {
            return;
        }
        self.record_event(None, &Outcome::denied(refusal.kind()));
    }

    /// Takes down a call that the gate keeps from running.
    pub(super) fn record_passage(&self, passage: &Passage) {
        match passage {
            // What passes is taken down as an intent, and a refusal where it is answered.
            Passage::Pass(_) | Passage::Refused(_) => {}
            Passage::Ask(question) => {
                self.record_event(question.preview.as_ref(), &Outcome::new(OutcomeKind::Pending));
            }
            Passage::DryRun(question) => {
                self.record_event(question.preview.as_ref(), &Outcome::new(OutcomeKind::DryRun));
            }
            Passage::Declined(declined) => {
                let kind =
                    if declined.cancelled { "confirmation_cancelled" } else { "confirmation_declined" };
                self.record_event(None, &Outcome::denied(kind));
            }
        }
    }

    fn record_event(&self, preview: Option<&Preview>, outcome: &Outcome<'_>) {
        let guard = &self.guard;
        let Some(recorder) = &guard.inner.recorder else { return };
        self.with_intent(recorder, preview, None, |intent| recorder.audit.record(intent, outcome));
    }

    /// What the record says of this request.
    fn with_intent<T>(
        &self,
        recorder: &Recorder,
        preview: Option<&Preview>,
        confirmed: Option<&Confirmed>,
        then: impl FnOnce(&Intent<'_>) -> T,
    ) -> T {
        let trail = &self.trail;
        let tool = self.target.as_deref().filter(|_| self.method == "tools/call");
        let rules = tool.and_then(|tool| recorder.tools.get(tool)).and_then(|rules| rules.input.as_ref());
        let message = trail.message.as_ref();
        let params = message.and_then(|message| match tool {
            Some(_) => message.arguments(),
            None => message.params(),
        });
        let preview = preview.and_then(|preview| serde_json::to_vec(preview).ok());
        let preview = preview.as_deref().and_then(read);
        let by = confirmed.map(|confirmed| match &confirmed.by {
            Voucher::User { subject, .. } => subject.as_str(),
            _ => "",
        });
        let principal = self.principal.as_ref();
        let authenticated =
            principal.map(|principal| if principal.api_key().is_some() { "api_key" } else { "token" });
        then(&Intent {
            principal,
            authenticated,
            address: self.address,
            agent: trail.agent.as_deref(),
            client: (!trail.software.is_empty()).then_some((trail.software.as_str(), "")),
            era: Some(self.revision.as_str()),
            session: self.session.as_deref(),
            trace: trail.trace.as_deref(),
            method: (!self.method.is_empty()).then_some(self.method),
            target: self.target.as_deref(),
            effect: match trail.effect {
                None | Some(Effect::Read) => audit::Effect::Read,
                Some(Effect::Write) => audit::Effect::Write,
                Some(Effect::Destructive) => audit::Effect::Destructive,
            },
            required: None,
            params: params.map(|params| Shown::new(params, rules)),
            preview: preview.map(|preview| Shown::new(preview, rules)),
            confirmation: confirmed.zip(by).map(|(confirmed, by)| audit::Confirmed {
                way: confirmed.way.as_str(),
                vouched: confirmed.by.as_str(),
                by,
                at: confirmed.at,
            }),
            reason: None,
        })
    }

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
                let tool = target.as_deref().and_then(|tool| recorder?.tools.get(tool));
                finish(ticket, body, tool.and_then(|tool| tool.output.as_ref()));
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

    /// Takes down that the service failed, or answered what is no response.
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
    let is_error = result.and_then(|result| result.get("isError")).and_then(Raw::as_bool) == Some(true);
    let structured = result.and_then(|result| result.get("structuredContent"));
    let shown = match (structured, result) {
        (Some(structured), _) => Some(Shown::new(structured, rules)),
        (None, Some(result)) => Some(Shown::new(result, None)),
        (None, None) => None,
    };
    let outcome = if is_error { Outcome::failed("tool_error") } else { Outcome::succeeded() };
    ticket.finish(&match shown {
        Some(shown) => outcome.result(shown),
        None => outcome,
    });
}

fn read(json: &[u8]) -> Option<Raw<'_>> {
    let limits = Limits::default().with_max_bytes(usize::MAX).with_max_depth(Limits::DEEPEST);
    Raw::parse(json, &limits).ok()
}
