//! A tool behind the gate that uses MRTR itself.

use bytes::Bytes;
use mcp_auth_core::confirm::{Passage, Rule};
use serde_json::{Value, json};

use crate::fixture::*;

#[tokio::test]
async fn its_state_travels_in_ours_and_comes_back_once() {
    let world = world();
    let (rule, ada) = (world.watched(Rule::destructive()), caller(modern(FORMS)));
    let state =
        asked(&ada.calls(&world.gate, &rule, &call(json!({"id": 1}), json!({}))).await)["requestState"]
            .clone();
    let retry = call(json!({"id": 1}), json!({ "requestState": state, "inputResponses": accept() }));
    let Passage::Pass(pass) = ada.calls(&world.gate, &rule, &retry).await else { panic!() };
    let continuation = pass.continuation.unwrap();

    let done =
        Bytes::from_static(br#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","content":[]}}"#);
    assert_eq!(continuation.wrap(&done).unwrap(), done);
    let asks = json!({ "jsonrpc": "2.0", "id": 7, "result": { "resultType": "input_required",
        "inputRequests": { "confirmation": { "method": "roots/list" } }, "requestState": "the tool's \"own\"" } });
    let wrapped: Value =
        serde_json::from_slice(&continuation.wrap(&asks.to_string().into()).unwrap()).unwrap();
    let ours = wrapped["result"]["requestState"].clone();
    assert!(!ours.as_str().unwrap().contains("own"));
    assert_eq!(wrapped["result"]["inputRequests"], asks["result"]["inputRequests"]);

    let responses = json!({ "confirmation": { "roots": [] } });
    let elsewhere = call(json!({"id": 2}), json!({ "requestState": ours, "inputResponses": responses }));
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &elsewhere).await), "state_changed_arguments");
    world.change_state();
    let third = call(json!({"id": 1}), json!({ "requestState": ours, "inputResponses": responses }));
    let passed = ada.calls(&world.replica(), &rule, &third).await;
    let body = forwarded(&passed).unwrap();
    assert_eq!(body["params"]["requestState"], "the tool's \"own\"");
    assert_eq!(body["params"]["inputResponses"], responses);
    assert_eq!(
        refused(&ada.calls(&world.gate, &rule, &third).await),
        "state_replayed",
        "or it would run twice"
    );
}

#[tokio::test]
async fn a_question_without_a_state_gets_one_and_loses_it_again() {
    let world = world();
    let (rule, ada) = (Rule::write(), caller(modern(FORMS)));
    let Passage::Pass(pass) = ada.calls(&world.gate, &rule, &call(json!({}), json!({}))).await else {
        panic!()
    };
    let asks = br#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","inputRequests":{}}}"#;
    let wrapped = pass.continuation.as_ref().unwrap().wrap(&Bytes::from_static(asks)).unwrap();
    let wrapped: Value = serde_json::from_slice(&wrapped).unwrap();
    let second =
        call(json!({}), json!({ "requestState": wrapped["result"]["requestState"], "inputResponses": {} }));
    let body = forwarded(&ada.calls(&world.gate, &rule, &second).await).unwrap();
    assert_eq!(body, call(json!({}), json!({ "inputResponses": {} })));

    let too_long = json!({ "jsonrpc": "2.0", "id": 7, "result": { "resultType": "input_required", "requestState": "x".repeat(40_000) } });
    for bad in [
        too_long.to_string(),
        r#"{"jsonrpc":"2.0","id":7,"result":{"resulttype":"input_required"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","requestState":7}}"#.to_owned(),
        "no json".to_owned(),
    ] {
        assert!(pass.continuation.as_ref().unwrap().wrap(&bad.clone().into()).is_err(), "{bad:.80}");
    }
    let Passage::Pass(legacy) =
        caller(legacy(NOTHING)).calls(&world.gate, &rule, &call(json!({}), json!({}))).await
    else {
        panic!()
    };
    assert!(legacy.continuation.is_none());
}
