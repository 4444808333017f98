//! Which scope implies which.
//!
//! 1. A scope implies itself.
//! 2. `action_implies("write", "read")`: `project:write` implies `project:read`, for every resource.
//! 3. `implies("admin", ["notes:read"])`: exact names, also for other spellings of one scope.
//! 4. With `wildcards()`, a held `project:*` implies every `project:…` and a held `*` everything. Needed scopes have no wildcards.
//! 5. Rules chain; chains longer than eight steps imply nothing more.
//!
//! ```
//! use mcp_auth_core::{ScopeHierarchy, ScopeSet};
//!
//! let rules = ScopeHierarchy::new().action_implies("write", "read").implies("read:notes", ["notes:read"]);
//! let held = ScopeSet::parse("project:write read:notes").unwrap();
//! assert!(rules.covers(&held, "project:read"));
//! assert!(rules.covers(&held, "notes:read"));
//! assert!(!rules.covers(&held, "notes:write"));
//! ```

use std::fmt;
use std::sync::Arc;

use super::ScopeSet;

const MAX_STEPS: u8 = 8;

type Rule = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// The rules by which a held scope satisfies a needed one. Empty by default: only equal names match.
#[derive(Clone, Default)]
pub struct ScopeHierarchy {
    actions: Vec<(Box<str>, Box<str>)>,
    exact: Vec<(Box<str>, Vec<Box<str>>)>,
    wildcards: bool,
    rules: Vec<Rule>,
}

impl ScopeHierarchy {
    /// No rules yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `resource:broad` implies `resource:narrow`, whatever the resource.
    #[must_use]
    pub fn action_implies(mut self, broad: impl Into<Box<str>>, narrow: impl Into<Box<str>>) -> Self {
        self.actions.push((broad.into(), narrow.into()));
        self
    }

    /// The scope `broad` implies each of `narrow`, by exact name.
    #[must_use]
    pub fn implies<N: Into<Box<str>>>(
        mut self,
        broad: impl Into<Box<str>>,
        narrow: impl IntoIterator<Item = N>,
    ) -> Self {
        self.exact.push((broad.into(), narrow.into_iter().map(Into::into).collect()));
        self
    }

    /// A held `project:*` implies every `project:…`, a held `*` everything.
    #[must_use]
    pub fn wildcards(mut self) -> Self {
        self.wildcards = true;
        self
    }

    /// A rule of the service's own: `(held, needed)` to true where the first implies the second.
    /// It is asked at the end of each chain.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// True if one of `held` implies `needed`. Allocates nothing.
    #[must_use]
    pub fn covers(&self, held: &ScopeSet, needed: &str) -> bool {
        held.contains(needed)
            || held.iter().any(|scope| self.one_implies(Held::Name(scope), needed, MAX_STEPS))
    }

    /// True if `held` implies every scope of `needed`.
    #[must_use]
    pub fn covers_all(&self, held: &ScopeSet, needed: &ScopeSet) -> bool {
        needed.iter().all(|scope| self.covers(held, scope))
    }

    fn one_implies(&self, held: Held<'_>, needed: &str, steps: u8) -> bool {
        if held.is(needed) || (self.wildcards && held.matches_as_wildcard(needed)) {
            return true;
        }
        if let Held::Name(name) = held
            && self.rules.iter().any(|rule| rule(name, needed))
        {
            return true;
        }
        let Some(steps) = steps.checked_sub(1) else { return false };
        if let Some((resource, action)) = held.split() {
            for (broad, narrow) in &self.actions {
                if **broad == *action && self.one_implies(Held::Pair(resource, narrow), needed, steps) {
                    return true;
                }
            }
        }
        self.exact.iter().any(|(broad, narrow)| {
            held.is(broad) && narrow.iter().any(|scope| self.one_implies(Held::Name(scope), needed, steps))
        })
    }
}

/// A scope on the way through the rules, without gluing `resource:action` together.
#[derive(Clone, Copy)]
enum Held<'a> {
    Name(&'a str),
    Pair(&'a str, &'a str),
}

impl<'a> Held<'a> {
    fn is(self, other: &str) -> bool {
        match self {
            Self::Name(name) => name == other,
            Self::Pair(resource, action) => other
                .strip_prefix(resource)
                .and_then(|rest| rest.strip_prefix(':'))
                .is_some_and(|rest| rest == action),
        }
    }

    fn split(self) -> Option<(&'a str, &'a str)> {
        match self {
            Self::Name(name) => name.rsplit_once(':'),
            Self::Pair(resource, action) => Some((resource, action)),
        }
    }

    fn matches_as_wildcard(self, needed: &str) -> bool {
        match self {
            Self::Name("*") => true,
            Self::Name(name) => name
                .strip_suffix(":*")
                .and_then(|resource| needed.strip_prefix(resource))
                .is_some_and(|rest| rest.starts_with(':')),
            Self::Pair(..) => false,
        }
    }
}

impl fmt::Debug for ScopeHierarchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeHierarchy")
            .field("actions", &self.actions)
            .field("exact", &self.exact)
            .field("wildcards", &self.wildcards)
            .field("own_rules", &self.rules.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn set(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn rules_chain_and_do_not_leak() {
        let rules = ScopeHierarchy::new()
            .action_implies("delete", "write")
            .action_implies("write", "read")
            .implies("write:projects", ["project:write", "project:delete"]);
        assert!(rules.covers(&set("project:delete"), "project:read"));
        assert!(rules.covers(&set("write:projects"), "project:read"));
        assert!(!rules.covers(&set("project:read"), "project:write"));
        assert!(!rules.covers(&set("project:write"), "projects:read"));
        assert!(!rules.covers(&set("project:write"), "read"));
    }

    #[test]
    fn wildcards_are_held_not_needed() {
        let rules = ScopeHierarchy::new().wildcards();
        assert!(rules.covers(&set("project:*"), "project:read"));
        assert!(!rules.covers(&set("project:*"), "projects:read"));
        assert!(!rules.covers(&set("project:read"), "project:*"));
        assert!(!ScopeHierarchy::new().covers(&set("*"), "project:read"));
    }

    #[test]
    fn a_circle_ends() {
        let rules = ScopeHierarchy::new().implies("a", ["b"]).implies("b", ["a"]);
        assert!(!rules.covers(&set("a"), "c"));
    }
}
