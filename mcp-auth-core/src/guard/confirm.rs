//! The confirmation of a tool's call: what the gate is asked, and what its answer does.
//!
//! 1. The gate is asked about every call of a tool that its scopes allow. A tool without a rule has the one for what is
//!    destructive if it is that, or else the default: a dry run is one whatever the policy.
//! 2. Only a passage runs the call; whatever else the gate says is answered, counted and logged.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, header};

use super::exchange::accept_plain;
use super::{AskThenForward, Decision, Exchange, Forward};
use crate::confirm::{Call, Pass, Passage, Question, Rule, Sent};
use crate::mcp::Message;
use crate::policy::Effect;

impl Exchange {
    pub(super) async fn ask_gate(
        &self,
        parts: &Parts,
        message: &Message,
        tool: &str,
        effect: Effect,
    ) -> Passage {
        let inner = &self.guard.inner;
        let without;
        let rule = match inner.policy.rule(tool) {
            Some(rule) => rule,
            None => {
                without = if effect == Effect::Destructive { Rule::destructive() } else { Rule::default() };
                &without
            }
        };
        let (principal, session) = (self.principal.as_ref(), self.session.as_deref());
        let (client, extensions) = (self.client, Some(&parts.extensions));
        inner.gate.check(Call { principal, message, tool, rule, client, session, extensions }).await
    }

    /// Does what the gate said.
    pub(super) async fn act(self: Box<Self>, passage: Passage, parts: &mut Parts, body: Bytes) -> Decision {
        self.record_passage(&passage);
        match passage {
            Passage::Pass(pass) => match self.pass(pass, parts, body).await {
                Ok(forward) => Decision::Forward(forward),
                Err(response) => Decision::Respond(response),
            },
            Passage::Ask(Question { way, sent: Sent::Event(question), .. }) => {
                self.note_call("asked", way.as_str());
                Decision::AskThenForward(AskThenForward::new(self, question, body))
            }
            other => Decision::Respond(self.gate_answer(&other)),
        }
    }

    /// Lets the call run, without what is the gate's in it, once it is taken down.
    ///
    /// # Errors
    /// The answer to give instead.
    pub(super) async fn pass(
        mut self: Box<Self>,
        pass: Pass,
        parts: &mut Parts,
        body: Bytes,
    ) -> Result<Forward, Response<Bytes>> {
        if let Err(refusal) = self.begin(pass.confirmed.as_deref()).await {
            return Err(self.refuse(&refusal));
        }
        match pass.confirmed {
            Some(confirmed) => {
                metrics::counter!("mcp_auth_requests_total", "outcome" => "forwarded", "kind" => "confirmed")
                    .increment(1);
                let (subject, client, target) = self.names();
                let (way, by) = (confirmed.way.as_str(), confirmed.by.as_str());
                tracing::info!(kind = "confirmed", way, by, subject, client, target, "a call was confirmed");
                parts.extensions.insert(*confirmed);
            }
            None => self.guard.inner.meters.forwarded(),
        }
        self.continuation = pass.continuation;
        if self.reads_answer() {
            accept_plain(&mut parts.headers);
        }
        let body = match pass.body {
            Some(edited) => {
                if parts.headers.contains_key(header::CONTENT_LENGTH) {
                    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(edited.len()));
                }
                edited
            }
            None => body,
        };
        Ok(Forward { body, exchange: self })
    }

    /// The answer to a call that does not run now.
    pub(super) fn gate_answer(&self, passage: &Passage) -> Response<Bytes> {
        match passage {
            Passage::Refused(refusal) => return self.refuse(&refusal.clone().into()),
            Passage::Ask(question) => self.note_call("asked", question.way.as_str()),
            Passage::DryRun(_) => self.note_call("answered", "dry_run"),
            Passage::Declined(declined) if declined.cancelled => {
                self.note_call("refused", "confirmation_cancelled")
            }
            Passage::Declined(_) => self.note_call("refused", "confirmation_declined"),
            Passage::Pass(_) => {}
        }
        let Some((status, body)) = passage.answer(self.id.as_ref(), self.is_modern()) else {
            let why = "a passage that has no answer".to_owned();
            return self.refuse(&crate::confirm::GateRefusal::Unavailable(why).into());
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.finish_own(response)
    }

    /// One log line and one count for what was asked or answered.
    pub(super) fn note_call(&self, outcome: &'static str, kind: &'static str) {
        metrics::counter!("mcp_auth_requests_total", "outcome" => outcome, "kind" => kind).increment(1);
        let (subject, client, target) = self.names();
        tracing::info!(kind, subject, client, target, "a call was {outcome}");
    }

    fn names(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        let principal = self.principal.as_ref();
        (
            principal.map(|principal| principal.subject()),
            principal.and_then(|principal| principal.client_id()),
            self.target.as_deref(),
        )
    }
}
