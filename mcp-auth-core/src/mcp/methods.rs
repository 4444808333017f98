//! Every method of every revision, in one table.
//!
//! 1. A method that the table does not have for a revision does not exist in it.
//! 2. Methods that only a server may send are in the table, so that their refusal is a decision and not an accident.
//! 3. [`Access::Undeclared`] is refused until a service says that it offers the method.

use super::Revision;

/// Whether a method expects an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodKind {
    /// It does: the message has an id.
    Request,
    /// It does not: the message has no id.
    Notification,
}

/// What a method is about, and where its params say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetKind {
    /// Nothing in particular.
    None,
    /// A tool: `params.name`.
    Tool,
    /// A prompt: `params.name`.
    Prompt,
    /// A resource: `params.uri`.
    Resource,
    /// A prompt or a resource: `params.ref`.
    CompletionRef,
    /// Resources and tasks to be told about: `params.notifications`.
    Subscription,
    /// A task: `params.taskId`.
    Task,
}

/// The rule that applies to a method if nothing else is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Whoever is admitted: any authenticated principal, and anybody where something is declared public.
    Open,
    /// Likewise; the answer is filtered to what they may see.
    List,
    /// The rule of the target decides.
    Target,
    /// Refused unless the service declares it.
    Undeclared,
    /// A client may not send it.
    Never,
}

/// One method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Method {
    /// The name on the wire.
    pub name: &'static str,
    /// Request or notification.
    pub kind: MethodKind,
    /// The first revision that has it.
    pub since: Revision,
    /// The last revision that has it; `None` while it stands.
    pub until: Option<Revision>,
    /// What it is about.
    pub target: TargetKind,
    /// Its default rule.
    pub access: Access,
    /// The member of `params` that `Mcp-Name` repeats in the modern era.
    pub name_header: Option<&'static str>,
}

impl Method {
    /// The method of that name in that revision.
    #[must_use]
    pub fn find(name: &str, revision: Revision) -> Option<&'static Self> {
        METHODS.iter().find(|method| {
            method.name == name
                && method.since <= revision
                && method.until.is_none_or(|until| revision <= until)
        })
    }

    const fn request(name: &'static str, target: TargetKind, access: Access) -> Self {
        Self {
            name,
            kind: MethodKind::Request,
            since: Revision::V2024_11_05,
            until: None,
            target,
            access,
            name_header: None,
        }
    }

    const fn notification(name: &'static str, access: Access) -> Self {
        Self { kind: MethodKind::Notification, ..Self::request(name, TargetKind::None, access) }
    }

    const fn since(self, since: Revision) -> Self {
        Self { since, ..self }
    }

    const fn until(self, until: Revision) -> Self {
        Self { until: Some(until), ..self }
    }

    /// Only in the revisions with a handshake.
    const fn legacy(self) -> Self {
        self.until(Revision::V2025_11_25)
    }

    const fn named(self, key: &'static str) -> Self {
        Self { name_header: Some(key), ..self }
    }
}

/// The table.
pub const METHODS: &[Method] = &[
    // Tools, prompts, resources.
    Method::request("tools/call", TargetKind::Tool, Access::Target).named("name"),
    Method::request("tools/list", TargetKind::None, Access::List),
    Method::request("prompts/get", TargetKind::Prompt, Access::Target).named("name"),
    Method::request("prompts/list", TargetKind::None, Access::List),
    Method::request("resources/read", TargetKind::Resource, Access::Target).named("uri"),
    Method::request("resources/list", TargetKind::None, Access::List),
    Method::request("resources/templates/list", TargetKind::None, Access::List),
    Method::request("resources/subscribe", TargetKind::Resource, Access::Target).legacy(),
    Method::request("resources/unsubscribe", TargetKind::Resource, Access::Target).legacy(),
    Method::request("completion/complete", TargetKind::CompletionRef, Access::Target),
    Method::request("subscriptions/listen", TargetKind::Subscription, Access::Target)
        .since(Revision::V2026_07_28),
    // The protocol itself.
    Method::request("server/discover", TargetKind::None, Access::Open).since(Revision::V2026_07_28),
    Method::request("initialize", TargetKind::None, Access::Open).legacy(),
    Method::request("ping", TargetKind::None, Access::Open).legacy(),
    Method::request("logging/setLevel", TargetKind::None, Access::Undeclared).legacy(),
    // Tasks: experimental in 2025-11-25, an extension with other methods since.
    Method::request("tasks/get", TargetKind::Task, Access::Undeclared)
        .since(Revision::V2025_11_25)
        .named("taskId"),
    Method::request("tasks/cancel", TargetKind::Task, Access::Undeclared)
        .since(Revision::V2025_11_25)
        .named("taskId"),
    Method::request("tasks/update", TargetKind::Task, Access::Undeclared)
        .since(Revision::V2026_07_28)
        .named("taskId"),
    Method::request("tasks/result", TargetKind::Task, Access::Undeclared)
        .since(Revision::V2025_11_25)
        .legacy(),
    Method::request("tasks/list", TargetKind::None, Access::Undeclared).since(Revision::V2025_11_25).legacy(),
    // Notifications of a client's. 2026-07-28 sends `cancelled` on other transports only; over HTTP it is harmless.
    Method::notification("notifications/initialized", Access::Open).legacy(),
    Method::notification("notifications/cancelled", Access::Open),
    Method::notification("notifications/progress", Access::Open).legacy(),
    Method::notification("notifications/roots/list_changed", Access::Open).legacy(),
    Method::notification("notifications/tasks/status", Access::Undeclared)
        .since(Revision::V2025_11_25)
        .legacy(),
    // What only a server sends.
    Method::request("sampling/createMessage", TargetKind::None, Access::Never),
    Method::request("elicitation/create", TargetKind::None, Access::Never).since(Revision::V2025_06_18),
    Method::request("roots/list", TargetKind::None, Access::Never),
    Method::notification("notifications/message", Access::Never),
    Method::notification("notifications/progress", Access::Never).since(Revision::V2026_07_28),
    Method::notification("notifications/tools/list_changed", Access::Never),
    Method::notification("notifications/prompts/list_changed", Access::Never),
    Method::notification("notifications/resources/list_changed", Access::Never),
    Method::notification("notifications/resources/updated", Access::Never),
    Method::notification("notifications/elicitation/complete", Access::Never)
        .since(Revision::V2025_11_25)
        .legacy(),
    Method::notification("notifications/subscriptions/acknowledged", Access::Never)
        .since(Revision::V2026_07_28),
    Method::notification("notifications/tasks", Access::Never).since(Revision::V2026_07_28),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_meaning_in_each_revision() {
        for revision in Revision::ALL {
            for method in METHODS {
                let same = METHODS.iter().filter(|other| {
                    other.name == method.name
                        && other.since <= revision
                        && other.until.is_none_or(|until| revision <= until)
                });
                assert!(same.count() <= 1, "{} in {revision}", method.name);
            }
        }
    }

    #[test]
    fn revisions_bound_methods() {
        let has = |name, revision| Method::find(name, revision).is_some();
        assert!(has("initialize", Revision::V2025_11_25) && !has("initialize", Revision::V2026_07_28));
        assert!(
            has("server/discover", Revision::V2026_07_28) && !has("server/discover", Revision::V2025_11_25)
        );
        assert!(!has("tasks/get", Revision::V2025_06_18) && has("tasks/get", Revision::V2026_07_28));
        assert!(!has("Tools/call", Revision::V2026_07_28));
    }
}
