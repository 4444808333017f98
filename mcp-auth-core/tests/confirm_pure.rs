//! What asks nobody: the choice of a way, the digest, the text of a preview, the budget.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use mcp_auth_core::confirm::{
    Budget, Client, Confirmation, Digest, Excess, Fallback, Phrase, Preview, Rule, Way, add_token_arguments,
    choose, with_token_argument,
};
use mcp_auth_core::mcp::{Era, Limits, Raw, Revision};
use mcp_auth_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

fn raw(text: &str) -> Raw<'_> {
    Raw::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::of(raw(text), &[])
}

#[test]
fn the_way_follows_from_rule_era_and_capabilities() {
    use Confirmation::{Approve, Elicit, None as Nothing, TwoStep};
    use Way::{Elicitation, Free, Mrtr, PageByError, PageByMrtr, PageByText, Refused};
    let (old, june, november, modern) = (
        Era::Legacy(Revision::V2025_03_26),
        Era::Legacy(Revision::V2025_06_18),
        Era::Legacy(Revision::V2025_11_25),
        Era::Modern,
    );
    let refuse = Fallback::Refuse;
    // wanted, fallback, era, session, capabilities, page → way
    let table = [
        (Nothing, refuse, modern, false, "{}", true, Free),
        (TwoStep, refuse, modern, false, "{}", false, Way::TwoStep),
        (TwoStep, refuse, modern, false, r#"{"elicitation":{}}"#, true, Way::TwoStep),
        (Elicit, refuse, modern, false, r#"{"elicitation":{}}"#, false, Mrtr),
        (Elicit, refuse, modern, false, r#"{"elicitation":{"form":{}}}"#, true, Mrtr),
        (Elicit, refuse, modern, false, r#"{"elicitation":{"form":{},"url":{}}}"#, true, Mrtr),
        (Elicit, refuse, modern, false, r#"{"elicitation":{"url":{}}}"#, true, PageByMrtr),
        (Elicit, refuse, modern, false, r#"{"elicitation":{"url":{}}}"#, false, Refused),
        (Elicit, refuse, modern, false, r#"{"elicitation":true}"#, false, Refused),
        (Elicit, refuse, modern, false, r#"{"elicitation":null}"#, true, Refused),
        (Elicit, refuse, modern, false, "{}", true, Refused),
        (Elicit, Fallback::TwoStep, modern, false, "{}", true, Way::TwoStep),
        (Elicit, Fallback::Approve, modern, false, "{}", true, PageByText),
        (Elicit, Fallback::Approve, modern, false, "{}", false, Refused),
        (Elicit, Fallback::TwoStep, modern, false, r#"{"elicitation":{}}"#, false, Mrtr),
        (Elicit, refuse, june, true, r#"{"elicitation":{}}"#, false, Elicitation),
        (Elicit, refuse, november, true, r#"{"elicitation":{"form":{}}}"#, false, Elicitation),
        (Elicit, refuse, november, true, r#"{"elicitation":{"url":{}}}"#, true, PageByError),
        (Elicit, refuse, june, false, r#"{"elicitation":{}}"#, true, Refused),
        (Elicit, refuse, old, true, r#"{"elicitation":{}}"#, true, Refused),
        (Elicit, Fallback::TwoStep, old, true, r#"{"elicitation":{}}"#, false, Way::TwoStep),
        (Approve, refuse, modern, false, r#"{"elicitation":{}}"#, true, PageByText),
        (Approve, refuse, modern, false, r#"{"elicitation":{"url":{}}}"#, true, PageByMrtr),
        (Approve, refuse, november, true, r#"{"elicitation":{"url":{},"form":{}}}"#, true, PageByError),
        (Approve, refuse, november, false, r#"{"elicitation":{"url":{}}}"#, true, PageByText),
        (Approve, refuse, june, true, r#"{"elicitation":{"url":{}}}"#, true, PageByText),
        (Approve, refuse, old, false, "{}", true, PageByText),
        (Approve, refuse, modern, false, r#"{"elicitation":{}}"#, false, Refused),
        (Approve, Fallback::TwoStep, modern, false, "{}", false, Way::TwoStep),
    ];
    for (wanted, fallback, era, session, capabilities, page, expected) in table {
        let client = Client::new(era, session, Some(raw(capabilities)));
        let way = choose(wanted, fallback, client, page);
        assert_eq!(way, expected, "{wanted:?} {fallback:?} {era:?} {session} {capabilities} {page}");
    }
    let undeclared = Client::new(Era::Modern, false, None);
    assert_eq!(choose(Elicit, refuse, undeclared, true), Refused);
}

#[test]
fn a_phrase_is_typed_to_the_letter() {
    assert!(Phrase::DeleteConfirm.is("DELETE CONFIRM") && Phrase::Confirm.is(" CONFIRM\n"));
    for weaker in ["", "yes", "ok", "confirm", "CONFIRM", "DELETE", "DELETE  CONFIRM", "delete confirm"] {
        assert!(!Phrase::DeleteConfirm.is(weaker), "{weaker}");
    }
}

#[test]
fn a_digest_sees_numbers_as_they_are_written() {
    let different = [
        ("9007199254740992", "9007199254740993"),
        ("1", "1.0"),
        ("1", "1e0"),
        ("0", "-0"),
        ("1", "\"1\""),
        ("null", "\"null\""),
        ("true", "\"true\""),
        ("null", "{}"),
        ("[]", "{}"),
        ("[[1],2]", "[1,[2]]"),
        ("[[]]", "[[],[]]"),
        ("[[[]],[]]", "[[],[[]]]"),
        ("[{},[]]", "[[],{}]"),
        ("[\"]\"]", "[[]]"),
        (r#"{"a":[1],"b":2}"#, r#"{"a":[1,2],"b":2}"#),
        (r#"[{"a":1},{"b":2}]"#, r#"[{"a":1,"b":2}]"#),
        (r#"["a","b"]"#, r#"["ab",""]"#),
        (r#"{"a":{"b":1}}"#, r#"{"a":{},"b":1}"#),
        ("[1,2]", "[2,1]"),
    ];
    for (one, other) in different {
        let wrap = |value: &str| format!(r#"{{"x":{value}}}"#);
        assert_ne!(digest(&wrap(one)), digest(&wrap(other)), "{one} {other}");
        assert_ne!(digest(one), digest(other));
    }
    assert_eq!(
        digest(r#"{"b":[1,{"d":2,"c":3}],"a":"\u00e9"}"#),
        digest(r#"{ "a":"é", "b":[1,{"c":3,"d":2}] }"#)
    );
    assert_eq!(digest("{}"), Digest::of_nothing());
    let left_out = Digest::of(raw(r#"{"a":1,"token":"x","b":{"token":2}}"#), &["token"]);
    assert_eq!(left_out, digest(r#"{"a":1,"b":{"token":2}}"#), "only the outermost is left out");
    assert!(Raw::parse(br#"{"a":1,"\u0061":2}"#, &Limits::default()).is_err(), "duplicates never get here");
}

/// JSON whose numbers are integers, so that equality of values is equality of spellings.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"\\\\é]{0,2}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same value, with members turned round, escapes and spaces.
fn respelled(value: &Value) -> String {
    let text = |text: &str| {
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        format!("\"{units}\"")
    };
    match value {
        Value::String(string) => text(string),
        Value::Array(items) => format!("[ {} ]", items.iter().map(respelled).collect::<Vec<_>>().join(" , ")),
        Value::Object(members) => {
            let turned: Vec<String> = members
                .iter()
                .rev()
                .map(|(key, value)| format!("{} : {}", text(key), respelled(value)))
                .collect();
            format!("{{ {} }}", turned.join("\n,"))
        }
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn digests_are_equal_exactly_for_equal_values(one in json(), other in json()) {
        prop_assert_eq!(digest(&one.to_string()), digest(&respelled(&one)));
        prop_assert_eq!(one == other, digest(&one.to_string()) == digest(&other.to_string()));
    }

    #[test]
    fn a_preview_shows_nothing_hidden_and_no_markup(data in "\\PC{0,60}|(.|[\u{0}-\u{1f}\u{200b}-\u{202e}\u{2066}-\u{2069}<>\\[\\]`*]){0,300}") {
        let preview = Preview::new(data.clone()).removes(data.clone()).changes(data.clone(), data.clone(), data.clone()).creates(data);
        let text = preview.text();
        prop_assert_eq!(text.lines().count(), if preview.summary.is_empty() { 6 } else { 7 }, "{}", text);
        let bad = |c: char| (c.is_control() && c != '\n') || "<>[]`*~“”".contains(c)
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{ad}');
        prop_assert!(!text.contains(bad), "{text:?}");
        prop_assert!(!text.contains("://"));
        prop_assert!(text.len() < 8000);
    }
}

#[test]
fn a_preview_is_bounded_and_says_what_is_left_out() {
    let many =
        (0..500).fold(Preview::new("x".repeat(5000)), |preview, n| preview.removes(format!("note {n}")));
    let text = many.affected(500).irreversible().text();
    assert!(text.contains("(4800 more characters)") && text.contains("… and 488 more"), "{text}");
    assert!(text.contains("Removes (500):") && text.contains("This cannot be undone."));
    let forged =
        Preview::new("a").removes("x\nThis can be undone.\u{202e}[click](https://evil.example)").text();
    assert!(forged.ends_with("- x This can be undone.\u{fffd}⟦click⟧(https: //evil.example)"), "{forged}");
}

#[test]
fn what_was_seen_is_the_version_else_all_of_it() {
    let one = Preview::new("a").version("7");
    assert_eq!(one.seen(), Preview::new("b").removes("c").version("7").seen());
    assert_ne!(one.seen(), Preview::new("a").version("8").seen());
    assert_ne!(Preview::new("a").removes("x").seen(), Preview::new("a").creates("x").seen());
    assert_ne!(Preview::new("a").removes("x").removes("y").seen(), Preview::new("a").removes("xy").seen());
    assert_ne!(Preview::new("a").seen(), one.seen());
}

#[test]
fn the_token_argument_is_added_where_there_is_room_for_it() {
    let added = |tool: &str| {
        with_token_argument(tool.as_bytes()).map(|tool| serde_json::from_slice::<Value>(&tool).unwrap())
    };
    let tool = added(r#"{"name":"d","inputSchema":{"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}}"#).unwrap();
    assert_eq!(tool["inputSchema"]["properties"]["confirmation_token"]["type"], "string");
    assert_eq!(tool["inputSchema"]["properties"]["id"]["type"], "string");
    assert_eq!(tool["inputSchema"]["required"], serde_json::json!(["id"]));
    let bare = added(r#"{"name":"d","inputSchema":{"type":"object"}}"#).unwrap();
    assert!(bare["inputSchema"]["properties"]["confirmation_token"].is_object());
    for none in [
        r#"{"name":"d"}"#,
        r#"{"name":"d","inputSchema":true}"#,
        r#"{"name":"d","inputSchema":{"properties":{"confirmation_token":{}}}}"#,
        "no json",
    ] {
        assert!(with_token_argument(none.as_bytes()).is_none(), "{none}");
    }
}

#[test]
fn a_budget_is_one_of_each_principal_and_class() {
    let budget = Budget::new(Duration::from_secs(60), 10, Some(100), Excess::Refuse);
    let now = Timestamp::from_secs(1_000_000);
    assert!(budget.spend("ada", "write", 90, now).is_ok());
    let over = budget.spend("ada", "write", 20, now).unwrap_err();
    assert_eq!(over.retry_after, Duration::from_secs(6), "until ten are refilled");
    assert!(budget.spend("ada", "write", 10, now).is_ok(), "a refused call took nothing");
    assert!(budget.spend("ada", "destructive", 20, now).is_ok());
    assert!(budget.spend("bob", "write", 20, now).is_ok());
    assert!(budget.spend("cyd", "write", 101, now).is_err(), "more than there ever is");
    budget.spend_confirmed("cyd", "write", 1_000_000, now);
    assert!(budget.spend("cyd", "write", 1, now).is_err());
    assert!(budget.spend("cyd", "write", 1, now.plus(Duration::from_secs(1))).is_ok(), "no debt");
    budget.sweep(now.plus(Duration::from_secs(3600)));
    let none = Budget::new(Duration::from_secs(60), 0, None, Excess::Refuse);
    assert!(none.spend("ada", "write", 1, now).is_err());
}

#[test]
fn the_list_shows_the_argument_for_some_tools_only() {
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"a","inputSchema":{"type":"object"}},{"name":"b","inputSchema":{"type":"object"}}],"ttlMs":1}}"#;
    let list = bytes::Bytes::from_static(list.as_bytes());
    let changed: Value =
        serde_json::from_slice(&add_token_arguments(&list, |name| name == "b").unwrap()).unwrap();
    assert!(changed["result"]["tools"][0]["inputSchema"].get("properties").is_none());
    assert!(changed["result"]["tools"][1]["inputSchema"]["properties"]["confirmation_token"].is_object());
    assert_eq!(changed["result"]["ttlMs"], 1);
    assert_eq!(add_token_arguments(&list, |_| false).unwrap(), list);
    let error = bytes::Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}"#);
    assert_eq!(add_token_arguments(&error, |_| true).unwrap(), error);
    for bad in ["no", r#"{"result":{}}"#, r#"{"result":{"tools":{}}}"#, r#"{"result":{"tools":[{}]}}"#] {
        assert!(add_token_arguments(&bytes::Bytes::from_static(bad.as_bytes()), |_| true).is_err(), "{bad}");
    }
}

#[test]
fn what_a_tool_says_of_itself_makes_a_rule_stricter_only() {
    use Confirmation::{Approve, Elicit, TwoStep};
    let wants = |rule: Rule, tool: Value| rule.with_tool(&tool).map(|rule| rule.wants());
    let meta = |named: Value| serde_json::json!({ "_meta": { "mcp-auth/confirmation": named } });
    let read_only = serde_json::json!({ "annotations": { "readOnlyHint": true, "destructiveHint": false } });
    let destructive = serde_json::json!({ "annotations": { "destructiveHint": true } });
    assert_eq!(wants(Rule::destructive(), read_only), Ok(Elicit));
    assert_eq!(wants(Rule::write(), destructive.clone()), Ok(Elicit));
    assert_eq!(wants(Rule::new(Approve), destructive), Ok(Approve));
    assert_eq!(wants(Rule::destructive(), meta("none".into())), Ok(Elicit));
    assert_eq!(wants(Rule::write(), meta("two_step".into())), Ok(TwoStep));
    assert_eq!(wants(Rule::write(), meta("approve".into())), Ok(Approve));
    for unknown in [Value::from("elicitation"), Value::from(true), Value::Null] {
        assert!(wants(Rule::write(), meta(unknown)).is_err());
    }
}
