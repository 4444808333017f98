//! From an operation to a verdict.

use serde_json::Value;

use super::arguments::Arguments;
use super::declaration::{Denial, Effect, ToolPolicy};
use super::template::UriTemplate;
use super::tools::ToolPolicies;
use super::uri::readings;
use crate::config::ConfigErrors;
use crate::confirm::Rule;
use crate::mcp::{Access, ListKind, Operation, ParamHeaders, Target};
use crate::principal::Principal;
use crate::scope::ScopeSet;

/// What a policy says about one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It may be done.
    Allow {
        /// What it does to the world.
        effect: Effect,
        /// The scopes that were needed, for the record.
        needed: ScopeSet,
    },
    /// It does not exist for this caller: undeclared or hidden.
    NotFound,
    /// It exists, but needs these scopes (all that the operation needs, at once).
    NeedsScopes {
        /// Every scope that is needed.
        needed: ScopeSet,
        /// How the caller is answered.
        denial: Denial,
        /// What it would do to the world.
        effect: Effect,
    },
}

/// Decides by scopes. [`ToolPolicies`] is the implementation to use; a service may bring its own.
pub trait ScopePolicy: Send + Sync + 'static {
    /// What `principal` (none: anonymous) may do about `operation`. Must be the same for the same question.
    fn decide(
        &self,
        principal: Option<&Principal>,
        operation: &Operation,
        arguments: Arguments<'_>,
    ) -> Verdict;

    /// Whether an entry of a list is shown.
    fn is_listed(&self, principal: Option<&Principal>, list: ListKind, name: &str) -> bool;

    /// True if something may be done without a token.
    fn has_public(&self) -> bool;

    /// True if `held` satisfies every scope of `needed`.
    fn covers(&self, held: &ScopeSet, needed: &ScopeSet) -> bool;

    /// Every scope that could be needed, for `scopes_supported`.
    fn scopes(&self) -> ScopeSet;

    /// The scopes a client should begin with, for the first challenge.
    fn first_scopes(&self) -> ScopeSet {
        self.scopes()
    }

    /// Which parameters of a tool come as headers too; the guard compares them.
    fn param_headers(&self, tool: &str) -> Option<&ParamHeaders> {
        let _ = tool;
        None
    }

    /// How calls of a tool are confirmed. Without a rule, what [`decide`](Self::decide) calls destructive is asked about, and all else
    /// runs ([`Rule::default`]).
    fn rule(&self, tool: &str) -> Option<&Rule> {
        let _ = tool;
        None
    }

    /// The input and output schemas of the tools, where they are known: they say what is secret in a record.
    fn schemas(&self) -> Vec<(&str, Option<&Value>, Option<&Value>)> {
        Vec::new()
    }

    /// Every tool that has a rule, so that the gate can say at start what is wrong with it.
    fn rules(&self) -> Vec<(&str, &Rule)> {
        Vec::new()
    }

    /// Adds what is wrong with the declarations, at start.
    fn report(&self, errors: &mut ConfigErrors);
}

impl ScopePolicy for ToolPolicies {
    fn decide(
        &self,
        principal: Option<&Principal>,
        operation: &Operation,
        arguments: Arguments<'_>,
    ) -> Verdict {
        let own = self.methods.get(operation.method.name);
        let mut declared: Vec<&ToolPolicy> = own.into_iter().collect();
        let known = match (operation.method.access, &operation.target) {
            (Access::Open | Access::List, _) => true,
            (Access::Target, target) => self.add_target(target, own.is_some(), &mut declared),
            // Undeclared, and whatever the table may learn: only what the service declared.
            _ => own.is_some(),
        };
        if known { self.judge(principal, &declared, arguments) } else { Verdict::NotFound }
    }

    fn is_listed(&self, principal: Option<&Principal>, list: ListKind, name: &str) -> bool {
        let mut declared = Vec::new();
        match list {
            ListKind::Tools => declared.extend(self.tools.get(name)),
            ListKind::Prompts => declared.extend(self.prompts.get(name)),
            ListKind::Resources | ListKind::ResourceTemplates => self.add_resource(name, &mut declared),
        }
        !declared.is_empty()
            && declared.iter().all(|policy| {
                policy.denial != Denial::Hide || self.holds(principal, &policy.scopes(), policy.is_public())
            })
    }

    fn has_public(&self) -> bool {
        self.all().any(ToolPolicy::is_public)
    }

    fn covers(&self, held: &ScopeSet, needed: &ScopeSet) -> bool {
        self.hierarchy.covers_all(held, needed)
    }

    fn scopes(&self) -> ScopeSet {
        self.all().fold(ScopeSet::default(), |all, policy| all.union(&policy.scopes()))
    }

    fn first_scopes(&self) -> ScopeSet {
        let open = |policy: &&ToolPolicy| policy.effect == Effect::Read && policy.denial != Denial::Hide;
        self.all().filter(open).fold(ScopeSet::default(), |all, policy| all.union(&policy.scopes()))
    }

    fn param_headers(&self, tool: &str) -> Option<&ParamHeaders> {
        self.param_headers.get(tool)
    }

    fn rule(&self, tool: &str) -> Option<&Rule> {
        self.tools.get(tool).map(ToolPolicy::rule)
    }

    fn schemas(&self) -> Vec<(&str, Option<&Value>, Option<&Value>)> {
        self.schemas
            .iter()
            .map(|(name, [input, output])| (&**name, input.as_ref(), output.as_ref()))
            .collect()
    }

    fn rules(&self) -> Vec<(&str, &Rule)> {
        self.declared_tools().into_iter().map(|(name, policy)| (name, policy.rule())).collect()
    }

    fn report(&self, errors: &mut ConfigErrors) {
        Self::report(self, errors);
    }
}

impl ToolPolicies {
    /// Adds the declarations of a target; false if there is one without any.
    fn add_target<'a>(
        &'a self,
        target: &Target,
        method_declared: bool,
        declared: &mut Vec<&'a ToolPolicy>,
    ) -> bool {
        let before = declared.len();
        match target {
            Target::Tool(name) => declared.extend(self.tools.get(name.as_str())),
            Target::Prompt(name) => declared.extend(self.prompts.get(name.as_str())),
            Target::Resource(uri) => self.add_resource(uri, declared),
            // Lists of changes are open; each resource needs its declaration, and tasks need the method's.
            Target::Subscription { resources, tasks } => {
                return (tasks.is_empty() || method_declared)
                    && resources.iter().all(|uri| {
                        let before = declared.len();
                        self.add_resource(uri, declared);
                        declared.len() > before
                    });
            }
            _ => return method_declared,
        }
        declared.len() > before
    }

    /// A URI's declarations, or those of a template that is named as it was declared (completion). One that covers the URI itself
    /// makes it known; those that cover another reading of it count, too.
    fn add_resource<'a>(&'a self, uri: &str, declared: &mut Vec<&'a ToolPolicy>) {
        let readings = readings(uri);
        let covers = |template: &UriTemplate, readings: &[String]| {
            template.text() == uri || readings.iter().any(|reading| template.matches(reading))
        };
        let itself = readings.get(..1).unwrap_or_default();
        if self.resources.iter().any(|(template, _)| covers(template, itself)) {
            let all = self.resources.iter().filter(|(template, _)| covers(template, &readings));
            declared.extend(all.map(|(_, policy)| policy));
        }
    }

    fn judge(&self, principal: Option<&Principal>, all: &[&ToolPolicy], arguments: Arguments<'_>) -> Verdict {
        let (mut needed, mut effect, mut denial) = (ScopeSet::default(), Effect::Read, Denial::Challenge);
        for policy in all {
            let Some(scopes) = policy.needed(&arguments) else { return Verdict::NotFound };
            needed = if needed.is_empty() { scopes } else { needed.union(&scopes) };
            effect = effect.max(policy.effect);
            denial = denial.max(policy.denial);
        }
        // No declaration at all is an open method, which an admitted principal may use.
        let public = all.iter().all(|policy| policy.is_public());
        match (self.holds(principal, &needed, public), denial) {
            (true, _) => Verdict::Allow { effect, needed },
            (false, Denial::Hide) => Verdict::NotFound,
            (false, denial) => Verdict::NeedsScopes { needed, denial, effect },
        }
    }

    fn holds(&self, principal: Option<&Principal>, needed: &ScopeSet, public: bool) -> bool {
        public || principal.is_some_and(|principal| self.hierarchy.covers_all(principal.scopes(), needed))
    }
}
