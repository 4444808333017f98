//! The record of a request: what it wants before it runs, what became of it after (`outcome.rs`).
//!
//! 1. What is let through is taken down before it is forwarded; if that fails it does not run: 503.
//! 2. What is refused, asked about, declined or only previewed is taken down where it ends; of what anybody can cause, no more than a
//!    few (`sparing.rs`).
//! 3. Secrets are taken out by the tool's schemas and by the rules of [`Audit`] before anything is queued. Parameters of what is not
//!    known to be asked for are not taken down at all.

use std::collections::HashMap;

use super::outcome::Running;
use super::sparing::Sparing;
use super::{Exchange, Refusal};
use crate::audit::{self, Audit, Intent, Outcome, OutcomeKind, Rules, Shown};
use crate::confirm::{Confirmed, Declined, Passage, Preview, Question, Voucher};
use crate::mcp::{Limits, Raw};
use crate::policy::{Effect, ScopePolicy};
use crate::principal::{CredentialKind, Principal};

/// Where a guard records, and what the tools' schemas say is secret.
pub(super) struct Recorder {
    pub(super) audit: Audit,
    tools: HashMap<Box<str>, ToolRules>,
    sparing: Sparing,
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
        Self { audit, tools: compiled.collect(), sparing: Sparing::new() }
    }

    /// What a tool's arguments hold that is secret.
    fn input(&self, tool: Option<&str>) -> Option<&Rules> {
        self.tools.get(tool?)?.input.as_ref()
    }

    /// What a tool's result holds that is secret.
    pub(super) fn output(&self, tool: Option<&str>) -> Option<&Rules> {
        self.tools.get(tool?)?.output.as_ref()
    }
}

/// What the gate knows of a call.
#[derive(Default)]
struct Said<'a> {
    preview: Option<&'a Preview>,
    confirmation: Option<audit::Confirmed<'a>>,
}

impl Exchange {
    /// Takes down what is about to run, and keeps room for what becomes of it.
    pub(super) async fn begin(&mut self, confirmed: Option<&Confirmed>) -> Result<(), Refusal> {
        let guard = self.guard.clone();
        let Some(recorder) = &guard.inner.recorder else { return Ok(()) };
        if self.id.is_none() {
            return Ok(());
        }
        match self.trail.effect {
            Some(Effect::Write | Effect::Destructive) => recorder.sparing.write(self)?,
            None | Some(Effect::Read) if !recorder.sparing.takes_open(self) => return Ok(()),
            None | Some(Effect::Read) => {}
        }
        let said = confirmed.map(|confirmed| self.confirmed(confirmed)).unwrap_or_default();
        let begun = self.with_intent(recorder, &said, |intent| recorder.audit.begin(intent));
        match Box::pin(begun).await {
            Ok(ticket) => {
                self.running = Some(Running::new(self, ticket));
                Ok(())
            }
            Err(error) => Err(Refusal::Unrecorded(error)),
        }
    }

    /// Takes down a refusal.
    pub(super) fn record_refusal(&self, refusal: &Refusal) {
        if self.guard.inner.recorder.as_ref().is_some_and(|recorder| recorder.sparing.takes(self, refusal)) {
            self.record_event(&Said::default(), &Outcome::denied(refusal.kind()));
        }
    }

    /// Takes down a call that the gate keeps from running.
    pub(super) fn record_passage(&self, passage: &Passage) {
        let (said, outcome) = match passage {
            // What passes is taken down as an intent, and a refusal where it is answered.
            Passage::Pass(_) | Passage::Refused(_) => return,
            Passage::Ask(question) => (asked(question), Outcome::new(OutcomeKind::Pending)),
            Passage::DryRun(question) => (asked(question), Outcome::new(OutcomeKind::DryRun)),
            Passage::Declined(declined) => {
                let kind =
                    if declined.cancelled { "confirmation_cancelled" } else { "confirmation_declined" };
                (self.declined(declined), Outcome::denied(kind))
            }
        };
        if self.guard.inner.recorder.as_ref().is_some_and(|recorder| recorder.sparing.takes_open(self)) {
            self.record_event(&said, &outcome);
        }
    }

    fn confirmed<'a>(&'a self, confirmed: &'a Confirmed) -> Said<'a> {
        let answer = audit::Confirmed { at: Some(confirmed.at), ..self.voucher(&confirmed.by) };
        let confirmation = Some(audit::Confirmed { way: confirmed.way.as_str(), ..answer });
        Said { preview: confirmed.preview.as_ref(), confirmation }
    }

    fn declined<'a>(&'a self, declined: &'a Declined) -> Said<'a> {
        let answer =
            audit::Confirmed { at: Some(self.guard.inner.clock.now()), ..self.voucher(&declined.by) };
        Said { preview: None, confirmation: Some(audit::Confirmed { way: declined.way.as_str(), ..answer }) }
    }

    /// Who answered. For what a client says, its principal: the record says that nobody else vouches for it.
    fn voucher<'a>(&'a self, by: &'a Voucher) -> audit::Confirmed<'a> {
        let (by_whom, reason) = match by {
            Voucher::User { subject, reason, .. } => (Some(subject.as_str()), reason.as_deref()),
            Voucher::Client => (self.principal.as_ref().map(|principal| principal.subject()), None),
        };
        audit::Confirmed { vouched: Some(by.as_str()), by: by_whom, reason, ..Default::default() }
    }

    fn record_event(&self, said: &Said<'_>, outcome: &Outcome<'_>) {
        let guard = &self.guard;
        let Some(recorder) = &guard.inner.recorder else { return };
        self.with_intent(recorder, said, |intent| recorder.audit.record(intent, outcome));
    }

    /// What the record says of this request.
    fn with_intent<T>(&self, recorder: &Recorder, said: &Said<'_>, then: impl FnOnce(&Intent<'_>) -> T) -> T {
        let trail = &self.trail;
        let tool = self.target.as_deref().filter(|_| self.method == "tools/call");
        let rules = recorder.input(tool);
        // Of what is not known, a tool that nobody declared included, no schema says what in it is secret.
        let is_known = match tool {
            Some(_) => rules.is_some() || trail.effect.is_some(),
            None => !self.method.is_empty(),
        };
        let message = trail.message.as_ref().filter(|_| is_known);
        let params = message.and_then(|message| match tool {
            Some(_) => message.arguments(),
            None => message.params(),
        });
        let preview = said.preview.and_then(|preview| serde_json::to_vec(preview).ok());
        let preview = preview.as_deref().and_then(read);
        let (agent, trace, reason) = (trail.agent(), trail.trace(), trail.reason());
        let principal = self.principal.as_ref();
        let kind = principal.and_then(Principal::credential_kind);
        let authenticated = kind.map(CredentialKind::as_str).or(principal.map(|_| "token"));
        let software = &trail.software;
        then(&Intent {
            principal,
            authenticated,
            proof: trail.proof,
            address: self.address,
            agent: agent.as_deref(),
            client: (!software.is_empty()).then_some((software.name.as_str(), software.version.as_str())),
            era: Some(self.revision.as_str()),
            session: trail.session,
            trace: trace.as_deref(),
            method: (!self.method.is_empty()).then_some(self.method),
            target: self.target.as_deref(),
            effect: match trail.effect {
                None | Some(Effect::Read) => audit::Effect::Read,
                Some(Effect::Write) => audit::Effect::Write,
                Some(Effect::Destructive) => audit::Effect::Destructive,
            },
            required: trail.required.as_ref(),
            params: params.map(|params| Shown::new(params, rules)),
            preview: preview.map(|preview| Shown::new(preview, rules)),
            confirmation: said.confirmation,
            reason: reason.as_deref(),
        })
    }
}

/// What is asked about, and how.
fn asked(question: &Question) -> Said<'_> {
    let confirmation = audit::Confirmed { way: question.way.as_str(), ..Default::default() };
    Said { preview: question.preview.as_ref(), confirmation: Some(confirmation) }
}

pub(super) fn read(json: &[u8]) -> Option<Raw<'_>> {
    let limits = Limits::default().with_max_bytes(usize::MAX).with_max_depth(Limits::DEEPEST);
    Raw::parse(json, &limits).ok()
}
