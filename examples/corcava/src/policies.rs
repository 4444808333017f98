//! Which scope each tool needs, which scope implies which, and how each is said to people.
//!
//! 1. `write` and `delete` imply `read`; `delete` does not imply `write`, nor the other way round: a key that changes tasks
//!    need not be able to delete them.
//! 2. `workspace:*` implies everything, what comes later included: the full access that Corcava's own keys have.
//! 3. In production every change is confirmed with `CONFIRM`; elsewhere the first [`WRITES_A_MINUTE`] of a minute are free.
//!    A deletion takes `DELETE CONFIRM` everywhere.
//! 4. A client that cannot show a form sends its user to the approval page; without one (`--issuer`) it is refused.

use std::time::Duration;

use mcp_auth_core::ScopeHierarchy;
use mcp_auth_core::confirm::{Budget, Confirmation, Excess, Fallback, Phrase, Rule};
use mcp_auth_core::policy::{PolicyError, ToolPolicies, ToolPolicy, destructive, read, write};

use crate::environment::Environment;
use crate::tools::{Corcava, Previews};

/// What the first 401 asks for, unless configured.
pub const DEFAULT_CHALLENGE: &str = "tasks:read projects:read";

/// What implies everything.
pub const EVERYTHING: &str = "workspace:*";

/// Every scope that can be granted, with what it allows, in words.
pub const SCOPES: [(&str, &str); 7] = [
    ("tasks:read", "See tasks and comments"),
    ("tasks:write", "Create and change tasks, comment on them"),
    ("tasks:delete", "Delete tasks"),
    ("time:read", "See whether the timer runs"),
    ("time:write", "Start and stop the timer"),
    ("projects:read", "See projects and boards"),
    (EVERYTHING, "Everything in your workspace"),
];

/// So many changes a minute go unconfirmed outside of production.
pub const WRITES_A_MINUTE: u64 = 20;

const DRY_RUN: &str = "dry_run";

/// How calls are confirmed.
#[derive(Clone, Debug)]
pub struct Confirming {
    /// Where the server runs.
    pub environment: Environment,
    /// Looks at what calls would do.
    pub previews: Previews,
    /// Whether there is an approval page.
    pub has_page: bool,
}

impl Confirming {
    fn change(&self, scope: &str) -> ToolPolicy {
        let rule = match self.environment {
            Environment::Production => Rule::write().confirmation(Confirmation::Elicit),
            Environment::Staging | Environment::Development => Rule::write(),
        };
        self.policy(write(scope), rule.typed(Phrase::Confirm))
    }

    fn delete(&self, scope: &str) -> ToolPolicy {
        self.policy(destructive(scope), Rule::destructive().typed(Phrase::DeleteConfirm))
    }

    fn policy(&self, policy: ToolPolicy, rule: Rule) -> ToolPolicy {
        let rule = if self.has_page { rule.or(Fallback::Approve) } else { rule };
        policy.confirm(rule.dry_run_argument(DRY_RUN).preview(self.previews.clone()))
    }
}

/// What may be changed in a minute before somebody is asked.
#[must_use]
pub fn budget() -> Budget {
    Budget::new(Duration::from_secs(60), WRITES_A_MINUTE, None, Excess::Confirm(Confirmation::Elicit))
}

/// The declaration of every tool.
///
/// # Errors
/// If a tool's definition cannot be read.
pub fn policies(confirming: &Confirming) -> Result<ToolPolicies, PolicyError> {
    Ok(ToolPolicies::from_tools(Corcava::tools())?.hierarchy(hierarchy()).tools([
        ("list_tasks", read("tasks:read")),
        ("get_task", read("tasks:read")),
        ("create_task", confirming.change("tasks:write")),
        ("update_task", confirming.change("tasks:write")),
        ("delete_task", confirming.delete("tasks:delete")),
        ("list_projects", read("projects:read")),
        ("get_project", read("projects:read")),
        ("list_boards", read("projects:read")),
        ("get_board", read("projects:read")),
        ("list_task_comments", read("tasks:read")),
        ("add_task_comment", confirming.change("tasks:write")),
        ("start_time_tracking", confirming.change("time:write")),
        ("stop_time_tracking", confirming.change("time:write")),
        ("get_tracking_status", read("time:read")),
    ]))
}

/// Which scope implies which.
#[must_use]
pub fn hierarchy() -> ScopeHierarchy {
    ScopeHierarchy::new()
        .action_implies("write", "read")
        .action_implies("delete", "read")
        .rule(|held, _| held == EVERYTHING)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::Domain;
    use mcp_auth_core::ScopeSet;
    use mcp_auth_core::policy::Effect;
    use mcp_auth_core::time::Clock;

    #[test]
    fn a_scope_implies_what_it_says_and_no_more() {
        let rules = hierarchy();
        for (held, needed, is_covered) in [
            ("tasks:write", "tasks:read", true),
            ("tasks:delete", "tasks:read", true),
            ("tasks:delete", "tasks:write", false),
            ("tasks:write", "tasks:delete", false),
            ("tasks:read", "projects:read", false),
            ("time:write", "time:read", true),
            ("time:write", "tasks:read", false),
            ("workspace:*", "tasks:delete", true),
            ("workspace:*", "time:write", true),
            ("workspace:read", "tasks:read", false),
            ("workspace", "tasks:read", false),
        ] {
            let held_set = ScopeSet::parse(held).unwrap();
            assert_eq!(rules.covers(&held_set, needed), is_covered, "{held} for {needed}");
        }
    }

    #[tokio::test]
    async fn every_tool_is_declared_as_it_is_annotated() {
        let directory = tempfile::tempdir().unwrap();
        let domain = Domain::open(&directory.path().join("d"), Clock::system()).await.unwrap();
        let (environment, previews) = (Environment::Production, Previews::new(domain));
        let policies = policies(&Confirming { environment, previews, has_page: true }).unwrap();
        let declared = policies.declared_tools();
        let tools = Corcava::tools();
        assert_eq!((tools.len(), declared.len()), (14, 14));
        for tool in tools {
            let policy = declared.get(&*tool.name).unwrap();
            let annotations = tool.annotations.unwrap();
            let expected = match (annotations.read_only_hint, annotations.destructive_hint) {
                (Some(true), _) => Effect::Read,
                (_, Some(true)) => Effect::Destructive,
                _ => Effect::Write,
            };
            assert_eq!(policy.effect(), expected, "{}", tool.name);
            let wants = policy.rule().wants();
            assert_eq!(wants != Confirmation::None, expected != Effect::Read, "{}", tool.name);
            assert!(policy.scopes().iter().all(|scope| SCOPES.iter().any(|(known, _)| *known == scope)));
            assert!(tool.output_schema.is_some(), "{}", tool.name);
        }
    }
}
