//! A tool behind the gate that uses MRTR itself.

use std::time::Duration;

use bytes::Bytes;
use mcp_auth_core::confirm::{Passage, Preview, Rule, Voucher, Way};
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
    let (continuation, confirmed) = (pass.continuation.unwrap(), pass.confirmed.unwrap());
    assert_eq!((confirmed.way, &confirmed.by), (Way::Mrtr, &Voucher::Client));

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
    world.clock.advance(Duration::from_secs(60));
    let passed = ada.calls(&world.replica(), &rule, &third).await;
    let Passage::Pass(pass) = &passed else { panic!() };
    assert_eq!(pass.confirmed.as_ref(), Some(&confirmed), "as it was then, and what was shown");
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
    let passed = ada.calls(&world.gate, &rule, &second).await;
    assert_eq!(forwarded(&passed).unwrap(), call(json!({}), json!({ "inputResponses": {} })));
    assert!(matches!(passed, Passage::Pass(pass) if pass.confirmed.is_none()), "nobody was asked");

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

/// Asks for more input, as a tool does.
fn asks_again() -> Bytes {
    let asks = json!({ "jsonrpc": "2.0", "id": 7, "result": { "resultType": "input_required", "inputRequests": {} } });
    asks.to_string().into()
}

#[tokio::test]
async fn a_long_preview_leaves_its_version_and_each_leg_knows_who_confirmed() {
    let world = world();
    let rule = Rule::destructive().preview(|_| async {
        Ok((0..500)
            .fold(Preview::new("Delete").version("7"), |preview, n| preview.removes(format!("{n:0>100}"))))
    });
    let ada = caller(modern(FORMS));
    let state =
        asked(&ada.calls(&world.gate, &rule, &call(json!({}), json!({}))).await)["requestState"].clone();
    let mut more = json!({ "requestState": state, "inputResponses": accept() });
    for leg in 0..3 {
        let Passage::Pass(pass) = ada.calls(&world.gate, &rule, &call(json!({}), more)).await else {
            panic!()
        };
        let confirmed = pass.confirmed.unwrap();
        assert_eq!(confirmed.way, Way::Mrtr);
        let preview = confirmed.preview.unwrap();
        assert_eq!((preview.version.as_deref(), preview.removes.is_empty()), (Some("7"), leg > 0));
        let wrapped = pass.continuation.unwrap().wrap(&asks_again()).unwrap();
        let wrapped: Value = serde_json::from_slice(&wrapped).unwrap();
        more = json!({ "requestState": wrapped["result"]["requestState"], "inputResponses": {} });
    }
}
