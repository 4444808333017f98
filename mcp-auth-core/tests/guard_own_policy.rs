//! What the guard does for a policy of a service's own, which has no rules.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/guarded.rs"]
mod guarded;

use guarded::{OneToken, modern_message, modern_request};
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::guard::Decision;
use mcp_auth_core::mcp::{ListKind, Operation};
use mcp_auth_core::policy::{Arguments, Effect, ScopePolicy, Verdict};
use mcp_auth_core::{Guard, Principal, ScopeSet};
use serde_json::{Value, json};

struct Ours(Effect);

impl ScopePolicy for Ours {
    fn decide(&self, _: Option<&Principal>, _: &Operation, _: Arguments<'_>) -> Verdict {
        Verdict::Allow { effect: self.0, needed: ScopeSet::default() }
    }
    fn is_listed(&self, _: Option<&Principal>, _: ListKind, _: &str) -> bool {
        true
    }
    fn has_public(&self) -> bool {
        false
    }
    fn covers(&self, _: &ScopeSet, _: &ScopeSet) -> bool {
        true
    }
    fn scopes(&self) -> ScopeSet {
        ScopeSet::default()
    }
    fn report(&self, _: &mut ConfigErrors) {}
}

/// A call of the tool `save`.
async fn decide(effect: Effect, meta: Value) -> Decision {
    let built = Guard::builder("https://mcp.example/mcp").verifier(OneToken("")).policy(Ours(effect)).build();
    let call = json!({ "name": "save", "arguments": {}, "_meta": meta });
    let (mut parts, body) = modern_request(&modern_message("tools/call", call));
    guarded::decide(&built.unwrap().0, &mut parts, body).await
}

fn text(decision: Decision) -> String {
    let Decision::Respond(response) = decision else { panic!("{decision:?}") };
    let answer: Value = serde_json::from_slice(response.body()).unwrap();
    answer["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_dry_run_runs_nothing() {
    for effect in [Effect::Read, Effect::Write, Effect::Destructive] {
        let decision = decide(effect, json!({ "mcp-auth/dryRun": true })).await;
        assert!(text(decision).starts_with("Dry run: nothing was changed."), "{effect:?}");
    }
}

#[tokio::test]
async fn all_else_runs_unless_it_is_destructive() {
    for meta in [json!({}), json!({ "mcp-auth/dryRun": false })] {
        assert!(matches!(decide(Effect::Read, meta.clone()).await, Decision::Forward(_)));
        assert!(matches!(decide(Effect::Write, meta.clone()).await, Decision::Forward(_)));
        assert!(text(decide(Effect::Destructive, meta).await).starts_with("Not run"));
    }
}
