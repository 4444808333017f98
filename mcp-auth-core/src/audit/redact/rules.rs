//! What a JSON Schema says is secret, compiled once per tool.
//!
//! 1. `writeOnly: true`, `format: password` and `x-mcp-auth-redact: true` make a value secret; `x-mcp-auth-redact:
//!    false` says that a name only looks secret. If schemas disagree, secret wins. `x-mcp-auth-personal: true` says that it is about
//!    a person.
//! 2. `allOf`, `anyOf`, `oneOf`, `if`, `then`, `else` and local `$ref` are followed; all of them apply.
//! 3. What cannot be followed (a foreign `$ref`, a schema too large) makes the value secret.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

/// A schema with more distinct places is secret beyond them.
const MOST_NODES: usize = 4096;
const OPAQUE: usize = 0;

/// The compiled rules of one schema.
#[derive(Clone, Debug)]
pub struct Rules {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    secret: bool,
    /// The name is no reason.
    plain: bool,
    /// It is about a person.
    personal: bool,
    members: BTreeMap<String, usize>,
    /// What any other member follows.
    others: Option<usize>,
    items: Option<usize>,
}

/// A place in the rules.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    rules: &'a Rules,
    node: usize,
}

impl Rules {
    /// Reads the `inputSchema` or `outputSchema` of a tool.
    #[must_use]
    pub fn from_schema(schema: &Value) -> Self {
        let opaque = Node { secret: true, ..Node::default() };
        let mut compiler = Compiler { root: schema, known: HashMap::new(), nodes: vec![opaque] };
        let root = compiler.node(&[schema]);
        // The walk begins at the last node.
        let root = compiler.nodes.get(root).cloned().unwrap_or_default();
        compiler.nodes.push(root);
        Self { nodes: compiler.nodes }
    }

    pub(super) fn root(&self) -> At<'_> {
        At { rules: self, node: self.nodes.len().saturating_sub(1) }
    }
}

impl<'a> At<'a> {
    fn node(self) -> Option<&'a Node> {
        self.rules.nodes.get(self.node)
    }

    pub(super) fn is_secret(self) -> bool {
        self.node().is_none_or(|node| node.secret)
    }

    pub(super) fn is_plain(self) -> bool {
        self.node().is_some_and(|node| node.plain)
    }

    pub(super) fn is_personal(self) -> bool {
        self.node().is_some_and(|node| node.personal)
    }

    pub(super) fn member(self, name: &str) -> Option<Self> {
        let node = self.node()?;
        node.members.get(name).copied().or(node.others).map(|node| At { node, ..self })
    }

    pub(super) fn item(self) -> Option<Self> {
        self.node()?.items.map(|node| At { node, ..self })
    }
}

struct Compiler<'a> {
    root: &'a Value,
    /// Nodes by the schemas that apply together, which are known by where they lie.
    known: HashMap<Vec<usize>, usize>,
    nodes: Vec<Node>,
}

impl<'a> Compiler<'a> {
    /// The node of a value to which all of `schemas` apply.
    fn node(&mut self, schemas: &[&'a Value]) -> usize {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        let mut unknown = false;
        let mut open: Vec<&'a Value> = schemas.to_vec();
        while let Some(schema) = open.pop() {
            if !seen.insert(std::ptr::from_ref(schema).addr()) {
                continue;
            }
            let Value::Object(schema) = schema else { continue };
            all.push(schema);
            for word in ["allOf", "anyOf", "oneOf"] {
                open.extend(schema.get(word).and_then(Value::as_array).into_iter().flatten());
            }
            open.extend(["if", "then", "else"].iter().filter_map(|word| schema.get(*word)));
            for word in ["$ref", "$dynamicRef"] {
                match schema.get(word).map(|reference| self.resolve(reference)) {
                    Some(Some(target)) => open.push(target),
                    Some(None) => unknown = true,
                    None => {}
                }
            }
        }
        if unknown {
            return OPAQUE;
        }
        let place: Vec<usize> = seen.into_iter().collect();
        if let Some(known) = self.known.get(&place) {
            return *known;
        }
        if self.nodes.len() >= MOST_NODES {
            return OPAQUE;
        }
        let index = self.nodes.len();
        self.nodes.push(Node::default());
        self.known.insert(place, index);
        let node = self.fill(&all);
        if let Some(place) = self.nodes.get_mut(index) {
            *place = node;
        }
        index
    }

    fn fill(&mut self, all: &[&'a Map<String, Value>]) -> Node {
        let is = |word: &str, value: &Value| all.iter().any(|schema| schema.get(word) == Some(value));
        let secret = is("writeOnly", &Value::Bool(true))
            || is("format", &Value::from("password"))
            || is("x-mcp-auth-redact", &Value::Bool(true));
        let plain = !secret && is("x-mcp-auth-redact", &Value::Bool(false));
        let personal = is("x-mcp-auth-personal", &Value::Bool(true));
        if secret {
            return Node { secret, ..Node::default() };
        }
        // Patterns are not matched: what one says holds for every name.
        let patterns: Vec<&'a Value> = all
            .iter()
            .filter_map(|schema| schema.get("patternProperties").and_then(Value::as_object))
            .flat_map(Map::values)
            .collect();
        let properties =
            |schema: &&'a Map<String, Value>| schema.get("properties").and_then(Value::as_object);
        let others = |schema: &&'a Map<String, Value>| {
            ["additionalProperties", "unevaluatedProperties"]
                .map(|word| schema.get(word))
                .into_iter()
                .flatten()
        };
        let names: BTreeSet<&'a String> = all.iter().filter_map(properties).flat_map(Map::keys).collect();
        let mut members = BTreeMap::new();
        for name in names {
            let mut apply = patterns.clone();
            for schema in all {
                match properties(schema).and_then(|properties| properties.get(name)) {
                    Some(property) => apply.push(property),
                    None => apply.extend(others(schema)),
                }
            }
            members.insert(name.clone(), self.node(&apply));
        }
        let rest: Vec<&'a Value> = patterns.into_iter().chain(all.iter().flat_map(others)).collect();
        let others = (!rest.is_empty()).then(|| self.node(&rest));
        let mut inside: Vec<&'a Value> = Vec::new();
        for schema in all {
            for word in ["items", "prefixItems", "additionalItems", "contains", "unevaluatedItems"] {
                match schema.get(word) {
                    Some(Value::Array(items)) => inside.extend(items),
                    Some(items) => inside.push(items),
                    None => {}
                }
            }
        }
        let items = (!inside.is_empty()).then(|| self.node(&inside));
        Node { secret, plain, personal, members, others, items }
    }

    fn resolve(&self, reference: &Value) -> Option<&'a Value> {
        let pointer = reference.as_str()?.strip_prefix('#')?;
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8().ok()?;
        self.root.pointer(&pointer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_through_references_and_combinations() {
        let rules = Rules::from_schema(&json!({
            "$defs": {
                "node": {"properties": {"left": {"$ref": "#/$defs/node"}, "leaf": {"writeOnly": true}}},
                "login": {"properties": {"word": {"format": "password"}, "shown": {"type": "string"}}},
            },
            "properties": {"tree": {"$ref": "#/$defs/node"}, "far": {"$ref": "https://x/schema"}},
            "allOf": [{"properties": {"login": {"anyOf": [{"$ref": "#/$defs/login"}, {"type": "null"}]}}}],
            "patternProperties": {"^x-": {"items": {"x-mcp-auth-redact": true}}},
        }));
        let secret = |path: &[&str]| {
            let mut at = rules.root();
            for step in path {
                at = match *step {
                    "[]" => at.item().unwrap(),
                    name => match at.member(name) {
                        Some(at) => at,
                        None => return false,
                    },
                };
            }
            at.is_secret()
        };
        assert!(secret(&["tree", "left", "left", "left", "leaf"]));
        assert!(secret(&["login", "word"]));
        assert!(secret(&["far"]));
        assert!(secret(&["x-any", "[]"]));
        assert!(!secret(&["login", "shown"]));
        assert!(!secret(&["tree", "left"]));
        assert!(!secret(&["elsewhere"]));
    }
}
