//! What a call takes of the budget of its class.
//!
//! 1. A call that needs no confirmation is counted when it comes, any other when it was confirmed: a question costs nothing.
//! 2. Beyond the budget a call is refused, confirmed or not, or it needs what [`Excess`] says, if that is more than what is
//!    declared. Looked at before somebody is asked, and again when they have agreed: of many questions that were asked while there
//!    was room, only so many run.

use super::Ours;
use super::show::Shown;
use crate::confirm::{Budget, Confirmation, Excess, GateRefusal, Overspent, Way, choose};

impl Ours<'_> {
    fn budget(&self) -> Option<(&str, &Budget)> {
        let class = self.call.rule.class.as_deref()?;
        Some((class, self.gate.budgets.get(class)?))
    }

    /// True if it has to be known what a call touches before it is known what it needs.
    pub(super) fn has_to_look(&self) -> bool {
        self.call.rule.previewer.is_some()
            && self.budget().is_some_and(|(_, budget)| budget.counts_affected())
    }

    /// What a call that comes needs, and by how much its budget is overspent. One that needs nothing was counted.
    pub(super) fn needs(
        &self,
        shown: Option<&Shown>,
    ) -> Result<(Confirmation, Option<Overspent>), GateRefusal> {
        let declared = self.call.rule.confirmation;
        let Some((class, budget)) = self.budget() else { return Ok((declared, None)) };
        let (who, now) = (self.who(), self.gate.clock.now());
        let affected = shown.map_or(1, Shown::count);
        let room = match declared {
            Confirmation::None => budget.spend(who, class, affected, now),
            _ => budget.room(who, class, affected, now),
        };
        match (room, budget.excess()) {
            (Ok(()), _) => Ok((declared, None)),
            (Err(over), Excess::Refuse) => Err(refused(over)),
            (Err(over), Excess::Confirm(more)) => Ok((beyond(declared, more), Some(over))),
        }
    }

    /// Counts a call that was confirmed in this `way`; the way to ask in, if that is not enough any more.
    pub(super) fn spend(&self, way: Way, shown: &Shown) -> Result<Option<Way>, GateRefusal> {
        let Some((class, budget)) = self.budget() else { return Ok(None) };
        let (who, affected, now) = (self.who(), shown.count(), self.gate.clock.now());
        match (budget.spend(who, class, affected, now), budget.excess()) {
            (Ok(()), _) => Ok(None),
            (Err(over), Excess::Refuse) => Err(refused(over)),
            (Err(over), Excess::Confirm(more)) => match self.way(beyond(self.call.rule.confirmation, more)) {
                Way::Refused => Err(refused(over)),
                needed if needed.proves() > way.proves() => Ok(Some(needed)),
                _ => {
                    budget.spend_confirmed(who, class, affected, now);
                    Ok(None)
                }
            },
        }
    }

    /// The way by which this client is asked.
    pub(super) fn way(&self, wanted: Confirmation) -> Way {
        choose(wanted, self.call.rule.fallback, self.call.client, self.gate.approvals.is_some())
    }
}

pub(super) fn refused(over: Overspent) -> GateRefusal {
    GateRefusal::Budget { retry_after: over.retry_after }
}

fn beyond(declared: Confirmation, more: Confirmation) -> Confirmation {
    declared.max(more).max(Confirmation::TwoStep)
}
