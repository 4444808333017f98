//! What follows from a rule and the gate's settings alone.

use super::Inner;
use crate::config::ConfigErrors;
use crate::confirm::{Client, Confirmation, Excess, Fallback, Rule, Way, choose};

impl Inner {
    /// What a tool needs, or would need beyond its budget.
    pub(super) fn wants(&self, rule: &Rule) -> Confirmation {
        let budget = rule.class.as_ref().and_then(|class| self.budgets.get(class));
        match (rule.confirmation, budget.map(|budget| budget.excess())) {
            (Confirmation::None, Some(Excess::Confirm(beyond))) => beyond.max(Confirmation::TwoStep),
            (confirmation, _) => confirmation,
        }
    }

    /// Whether this client is asked in two steps.
    pub(super) fn uses_tokens(&self, rule: &Rule, client: Client) -> bool {
        choose(self.wants(rule), rule.fallback, client, self.approvals.is_some()) == Way::TwoStep
    }

    pub(super) fn report(&self, tool: &str, rule: &Rule, errors: &mut ConfigErrors) {
        let wants = self.wants(rule);
        let budget = rule.class.as_ref().and_then(|class| self.budgets.get(class));
        let beyond = budget.is_some_and(|budget| budget.excess() == Excess::Confirm(Confirmation::Approve));
        let needs_page = wants == Confirmation::Approve || rule.fallback == Fallback::Approve || beyond;
        if needs_page && self.approvals.is_none() {
            errors.push(
                format!("tool `{tool}` is to be approved, and there is no approval page"),
                "give the gate its `approvals`, or the tool another confirmation",
            );
        }
        if rule.four_eyes.is_some() && !needs_page {
            errors.push(
                format!("tool `{tool}` demands four eyes and no approval"),
                "use `Confirmation::Approve`: nobody else is asked in any other way",
            );
        }
        if rule.four_eyes.is_some() && rule.fallback == Fallback::TwoStep {
            errors.push(
                format!("tool `{tool}` demands four eyes, and lets others confirm for themselves"),
                "drop the fallback, or the four eyes",
            );
        }
        if rule.phrase.is_some() && wants <= Confirmation::TwoStep {
            errors.push(
                format!("tool `{tool}` demands typed words that nobody is asked for"),
                "use `Confirmation::Elicit` or `Approve`: a model would type the words of a second step itself",
            );
        }
    }
}
