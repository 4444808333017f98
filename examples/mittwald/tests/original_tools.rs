//! The 33 destructive tools of mittwald's own server, which asks before 17 of them: here every one asks.
//!
//! The names, and what each says of the world around it, are those of the public repository `mittwald/mcp-server`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use mcp_auth_core::Principal;
use mcp_auth_core::confirm::{Call, Client, Confirmation, ConfirmationGate as _, Passage, StoreGate};
use mcp_auth_core::mcp::{Era, Limits, Message, Raw};
use mcp_auth_core::policy::{Effect, ToolPolicies, ToolPolicy, destructive, read};
use mcp_auth_core::store::{KeyRing, MemoryStore};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Original {
    name: String,
    scope: String,
    open_world: bool,
    asks_in_the_original: bool,
}

fn originals() -> Vec<Original> {
    serde_json::from_str(include_str!("fixtures/original_destructive_tools.json")).unwrap()
}

/// What a tool says of itself: the truth, a lie, nothing.
fn definitions(tool: &Original) -> [Value; 3] {
    let open = tool.open_world;
    [
        json!({ "readOnlyHint": false, "destructiveHint": true, "openWorldHint": open }),
        json!({ "readOnlyHint": true, "destructiveHint": false, "openWorldHint": open }),
        json!({}),
    ]
    .map(|annotations| json!({ "name": tool.name, "inputSchema": { "type": "object" }, "annotations": annotations }))
}

fn policies(definition: usize, declared: fn(&str) -> ToolPolicy) -> ToolPolicies {
    let tools = originals();
    ToolPolicies::from_tools(tools.iter().map(|tool| definitions(tool)[definition].clone()))
        .unwrap()
        .tools(tools.iter().map(|tool| (tool.name.as_str(), declared(&tool.scope))))
}

/// What becomes of a call of this tool by a client that can ask its user.
async fn called(name: &str, policy: &ToolPolicy) -> Passage {
    let gate = StoreGate::new(
        "https://mcp.example/mcp",
        Arc::new(MemoryStore::default()),
        KeyRing::generate().unwrap(),
    );
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": name, "arguments": { "id": "1", "confirm": true } } });
    let message = Message::parse(&Bytes::from(body.to_string()), &Limits::default()).unwrap();
    let ada = Principal::builder("https://issuer.example", "ada").build();
    let forms = Raw::parse(br#"{"elicitation":{}}"#, &Limits::default()).unwrap();
    let client = Client::new(Era::Modern, false, Some(forms));
    let (principal, rule) = (Some(&ada), policy.rule());
    gate.check(Call {
        principal,
        message: &message,
        tool: name,
        rule,
        client,
        session: None,
        extensions: None,
    })
    .await
}

#[tokio::test]
async fn every_destructive_tool_of_the_original_asks() {
    let tools = originals();
    let names: BTreeSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!((names.len(), tools.len()), (33, 33));
    assert_eq!(
        tools.iter().filter(|tool| tool.asks_in_the_original).count(),
        17,
        "the original's own questions"
    );

    for definition in 0..3 {
        let policies = policies(definition, destructive);
        let declared = policies.declared_tools();
        assert_eq!(declared.len(), 33);
        for (name, policy) in declared {
            assert_eq!(policy.effect(), Effect::Destructive, "{name}");
            assert_eq!(policy.rule().wants(), Confirmation::Elicit, "{name}");
            let passage = called(name, policy).await;
            assert!(matches!(passage, Passage::Ask(_)), "{name}: {passage:?}");
        }
    }
}

/// A declaration that is too mild is corrected by what the tool says of itself.
#[tokio::test]
async fn a_tool_that_says_what_it_does_asks_whatever_was_declared() {
    for (name, policy) in policies(0, read).declared_tools() {
        assert_eq!(policy.rule().wants(), Confirmation::Elicit, "{name}");
        assert!(matches!(called(name, policy).await, Passage::Ask(_)), "{name}");
    }
}

/// The tools that are rebuilt here are declared as they are there.
#[test]
fn the_nine_that_are_rebuilt_are_among_them() {
    let names: BTreeSet<String> = originals().into_iter().map(|tool| tool.name).collect();
    let ours = mittwald_mcp::tools::Mittwald::tools();
    let ours = ours
        .iter()
        .filter(|tool| tool.annotations.as_ref().is_some_and(|hints| hints.destructive_hint == Some(true)));
    let ours: Vec<_> = ours.map(|tool| tool.name.to_string()).collect();
    assert_eq!(ours.len(), 9);
    assert!(ours.iter().all(|name| names.contains(name)), "{ours:?}");
}
