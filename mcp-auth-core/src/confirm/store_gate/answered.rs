//! What came back: the answer to a form, a token, the state of a tool that asks itself, an answer in a session.

use super::Ours;
use super::fresh::CHANGED;
use crate::confirm::ask::form::{Answer, Reply};
use crate::confirm::seal::{Purpose, State};
use crate::confirm::{
    Confirmation, Declined, Digest, Fallback, GateRefusal, Overspent, Passage, StateRefusal, Voucher, Way,
};

const NOT_TYPED: &str = "That was not confirmed as demanded. Nothing was done.";

impl Ours<'_> {
    /// A state came back: of our question, or of the tool's own.
    pub(super) async fn came_back(&self, state: &str) -> Result<Passage, GateRefusal> {
        let state = self.open(state, &[Purpose::Form, Purpose::Continued])?;
        if state.purpose == Purpose::Continued {
            // If the call had to be confirmed it was, before: the tool gets that and its own state back.
            self.consume(&state).await?;
            return Ok(self.pass(state.confirmed, Some(state.nested.as_deref())));
        }
        // A form does not stand for a page, even if it was asked when the rule was another.
        if self.gate.wants(self.call.rule) == Confirmation::Approve {
            return Err(StateRefusal::Forged.into());
        }
        let reply = match self.response()? {
            Some(reply) => {
                Some(Reply::read(reply).ok_or(GateRefusal::Malformed("inputResponses: no such answer"))?)
            }
            None => None,
        };
        self.consume(&state).await?;
        self.judge(Way::Mrtr, reply.as_ref(), state.seen, state.round).await
    }

    /// A token was repeated.
    pub(super) async fn second_step(&self, token: &str) -> Result<Passage, GateRefusal> {
        let state = self.open(token, &[Purpose::Token])?;
        if self.gate.wants(self.call.rule) > Confirmation::TwoStep
            && self.call.rule.fallback != Fallback::TwoStep
        {
            return Err(StateRefusal::Forged.into());
        }
        self.consume(&state).await?;
        let shown = self.show().await?;
        if shown.seen != state.seen {
            return self.ask(Way::TwoStep, shown, 0, Some(CHANGED)).await;
        }
        self.confirmed(Way::TwoStep, Voucher::Client, shown).await
    }

    /// An answer in a session, or none in time.
    pub(super) async fn settle(
        &self,
        reply: Option<Reply>,
        seen: Option<Digest>,
        round: u8,
    ) -> Result<Passage, GateRefusal> {
        self.judge(Way::Elicitation, Some(&reply.ok_or(GateRefusal::NoAnswer)?), seen, round).await
    }

    async fn judge(
        &self,
        way: Way,
        reply: Option<&Reply>,
        seen: Option<Digest>,
        round: u8,
    ) -> Result<Passage, GateRefusal> {
        let round = round.saturating_add(1);
        match reply.map(|reply| reply.judge(self.call.rule.phrase)) {
            None => self.ask(way, self.show().await?, round, None).await,
            Some(Answer::TooWeak) => self.ask(way, self.show().await?, round, Some(NOT_TYPED)).await,
            Some(Answer::Declined) => {
                Ok(Passage::Declined(Declined { way, by: Voucher::Client, cancelled: false }))
            }
            Some(Answer::Cancelled) => {
                Ok(Passage::Declined(Declined { way, by: Voucher::Client, cancelled: true }))
            }
            Some(Answer::Accepted) => {
                let shown = self.show().await?;
                if shown.seen != seen {
                    return self.ask(way, shown, round, Some(CHANGED)).await;
                }
                self.confirmed(way, Voucher::Client, shown).await
            }
        }
    }

    fn open(&self, text: &str, purposes: &[Purpose]) -> Result<State, GateRefusal> {
        Ok(self.gate.seal.open(text, purposes, &self.binding, self.gate.clock.now())?)
    }

    async fn consume(&self, state: &State) -> Result<(), GateRefusal> {
        let (used, now) = (&self.gate.used, self.gate.clock.now());
        used.spend(self.who(), "", 1, now)
            .map_err(|Overspent { retry_after }| GateRefusal::TooManyUsed { retry_after })?;
        match state.consume(self.gate.store.as_ref()).await? {
            true => Ok(()),
            false => Err(StateRefusal::Replayed.into()),
        }
    }
}
