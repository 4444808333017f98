//! One declaration: what a tool, resource, prompt or method needs.

use std::fmt;
use std::sync::Arc;

use super::Arguments;
use crate::confirm::{Previewer, Rule};
use crate::scope::ScopeSet;

/// What a call does to the world, the harmless first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Adds or changes something.
    Write,
    /// Removes or overwrites something.
    Destructive,
}

/// How a caller who lacks a scope is answered; where several apply, the last of this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// 403 with a challenge that names the scopes, so that the client can step up.
    #[default]
    Challenge,
    /// A tool result with `isError`, for clients that show it to the model. Other methods: as `Challenge`.
    ToolError,
    /// As if it did not exist: absent from lists, "not found" when called.
    Hide,
}

type ByArguments = Arc<dyn Fn(&Arguments<'_>) -> String + Send + Sync>;

#[derive(Clone)]
pub(super) enum Need {
    Public,
    Scopes { at_least: ScopeSet, more: Vec<ByArguments> },
}

const NO_SCOPES: [&str; 2] = [
    "its scopes are not a scope list",
    "name at least one scope, separated by spaces; use `public()` if no token is needed",
];
const PUBLIC_WITH_SCOPES: [&str; 2] = [
    "it is public, and its arguments demand scopes",
    "begin with `read`, `write` or `destructive` and a scope",
];

/// One declaration. It drives listing, calling and auditing.
#[derive(Clone)]
#[must_use = "hand it to `ToolPolicies`"]
pub struct ToolPolicy {
    pub(super) need: Need,
    pub(super) effect: Effect,
    pub(super) denial: Denial,
    pub(super) rule: Rule,
    /// What is wrong, and its fix.
    pub(super) problem: Option<[&'static str; 2]>,
}

/// Changes nothing; needs `scopes` (space-separated, at least one).
pub fn read(scopes: &str) -> ToolPolicy {
    ToolPolicy::new(Effect::Read, scopes, Rule::default())
}

/// Adds or changes something; needs `scopes` (space-separated, at least one). Runs without a question, and counts in the
/// write budget ([`Rule::write`]).
pub fn write(scopes: &str) -> ToolPolicy {
    ToolPolicy::new(Effect::Write, scopes, Rule::write())
}

/// Removes or overwrites something; needs `scopes` (space-separated, at least one). A tool runs only after the client has asked
/// its user ([`Rule::destructive`]).
pub fn destructive(scopes: &str) -> ToolPolicy {
    ToolPolicy::new(Effect::Destructive, scopes, Rule::destructive())
}

/// Open to everybody, without a token; changes nothing.
pub fn public() -> ToolPolicy {
    ToolPolicy {
        need: Need::Public,
        effect: Effect::Read,
        denial: Denial::Challenge,
        rule: Rule::default(),
        problem: None,
    }
}

impl ToolPolicy {
    fn new(effect: Effect, scopes: &str, rule: Rule) -> Self {
        let at_least = ScopeSet::parse(scopes).unwrap_or_default();
        let problem = at_least.is_empty().then_some(NO_SCOPES);
        let need = Need::Scopes { at_least, more: Vec::new() };
        Self { need, effect, denial: Denial::Challenge, rule, problem }
    }

    /// Needs more scopes, depending on the arguments: `more` returns them space-separated, or an empty text for none.
    /// A text that is no scope list refuses the call. Of several functions each counts; what is public has none.
    pub fn and_by_arguments(
        mut self,
        more: impl Fn(&Arguments<'_>) -> String + Send + Sync + 'static,
    ) -> Self {
        match &mut self.need {
            Need::Public => self.problem = Some(PUBLIC_WITH_SCOPES),
            Need::Scopes { more: functions, .. } => functions.push(Arc::new(more)),
        }
        self
    }

    /// Answers a caller without the scopes as if this did not exist.
    pub fn hidden(self) -> Self {
        self.denial(Denial::Hide)
    }

    /// Says how a caller without the scopes is answered.
    pub fn denial(mut self, denial: Denial) -> Self {
        self.denial = denial;
        self
    }

    /// Says how calls are confirmed, in place of what follows from the effect. Tools only. What the tool says of itself still makes
    /// it stricter: see [`Rule::with_tool`].
    pub fn confirm(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// Looks at what a call would do, for whoever is asked to confirm it.
    pub fn preview(mut self, previewer: impl Previewer) -> Self {
        self.rule = self.rule.preview(previewer);
        self
    }

    /// How calls are confirmed.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// What a call does to the world.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The scopes that are needed whatever the arguments are; empty for a public one.
    #[must_use]
    pub fn scopes(&self) -> ScopeSet {
        match &self.need {
            Need::Public => ScopeSet::default(),
            Need::Scopes { at_least, .. } => at_least.clone(),
        }
    }

    /// True if no token is needed.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self.need, Need::Public)
    }

    /// The scopes for these arguments; `None` if a function of the service's returned no scope list.
    pub(super) fn needed(&self, arguments: &Arguments<'_>) -> Option<ScopeSet> {
        match &self.need {
            Need::Public => Some(ScopeSet::default()),
            Need::Scopes { at_least, more } => more.iter().try_fold(at_least.clone(), |all, more| {
                Some(all.union(&ScopeSet::parse(&more(arguments)).ok()?))
            }),
        }
    }
}

impl fmt::Debug for ToolPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolPolicy")
            .field("effect", &self.effect)
            .field("public", &self.is_public())
            .field("scopes", &self.scopes())
            .field("by_arguments", &matches!(&self.need, Need::Scopes { more, .. } if !more.is_empty()))
            .field("denial", &self.denial)
            .field("rule", &self.rule)
            .finish()
    }
}
