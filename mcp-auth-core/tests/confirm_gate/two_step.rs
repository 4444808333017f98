//! Two steps: a token that the next call repeats.

use mcp_auth_core::confirm::{Confirmation, Fallback, Passage, Rule, Voucher, Way};
use serde_json::{Value, json};

use crate::fixture::*;

fn token(passage: &Passage) -> String {
    let result = asked(passage);
    assert_eq!(result["isError"], true, "clients compare all else with an output schema");
    let text = result["content"][0]["text"].as_str().unwrap();
    text.split("\"confirmation_token\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_token_is_good_once_and_never_forwarded() {
    let world = world();
    let rule = world.watched(Rule::new(Confirmation::TwoStep));
    for client in [modern(NOTHING), legacy(NOTHING), modern(FORMS)] {
        let ada = caller(client);
        let sent = parse(
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"delete","arguments":{"id": 1.0, "x":"\u0061"}}}"#,
        );
        let token = token(&ada.sends(&world.gate, &rule, &sent).await);
        let second = parse(&format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"delete","arguments":{{"confirmation_token":"{token}","id": 1.0,"x":"a"}}}}}}"#
        ));
        let passed = ada.sends(&world.replica(), &rule, &second).await;
        let Passage::Pass(pass) = &passed else { panic!("{passed:?}") };
        let body = std::str::from_utf8(pass.body.as_ref().unwrap()).unwrap();
        assert!(body.contains(r#""arguments":{"id":1.0,"x":"a"}"#), "{body}");
        let confirmed = pass.confirmed.as_ref().unwrap();
        assert_eq!((confirmed.way, &confirmed.by), (Way::TwoStep, &Voucher::Client));
        assert_eq!(refused(&ada.sends(&world.gate, &rule, &second).await), "state_replayed");
    }
}

#[tokio::test]
async fn tokens_of_other_calls_do_not_count() {
    let world = world();
    let (rule, ada) = (Rule::new(Confirmation::Elicit).or(Fallback::TwoStep), caller(modern(NOTHING)));
    let first = ada.calls(&world.gate, &rule, &call(json!({"id": 1}), json!({}))).await;
    let token = token(&first);
    let with = |id: Value, token: Value| call(json!({ "id": id, "confirmation_token": token }), json!({}));
    assert_eq!(
        refused(&ada.calls(&world.gate, &rule, &with(json!(1.0), json!(token))).await),
        "state_changed_arguments"
    );
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &with(json!(1), json!("yes"))).await), "state_forged");
    assert_eq!(
        refused(&ada.calls(&world.gate, &rule, &with(json!(1), json!(true))).await),
        "confirmation_malformed"
    );
    for absent in [json!(null), json!("")] {
        asked(&ada.calls(&world.gate, &rule, &with(json!(1), absent)).await);
    }
    // A token is no answer to a form, and not for a rule that became stricter.
    let as_state = call(json!({"id": 1}), json!({ "requestState": token, "inputResponses": accept() }));
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &as_state).await), "state_forged");
    let stricter = Rule::new(Confirmation::Elicit);
    assert_eq!(
        refused(&ada.calls(&world.gate, &stricter, &with(json!(1), json!(token))).await),
        "state_forged"
    );
    assert!(forwarded(&ada.calls(&world.gate, &rule, &with(json!(1), json!(token))).await).is_some());
}

#[tokio::test]
async fn a_state_that_moved_on_needs_another_token() {
    let world = world();
    let (rule, ada) = (world.watched(Rule::new(Confirmation::TwoStep)), caller(modern(NOTHING)));
    let first = token(&ada.calls(&world.gate, &rule, &call(json!({"id": 1}), json!({}))).await);
    world.change_state();
    let second = token(
        &ada.calls(&world.gate, &rule, &call(json!({"id": 1, "confirmation_token": first}), json!({}))).await,
    );
    let passed =
        ada.calls(&world.gate, &rule, &call(json!({"id": 1, "confirmation_token": second}), json!({}))).await;
    assert_eq!(forwarded(&passed).unwrap()["params"]["arguments"], json!({"id": 1}));
}

#[tokio::test]
async fn arguments_are_shown_where_there_is_no_preview_but_not_the_hidden_ones() {
    let world = world();
    let rule = Rule::new(Confirmation::TwoStep).hide("password");
    let arguments = json!({ "password": "hunter2", "name": "a\u{202e}b", "n": 12345678901234567890_u64 });
    let result = asked(&caller(modern(NOTHING)).calls(&world.gate, &rule, &call(arguments, json!({}))).await);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("- n: 12345678901234567890") && text.contains("- name: \"a\u{fffd}b\""), "{text}");
    assert!(!text.contains("hunter2") && text.contains("password: (not shown)"), "{text}");
}
