//! A question on the open stream of a session, answered by another POST.

use std::time::Duration;

use mcp_auth_core::Principal;
use mcp_auth_core::confirm::{
    ConfirmationGate, Passage, Phrase, Question, Received, Rule, Sent, StoreGate, StreamQuestion, Voucher,
    Way,
};
use serde_json::{Value, json};

use crate::fixture::*;

fn stream(passage: Passage) -> (Box<StreamQuestion>, Value) {
    assert!(passage.answer(None, false).is_none());
    let Passage::Ask(Question { sent: Sent::Event(question), way, .. }) = passage else {
        panic!("{passage:?}")
    };
    assert_eq!(way, Way::Elicitation);
    let event: Value = serde_json::from_slice(question.event()).unwrap();
    assert!(!question.event().contains(&b'\n'));
    (question, event)
}

fn in_session() -> Caller {
    Caller { session: Some("s1"), ..caller(legacy(FORMS)) }
}

fn response(id: &Value, result: Value) -> mcp_auth_core::mcp::Message {
    message(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn yes() -> Value {
    json!({ "action": "accept", "content": { "confirm": true } })
}

#[tokio::test]
async fn the_answer_may_come_to_another_process() {
    let world = world();
    let rule = world.watched(Rule::destructive());
    let (question, event) =
        stream(in_session().calls(&world.gate, &rule, &call(json!({"id": 3}), json!({}))).await);
    assert_eq!(event["method"], "elicitation/create");
    assert_eq!(event["params"]["mode"], "form");
    let gate = world.gate.clone();
    let waiting = tokio::spawn(async move { gate.settle(question).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let other = world.replica();
    assert_eq!(other.receive(Some(&ada()), "s1", &response(&event["id"], yes())).await, Received::Taken);
    let passage = waiting.await.unwrap();
    assert!(forwarded(&passage).is_none(), "nothing had to be stripped");
    let Passage::Pass(pass) = passage else { panic!() };
    assert_eq!(pass.confirmed.unwrap().by, Voucher::Client);
    assert_eq!(other.receive(Some(&ada()), "s1", &response(&event["id"], yes())).await, Received::Refused);
}

#[tokio::test]
async fn answers_from_elsewhere_change_nothing() {
    let world = world();
    let (question, event) =
        stream(in_session().calls(&world.gate, &Rule::destructive(), &call(json!({}), json!({}))).await);
    let gate = &world.gate;
    let bob = Principal::builder("https://issuer.example", "bob").client_id("cli").build();
    let good = response(&event["id"], yes());
    assert_eq!(gate.receive(Some(&bob), "s1", &good).await, Received::Refused);
    assert_eq!(gate.receive(Some(&ada()), "s2", &good).await, Received::Refused);
    assert_eq!(gate.receive(None, "s1", &good).await, Received::Refused);
    for result in
        [json!({}), json!({ "action": "sure" }), json!({ "action": "accept", "content": { "confirm": 1 } })]
    {
        assert_eq!(
            gate.receive(Some(&ada()), "s1", &response(&event["id"], result)).await,
            Received::Refused
        );
    }
    for id in [json!("1"), json!(1), json!("their-own")] {
        assert_eq!(gate.receive(Some(&ada()), "s1", &response(&id, yes())).await, Received::NotOurs);
    }
    let unknown = response(&json!("mcp-auth-AAAAAAAAAAAAAAAAAAAAAA"), yes());
    assert_eq!(gate.receive(Some(&ada()), "s1", &unknown).await, Received::Refused);
    assert_eq!(gate.receive(Some(&ada()), "s1", &good).await, Received::Taken);
    assert!(matches!(gate.settle(question).await, Passage::Pass(_)));
}

#[tokio::test]
async fn a_no_an_error_and_silence_run_nothing() {
    let world = world();
    let gate = world.replica().answer_within(Duration::from_millis(50));
    let ask = || async {
        stream(in_session().calls(&gate, &Rule::destructive(), &call(json!({}), json!({}))).await)
    };
    let error = |id: &Value| {
        message(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -1, "message": "no" } }))
    };
    let (question, event) = ask().await;
    assert_eq!(
        gate.receive(Some(&ada()), "s1", &response(&event["id"], json!({ "action": "decline" }))).await,
        Received::Taken
    );
    assert!(matches!(gate.settle(question).await, Passage::Declined(declined) if !declined.cancelled));
    let (question, event) = ask().await;
    assert_eq!(gate.receive(Some(&ada()), "s1", &error(&event["id"])).await, Received::Taken);
    assert!(matches!(gate.settle(question).await, Passage::Declined(declined) if declined.cancelled));
    let (question, event) = ask().await;
    let passage = gate.settle(question).await;
    assert_eq!(refused(&passage), "confirmation_no_answer");
    assert!(passage.answer(None, false).is_some());
    let late = response(&event["id"], yes());
    assert_eq!(gate.receive(Some(&ada()), "s1", &late).await, Received::Refused, "too late");
}

#[tokio::test]
async fn weaker_words_and_changed_states_are_asked_again() {
    let world = world();
    let rule = world.watched(Rule::destructive().typed(Phrase::DeleteConfirm));
    let typed = |words: &str| json!({ "action": "accept", "content": { "phrase": words } });
    let (question, event) =
        stream(in_session().calls(&world.gate, &rule, &call(json!({"id": 1}), json!({}))).await);
    let gate = &world.gate;
    assert_eq!(gate.receive(Some(&ada()), "s1", &response(&event["id"], typed("ok"))).await, Received::Taken);
    let (question, event) = stream(gate.settle(question).await);
    assert!(event["params"]["message"].as_str().unwrap().starts_with("That was not"));
    world.change_state();
    assert_eq!(
        gate.receive(Some(&ada()), "s1", &response(&event["id"], typed("DELETE CONFIRM"))).await,
        Received::Taken
    );
    let (question, event) = stream(gate.settle(question).await);
    assert!(event["params"]["message"].as_str().unwrap().starts_with("What was shown before has changed"));
    assert_eq!(
        gate.receive(Some(&ada()), "s1", &response(&event["id"], typed("yes"))).await,
        Received::Taken
    );
    assert_eq!(refused(&gate.settle(question).await), "confirmation_not_given", "the third time");
}

#[tokio::test]
async fn a_session_has_a_bounded_number_of_questions() {
    let world = world();
    let mut waiting = Vec::new();
    for _ in 0..16 {
        let asked = in_session().calls(&world.gate, &Rule::destructive(), &call(json!({}), json!({}))).await;
        waiting.push(stream(asked).0);
    }
    let passage = in_session().calls(&world.gate, &Rule::destructive(), &call(json!({}), json!({}))).await;
    assert_eq!(refused(&passage), "confirmations_waiting");
    let other = Caller { session: Some("s2"), ..in_session() };
    stream(other.calls(&world.gate, &Rule::destructive(), &call(json!({}), json!({}))).await);
    world.clock.advance(Duration::from_secs(301));
    stream(in_session().calls(&world.gate, &Rule::destructive(), &call(json!({}), json!({}))).await);
}

#[tokio::test]
async fn a_question_whose_stream_was_dropped_leaves_its_place() {
    let world = world();
    let ask = |gate: StoreGate| async move {
        in_session().calls(&gate, &Rule::destructive(), &call(json!({}), json!({}))).await
    };
    let mut waiting = Vec::new();
    for _ in 0..16 {
        waiting.push(stream(ask(world.gate.clone()).await));
    }
    assert_eq!(refused(&ask(world.gate.clone()).await), "confirmations_waiting");
    let (question, left) = waiting.pop().unwrap();
    drop(question);
    let (question, _) = stream(ask(world.gate.clone()).await);
    assert_eq!(
        world.gate.receive(Some(&ada()), "s1", &response(&left["id"], yes())).await,
        Received::Refused,
        "nobody waits for it"
    );

    // While it was being waited for; the other process learns of it by the background.
    let background = tokio::spawn(world.gate.background().unwrap());
    let (gate, other) = (world.gate.clone(), world.replica());
    let settling = tokio::spawn(async move { gate.settle(question).await });
    tokio::task::yield_now().await;
    settling.abort();
    assert!(settling.await.unwrap_err().is_cancelled());
    let freed = async {
        loop {
            match ask(other.clone()).await {
                Passage::Ask(question) => return question,
                passage => assert_eq!(refused(&passage), "confirmations_waiting"),
            }
            tokio::task::yield_now().await;
        }
    };
    drop(tokio::time::timeout(Duration::from_secs(5), freed).await.unwrap());
    background.abort();
}
