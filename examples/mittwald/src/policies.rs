//! Which scope each tool needs, which scope implies which, and how each is said on the consent page.
//!
//! 1. A scope is `resource:action`; `delete` implies `write`, `write` implies `read`.
//! 2. The guide's spelling `action:resource` works too: `read:projects` is `project:read`; `write:projects` is
//!    `project:write` and `project:delete`; what it calls containers is `stack`.

use std::future::Future;

use mcp_auth_core::ScopeHierarchy;
use mcp_auth_core::confirm::{Fallback, Preview, Rule};
use mcp_auth_core::policy::{PolicyError, ToolPolicies, ToolPolicy, destructive, read, write};
use serde::de::DeserializeOwned;

use crate::api::{Api, ApiError};
use crate::previews::{self, View, by};
use crate::tools::Mittwald;

/// What the first 401 asks for, unless configured.
pub const DEFAULT_CHALLENGE: &str = "user:read customer:read project:read app:read";

/// Every scope that can be granted, with what it allows, in words.
pub const SCOPES: [(&str, &str); 29] = [
    ("user:read", "See your name, e-mail address and memberships"),
    ("user:write", "Revoke your API tokens"),
    ("customer:read", "See your organisations"),
    ("project:read", "See your servers and projects"),
    ("project:write", "Create projects"),
    ("project:delete", "Delete projects with everything in them"),
    ("app:read", "See installed apps"),
    ("app:write", "Change installed apps"),
    ("app:delete", "Uninstall apps"),
    ("database:read", "See databases"),
    ("database:write", "Create databases"),
    ("database:delete", "Delete databases with their data"),
    ("stack:read", "See containers, their logs and stacks"),
    ("stack:write", "Restart containers and replace what a stack runs"),
    ("stack:delete", "Remove every container of a stack"),
    ("backup:read", "See backups"),
    ("backup:write", "Create backups and backup schedules"),
    ("backup:delete", "Delete backups"),
    ("domain:read", "See domains"),
    ("read:projects", "See your servers and projects"),
    ("write:projects", "Create and delete projects"),
    ("read:apps", "See installed apps"),
    ("write:apps", "Change and uninstall apps"),
    ("read:databases", "See databases"),
    ("write:databases", "Create and delete databases"),
    ("read:containers", "See containers, their logs and stacks"),
    ("write:containers", "Restart containers, replace what a stack runs, and remove it"),
    ("read:backups", "See backups"),
    ("write:backups", "Create and delete backups, and create backup schedules"),
];

/// The guide's words for resources, and ours.
const PLURALS: [(&str, &str); 5] = [
    ("projects", "project"),
    ("apps", "app"),
    ("databases", "database"),
    ("containers", "stack"),
    ("backups", "backup"),
];

/// The declaration of every tool. Whoever is asked to confirm a destructive one is shown what it would do, by `api`;
/// `cannot_ask` says what a client gets that cannot ask.
///
/// # Errors
/// If a tool's definition cannot be read.
pub fn policies(api: &Api, cannot_ask: Fallback) -> Result<ToolPolicies, PolicyError> {
    let asks = Asks { api, cannot_ask };
    Ok(ToolPolicies::from_tools(Mittwald::tools())?.hierarchy(hierarchy()).tools([
        ("mittwald_user_get", read("user:read")),
        ("mittwald_server_list", read("project:read")),
        ("mittwald_org_list", read("customer:read")),
        ("mittwald_project_list", read("project:read")),
        ("mittwald_project_get", read("project:read")),
        ("mittwald_project_create", write("project:write")),
        ("mittwald_project_delete", asks.before("project:delete", previews::delete_project)),
        ("mittwald_app_list", read("app:read")),
        ("mittwald_app_get", read("app:read")),
        ("mittwald_app_update", asks.before("app:write", previews::update_app)),
        ("mittwald_app_uninstall", asks.before("app:delete", previews::uninstall_app)),
        ("mittwald_database_mysql_list", read("database:read")),
        ("mittwald_database_mysql_get", read("database:read")),
        ("mittwald_database_mysql_create", write("database:write")),
        ("mittwald_database_mysql_delete", asks.before("database:delete", previews::delete_database)),
        ("mittwald_container_list", read("stack:read")),
        ("mittwald_container_logs", read("stack:read")),
        ("mittwald_container_restart", asks.before("stack:write", previews::restart_container)),
        ("mittwald_stack_list", read("stack:read")),
        ("mittwald_stack_deploy", asks.before("stack:write", previews::deploy_stack)),
        ("mittwald_stack_delete", asks.before("stack:delete", previews::delete_stack)),
        ("mittwald_backup_list", read("backup:read")),
        ("mittwald_backup_create", write("backup:write")),
        ("mittwald_backup_delete", asks.before("backup:delete", previews::delete_backup)),
        ("mittwald_backup_schedule_create", write("backup:write")),
        ("mittwald_domain_list", read("domain:read")),
        ("mittwald_user_api_token_revoke", asks.before("user:write", previews::revoke_token)),
    ]))
}

/// How destructive tools are asked about.
struct Asks<'a> {
    api: &'a Api,
    cannot_ask: Fallback,
}

impl Asks<'_> {
    /// A destructive tool that needs `scope`, and what it would do.
    fn before<I, F, R>(&self, scope: &str, look: F) -> ToolPolicy
    where
        I: DeserializeOwned + 'static,
        F: Fn(View, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Preview, ApiError>> + Send + 'static,
    {
        let rule = Rule::destructive().or(self.cannot_ask);
        destructive(scope).confirm(rule).preview(by(self.api, look))
    }
}

/// Which scope implies which.
#[must_use]
pub fn hierarchy() -> ScopeHierarchy {
    let actions = ScopeHierarchy::new().action_implies("delete", "write").action_implies("write", "read");
    PLURALS.iter().fold(actions, |rules, (plural, resource)| {
        rules
            .implies(format!("read:{plural}"), [format!("{resource}:read")])
            .implies(format!("write:{plural}"), [format!("{resource}:write"), format!("{resource}:delete")])
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use mcp_auth_core::ScopeSet;
    use mcp_auth_core::policy::Effect;

    #[test]
    fn both_spellings_mean_the_same() {
        let rules = hierarchy();
        let held = |scope: &str| ScopeSet::parse(scope).unwrap();
        for (scope, covered, not_covered) in [
            ("read:projects", "project:read", "project:write"),
            ("write:projects", "project:delete", "app:read"),
            ("write:projects", "project:read", "database:read"),
            ("write:containers", "stack:delete", "container:read"),
            ("read:backups", "backup:read", "backup:write"),
            ("project:delete", "project:write", "project:admin"),
            ("app:write", "app:read", "app:delete"),
        ] {
            assert!(rules.covers(&held(scope), covered), "{scope} must imply {covered}");
            assert!(!rules.covers(&held(scope), not_covered), "{scope} must not imply {not_covered}");
        }
    }

    #[test]
    fn every_tool_is_declared_as_it_is_annotated() {
        let api = Api::new("http://127.0.0.1:9/v2".parse().unwrap(), "none".into()).unwrap();
        let policies = policies(&api, Fallback::Refuse).unwrap();
        let declared = policies.declared_tools();
        let tools = Mittwald::tools();
        assert_eq!((tools.len(), declared.len()), (27, 27));
        for tool in tools {
            let policy = declared.get(&*tool.name).unwrap();
            let annotations = tool.annotations.unwrap();
            let expected = match (annotations.read_only_hint, annotations.destructive_hint) {
                (Some(true), _) => Effect::Read,
                (_, Some(true)) => Effect::Destructive,
                _ => Effect::Write,
            };
            assert_eq!(policy.effect(), expected, "{}", tool.name);
            assert!(policy.scopes().iter().all(|scope| SCOPES.iter().any(|(known, _)| *known == scope)));
        }
    }
}
