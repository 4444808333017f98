//! All declarations of a service.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::declaration::ToolPolicy;
use super::template::UriTemplate;
use crate::config::ConfigErrors;
use crate::confirm::Confirmation;
use crate::mcp::{ParamHeaders, ParamHeadersError};
use crate::scope::ScopeHierarchy;

/// Why the list of tools could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A tool does not serialize.
    #[error("a tool does not serialize to JSON")]
    Serialize(#[from] serde_json::Error),
    /// A tool without a name.
    #[error("a tool has no `name`")]
    Nameless,
    /// A tool whose input schema marks parameters as headers (`x-mcp-header`) against the specification.
    #[error("the input schema of tool `{tool}` marks a header wrongly")]
    ParamHeaders {
        /// The tool.
        tool: String,
        /// What is wrong.
        source: ParamHeadersError,
    },
}

/// The declarations: every tool, resource, prompt and method that may be used, and by whom.
#[derive(Clone, Debug, Default)]
#[must_use = "hand it to `Guard::builder().tools()`"]
pub struct ToolPolicies {
    /// What each tool that exists says of itself, without its input.
    known_tools: Option<BTreeMap<Box<str>, Value>>,
    /// Input and output of each tool that exists.
    pub(super) schemas: BTreeMap<Box<str>, [Option<Value>; 2]>,
    pub(super) param_headers: HashMap<Box<str>, ParamHeaders>,
    pub(super) tools: HashMap<Box<str>, ToolPolicy>,
    pub(super) resources: Vec<(UriTemplate, ToolPolicy)>,
    pub(super) prompts: HashMap<Box<str>, ToolPolicy>,
    pub(super) methods: HashMap<Box<str>, ToolPolicy>,
    pub(super) hierarchy: ScopeHierarchy,
    problems: Vec<(String, String)>,
}

impl ToolPolicies {
    /// Begins with the tools that exist, so that a tool without a declaration is found at start. Takes anything that
    /// serializes to an MCP tool: an object with a `name`.
    ///
    /// # Errors
    /// [`PolicyError`] if one of them does not.
    pub fn from_tools<T: Serialize>(tools: impl IntoIterator<Item = T>) -> Result<Self, PolicyError> {
        let mut policies = Self::default();
        let mut known = BTreeMap::new();
        for tool in tools {
            let mut tool = serde_json::to_value(tool)?;
            let name: Box<str> =
                tool.get("name").and_then(|name| name.as_str()).ok_or(PolicyError::Nameless)?.into();
            if let Some(schema) = tool.get("inputSchema") {
                let headers = ParamHeaders::from_schema(schema)
                    .map_err(|source| PolicyError::ParamHeaders { tool: name.to_string(), source })?;
                if !headers.is_empty() {
                    policies.param_headers.insert(name.clone(), headers);
                }
            }
            if let Some(members) = tool.as_object_mut() {
                let schemas = [members.remove("inputSchema"), members.get("outputSchema").cloned()];
                policies.schemas.insert(name.clone(), schemas);
            }
            known.insert(name, tool);
        }
        policies.known_tools = Some(known);
        Ok(policies)
    }

    /// Begins without knowing which tools exist: only what is declared may be called.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a tool. What it says of itself, where that is known, makes its confirmation stricter
    /// ([`Rule::with_tool`](crate::confirm::Rule::with_tool)).
    pub fn tool(mut self, name: impl Into<Box<str>>, mut policy: ToolPolicy) -> Self {
        let name = name.into();
        self.check("tool", &name, &policy);
        if let Some(tool) = self.known_tools.as_ref().and_then(|known| known.get(&name)) {
            match policy.rule.clone().with_tool(tool) {
                Ok(rule) => policy.rule = rule,
                Err(error) => self.problem(format!("tool `{name}`: {error}"), "correct its `_meta`"),
            }
        }
        let before = self.tools.insert(name.clone(), policy);
        self.once("tool", &name, before.as_ref());
        self
    }

    /// Declares several tools.
    pub fn tools<N: Into<Box<str>>>(self, tools: impl IntoIterator<Item = (N, ToolPolicy)>) -> Self {
        tools.into_iter().fold(self, |policies, (name, policy)| policies.tool(name, policy))
    }

    /// Makes the confirmation of a declared tool this strict, if it is not so already: what an operator demands beyond the
    /// declaration.
    pub fn at_least(mut self, tool: &str, confirmation: Confirmation) -> Self {
        match self.tools.get_mut(tool) {
            Some(policy) if policy.rule.wants() < confirmation => {
                policy.rule = policy.rule.clone().confirmation(confirmation);
            }
            Some(_) => {}
            None => self.problem(
                format!("tool `{tool}` is to be confirmed, and is not declared"),
                "declare it first, or correct the name",
            ),
        }
        self
    }

    /// Declares the resources that match a URI template (`note://{id}`, `{+rest}` across slashes).
    pub fn resource(mut self, uri_template: &str, policy: ToolPolicy) -> Self {
        self.check("resource", uri_template, &policy);
        match UriTemplate::parse(uri_template) {
            Some(template) => self.resources.push((template, policy)),
            None => self.problem(
                format!("`{uri_template}` is no URI template that is understood"),
                "use literals, {name} and {+name}, with text between two variables",
            ),
        }
        self
    }

    /// Declares a prompt.
    pub fn prompt(mut self, name: impl Into<Box<str>>, policy: ToolPolicy) -> Self {
        let name = name.into();
        self.check("prompt", &name, &policy);
        let before = self.prompts.insert(name.clone(), policy);
        self.once("prompt", &name, before.as_ref());
        self
    }

    /// Declares a method that is refused by default (`logging/setLevel`, `tasks/get`), or makes one stricter.
    pub fn method(mut self, name: impl Into<Box<str>>, policy: ToolPolicy) -> Self {
        let name = name.into();
        self.check("method", &name, &policy);
        let before = self.methods.insert(name.clone(), policy);
        self.once("method", &name, before.as_ref());
        self
    }

    /// Says which scope implies which.
    pub fn hierarchy(mut self, hierarchy: ScopeHierarchy) -> Self {
        self.hierarchy = hierarchy;
        self
    }

    /// Every declaration, by kind and name, in order: what a reviewer reads and a start-up log shows.
    pub fn declared_tools(&self) -> BTreeMap<&str, &ToolPolicy> {
        self.tools.iter().map(|(name, policy)| (&**name, policy)).collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &ToolPolicy> {
        self.tools
            .values()
            .chain(self.resources.iter().map(|(_, policy)| policy))
            .chain(self.prompts.values())
            .chain(self.methods.values())
    }

    pub(super) fn report(&self, errors: &mut ConfigErrors) {
        for (problem, fix) in &self.problems {
            errors.push(problem.clone(), fix.clone());
        }
        if self.all().next().is_none() {
            errors.push(
                "nothing is declared, so every call would be refused",
                "declare each tool with `.tool(name, read(\"scope\"))`",
            );
        }
        let Some(known) = &self.known_tools else { return };
        let missing: Vec<&str> =
            known.keys().filter(|name| !self.tools.contains_key(*name)).map(|name| &**name).collect();
        if !missing.is_empty() {
            errors.push(
                format!("tools without a declaration: {}", missing.join(", ")),
                "declare each with `.tool(name, read|write|destructive(\"scope\"))`",
            );
        }
        let mut unknown: Vec<&str> =
            self.tools.keys().filter(|name| !known.contains_key(*name)).map(|name| &**name).collect();
        unknown.sort_unstable();
        if !unknown.is_empty() {
            errors.push(
                format!("declarations of tools that do not exist: {}", unknown.join(", ")),
                "correct the name or remove the declaration",
            );
        }
    }

    fn check(&mut self, kind: &str, name: &str, policy: &ToolPolicy) {
        if let Some([problem, fix]) = policy.problem {
            self.problem(format!("{kind} `{name}`: {problem}"), fix);
        }
    }

    fn once(&mut self, kind: &str, name: &str, before: Option<&ToolPolicy>) {
        if before.is_some() {
            self.problem(format!("{kind} `{name}` is declared twice"), "keep one declaration");
        }
    }

    fn problem(&mut self, problem: String, fix: &str) {
        self.problems.push((problem, fix.to_owned()));
    }
}
