//! A call that brings no answer.

use bytes::Bytes;

use super::show::Shown;
use super::spend::refused;
use super::{Ours, ROUNDS};
use crate::confirm::approval::{Asked, Found, NewApproval};
use crate::confirm::ask::form::{self, Reply};
use crate::confirm::ask::stream::{self, OwnedCall, StreamQuestion};
use crate::confirm::ask::two_step::TOKEN_ARGUMENT;
use crate::confirm::ask::wire;
use crate::confirm::seal::{Purpose, State};
use crate::confirm::text::safe;
use crate::confirm::{Confirmed, Declined, GateRefusal, Pass, Passage, Question, Sent, Voucher, Way};
use crate::mcp::{Era, Revision, edit_members};

impl Ours<'_> {
    pub(super) async fn fresh(&self) -> Result<Passage, GateRefusal> {
        let shown = if self.has_to_look() { Some(self.show().await?) } else { None };
        let (wanted, over) = self.needs(shown.as_ref())?;
        match (self.way(wanted), over) {
            (Way::Free, _) => Ok(self.pass(None, None)),
            (Way::Refused, Some(over)) => Err(refused(over)),
            (Way::Refused, None) => Err(GateRefusal::ClientCannot),
            (way, _) if way.is_page() => self.page(way).await,
            (way, _) => {
                let shown = match shown {
                    Some(shown) => shown,
                    None => self.show().await?,
                };
                self.ask(way, shown, 0, None).await
            }
        }
    }

    /// Asks in this way; `note` says why again.
    pub(super) async fn ask(
        &self,
        way: Way,
        shown: Shown,
        round: u8,
        note: Option<&str>,
    ) -> Result<Passage, GateRefusal> {
        if round >= ROUNDS {
            return Err(GateRefusal::NotConfirmed);
        }
        let note = note.map_or(String::new(), |note| format!("{note}\n\n"));
        let message = format!("{note}{}", shown.text);
        let gate = self.gate;
        let expires_at = gate.clock.now().plus(gate.good_for);
        let sealed = |purpose| {
            State::new(purpose, expires_at, shown.seen)
                .and_then(|state| gate.seal.seal(&State { round, ..state }, &self.binding))
                .ok_or_else(|| GateRefusal::Unavailable("a state could not be sealed".to_owned()))
        };
        let (id, phrase) = (self.call.message.id(), self.call.rule.phrase);
        let sent = match way {
            Way::Mrtr => {
                let params = form::params(&message, phrase, true);
                Sent::Answer(wire::input_required(id, params, Some(&sealed(Purpose::Form)?)))
            }
            Way::TwoStep => {
                let (token, tool) = (sealed(Purpose::Token)?, safe(self.call.tool, 100));
                let minutes = gate.good_for.as_secs().div_ceil(60);
                let text = format!(
                    "Not run yet. Show this to the user:\n\n{message}\n\nOnly if the user agrees, call {tool} again \
                     with the same arguments and \"{TOKEN_ARGUMENT}\": \"{token}\". The token is good once, for \
                     {minutes} minutes."
                );
                Sent::Answer(wire::text(id, &text, true, self.call.client.era.is_modern()))
            }
            Way::Elicitation if self.call.session.is_some() => {
                let has_modes = self.call.client.era.revision() >= Revision::V2025_11_25;
                let question = stream::new_id()
                    .ok_or_else(|| GateRefusal::Unavailable("there is no randomness".to_owned()))?;
                let until = gate.clock.now().plus(gate.answer_within);
                let store = gate.store.as_ref();
                let place = stream::open(store, &gate.dropped, &question, self.call, until).await?;
                let place = place.ok_or(GateRefusal::TooManyWaiting)?;
                let event = wire::elicitation_request(&question, &form::params(&message, phrase, has_modes));
                Sent::Event(Box::new(StreamQuestion {
                    id: question,
                    place,
                    event,
                    seen: shown.seen,
                    round,
                    call: OwnedCall::of(self.call),
                }))
            }
            _ => return Err(GateRefusal::ClientCannot),
        };
        Ok(Passage::Ask(Question { way, preview: shown.preview, sent }))
    }

    /// A call that a person decides about on a page, whether it was asked before or not.
    async fn page(&self, way: Way) -> Result<Passage, GateRefusal> {
        let Some(approvals) = &self.gate.approvals else { return Err(GateRefusal::ClientCannot) };
        let reply = match self.response()? {
            Some(reply) => {
                Some(Reply::read(reply).ok_or(GateRefusal::Malformed("inputResponses: no such answer"))?)
            }
            None => None,
        };
        let mut found = approvals.find(&self.binding).await?;
        if reply.as_ref().is_some_and(|reply| !reply.agrees()) {
            // Also if the page says yes: whoever asked takes the call back.
            if let Found::Waits { id } | Found::Decided { id, .. } = &found {
                approvals.take(&self.binding, id).await?;
            }
            return Ok(Passage::Declined(Declined { way, by: Voucher::Client, cancelled: false }));
        }
        if let (Found::Waits { id }, Some(_)) = (&found, &reply) {
            // The client has opened the link and comes back at once: the person is still reading.
            found = approvals.wait(&self.binding, id, self.gate.page_within).await?;
        }
        match found {
            Found::Waits { id } => self.link(way, approvals.link(&id), &id, None, None),
            Found::Nothing => self.new_page(way, None).await,
            Found::Decided { id, verdict, seen } => {
                // Before it is used up: a preview that fails now must not cost somebody's approval. Nor does a used-up budget:
                // `needs` has looked.
                let shown = if verdict.approved { Some(self.show().await?) } else { None };
                if !approvals.take(&self.binding, &id).await? {
                    return self.new_page(way, None).await;
                }
                let by = Voucher::User {
                    issuer: verdict.issuer,
                    subject: verdict.subject,
                    reason: verdict.reason,
                };
                match shown {
                    None => Ok(Passage::Declined(Declined { way, by, cancelled: false })),
                    Some(shown) if shown.seen.map(|seen| seen.to_string()) == seen => {
                        self.confirmed(way, by, shown).await
                    }
                    Some(_) => self.new_page(way, Some(CHANGED)).await,
                }
            }
        }
    }

    async fn new_page(&self, way: Way, note: Option<&str>) -> Result<Passage, GateRefusal> {
        let Some(approvals) = &self.gate.approvals else { return Err(GateRefusal::ClientCannot) };
        let four_eyes = self.call.rule.four_eyes.as_deref();
        let Some(principal) = self.call.principal else { return Err(GateRefusal::NobodyToApprove) };
        if four_eyes.is_none() && !self.can_sign_in(principal) {
            return Err(GateRefusal::NobodyToApprove);
        }
        let shown = self.show().await?;
        let new = NewApproval {
            issuer: principal.issuer(),
            subject: principal.subject(),
            client: principal.client_id().or(principal.api_key().map(|key| key.name.as_str())),
            tool: self.call.tool,
            text: &shown.text,
            phrase: self.call.rule.phrase,
            four_eyes,
            seen: shown.seen,
        };
        match approvals.ask(&self.binding, new).await? {
            Asked::Waits(id) => self.link(way, approvals.link(&id), &id, Some(shown), note),
            Asked::TooMany => Err(GateRefusal::TooManyWaiting),
        }
    }

    fn link(
        &self,
        way: Way,
        url: String,
        approval: &str,
        shown: Option<Shown>,
        note: Option<&str>,
    ) -> Result<Passage, GateRefusal> {
        let id = self.call.message.id();
        let who = match self.call.rule.four_eyes {
            Some(_) => "somebody else who may approve it",
            None => "you",
        };
        let note = note.map_or(String::new(), |note| format!("{note} "));
        let tool = safe(self.call.tool, 100);
        let text = format!("{note}The call of {tool} has to be approved by {who} on a page.");
        let sent = Sent::Answer(match way {
            Way::PageByMrtr => wire::input_required(id, wire::link(&text, &url), None),
            Way::PageByError => wire::link_error(id, approval, &text, &url),
            _ => {
                let text = format!(
                    "Not run yet. {text} Open {url} and decide; then repeat this call with the same arguments."
                );
                wire::text(id, &text, true, matches!(self.call.client.era, Era::Modern))
            }
        });
        Ok(Passage::Ask(Question { way, preview: shown.and_then(|shown| shown.preview), sent }))
    }

    /// Lets a call run that was confirmed in this way, unless it needs more by now.
    pub(super) async fn confirmed(
        &self,
        way: Way,
        by: Voucher,
        shown: Shown,
    ) -> Result<Passage, GateRefusal> {
        match self.spend(way, &shown)? {
            Some(needed) if needed.is_page() => return self.new_page(needed, Some(BEYOND)).await,
            Some(needed) => return self.ask(needed, shown, 0, Some(BEYOND)).await,
            None => {}
        }
        let at = self.gate.clock.now();
        Ok(self.pass(Some(Confirmed { way, by, at, preview: shown.preview }), None))
    }

    /// Lets the call run, without what is ours in it.
    pub(super) fn pass(&self, confirmed: Option<Confirmed>, own_state: Option<Option<&str>>) -> Passage {
        Passage::Pass(Pass {
            body: self.body(own_state),
            continuation: self.continuation(confirmed.as_ref()),
            confirmed: confirmed.map(Box::new),
        })
    }

    /// The body to forward; `None` if it is the original one. With `own_state`, the tool's own question was answered:
    /// the answers stay, and its state is put back.
    fn body(&self, own_state: Option<Option<&str>>) -> Option<Bytes> {
        let message = self.call.message;
        let (params, arguments) = (message.params()?, self.forwarded_arguments());
        let own_state_json = own_state.flatten().map(|state| serde_json::Value::from(state).to_string());
        let mut edits: Vec<(&str, Option<&[u8]>)> = Vec::with_capacity(3);
        if message.param("requestState").is_some() {
            edits.push(("requestState", own_state_json.as_deref().map(str::as_bytes)));
        }
        if own_state.is_none() && message.param("inputResponses").is_some() {
            edits.push(("inputResponses", None));
        }
        if message.arguments().is_some_and(|sent| sent.bytes().len() != arguments.len()) {
            edits.push(("arguments", Some(&arguments)));
        }
        (!edits.is_empty()).then(|| edit_members(message.body(), params, &edits).into())
    }
}

/// Why somebody is asked again.
pub(super) const CHANGED: &str =
    "What was shown before has changed since. Nothing was done; please look again.";
/// Why somebody is asked for more than before.
const BEYOND: &str = "Nothing was done: so many calls were made by now that this one needs more than that.";
