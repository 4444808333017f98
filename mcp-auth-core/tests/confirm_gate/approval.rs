//! Calls that a signed-in person decides about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mcp_auth_core::confirm::approval::{Approver, DecideError};
use mcp_auth_core::confirm::{
    Confirmation, Passage, Phrase, Preview, PreviewCall, PreviewError, Rule, Voucher,
};
use mcp_auth_core::{Principal, ScopeSet};
use serde_json::{Value, json};

use crate::fixture::*;

fn person(subject: &str, scopes: &str) -> Approver {
    let scopes = ScopeSet::parse(scopes).unwrap();
    Approver { issuer: "https://issuer.example".to_owned(), subject: subject.to_owned(), scopes }
}

fn id_in(text: &str) -> String {
    let link = text.split("https://mcp.example/approve?").nth(1).unwrap();
    let id: String =
        link.chars().skip(3).take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    assert_eq!(id.len(), 22, "{link}");
    id
}

fn sent() -> Value {
    call(json!({"id": 1}), json!({}))
}

fn approve() -> Rule {
    Rule::new(Confirmation::Approve)
}

#[tokio::test]
async fn an_approved_call_runs_once() {
    let world = world();
    let (rule, ada) = (world.watched(approve()), caller(modern(NOTHING)));
    let first = asked(&ada.calls(&world.gate, &rule, &sent()).await);
    let text = first["content"][0]["text"].as_str().unwrap();
    let id = id_in(text);
    let again = asked(&ada.calls(&world.replica(), &rule, &sent()).await);
    assert_eq!(id_in(again["content"][0]["text"].as_str().unwrap()), id, "the same call, the same link");

    let me = person("ada", "");
    let pending = world.approvals.pending(&id, &me).await.unwrap();
    assert!(
        pending.text.contains("Delete a note")
            && pending.tool == "delete"
            && pending.client.as_deref() == Some("cli")
    );
    world.approvals.approve(&id, &me, None, Some("weekly\nclean-up")).await.unwrap();
    assert!(matches!(world.approvals.decline(&id, &me, None).await, Err(DecideError::Decided)));
    let passed = ada.calls(&world.replica(), &rule, &sent()).await;
    let Passage::Pass(pass) = passed else { panic!("{passed:?}") };
    let asks = br#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","inputRequests":{}}}"#;
    let asks = pass.continuation.as_ref().unwrap().wrap(&Bytes::from_static(asks)).unwrap();
    let asks: Value = serde_json::from_slice(&asks).unwrap();
    let answered = call(json!({"id": 1}), json!({ "requestState": asks["result"]["requestState"] }));
    let Passage::Pass(later) = ada.calls(&world.gate, &rule, &answered).await else { panic!() };
    assert_eq!(later.confirmed, pass.confirmed, "where the tool asks questions of its own");
    let by = pass.confirmed.unwrap().by;
    assert_eq!(by.as_str(), "verified user");
    assert_eq!(
        by,
        Voucher::User {
            issuer: me.issuer.clone(),
            subject: "ada".into(),
            reason: Some("weekly clean-up".into())
        }
    );
    let third = asked(&ada.calls(&world.gate, &rule, &sent()).await);
    assert_ne!(id_in(third["content"][0]["text"].as_str().unwrap()), id, "used up");
    assert!(matches!(world.approvals.pending(&id, &me).await, Err(DecideError::NotFound)));
}

#[tokio::test]
async fn a_declined_call_says_who_and_why() {
    let world = world();
    let (rule, ada) = (approve(), caller(modern(NOTHING)));
    let first = asked(&ada.calls(&world.gate, &rule, &sent()).await);
    let id = id_in(first["content"][0]["text"].as_str().unwrap());
    world.approvals.decline(&id, &person("ada", ""), Some("not <now>")).await.unwrap();
    let passage = ada.calls(&world.gate, &rule, &sent()).await;
    assert!(matches!(passage, Passage::Declined(_)));
    assert_eq!(answer(&passage)["result"]["content"][0]["text"], "Not run: declined by ada: not ‹now›");
    asked(&ada.calls(&world.gate, &rule, &sent()).await);
}

#[tokio::test]
async fn only_the_right_person_decides() {
    let world = world();
    let ada = caller(modern(NOTHING));
    let asks = |rule: Rule| {
        let (gate, ada) = (world.gate.clone(), ada.clone());
        async move {
            let first = asked(&ada.calls(&gate, &rule, &sent()).await);
            id_in(first["content"][0]["text"].as_str().unwrap())
        }
    };
    let own = asks(approve()).await;
    let stranger = Approver { issuer: "https://other.example".to_owned(), ..person("ada", "approve") };
    for other in [person("bob", "approve"), stranger.clone()] {
        assert!(matches!(
            world.approvals.approve(&own, &other, None, None).await,
            Err(DecideError::NotFound)
        ));
        assert!(matches!(world.approvals.pending(&own, &other).await, Err(DecideError::NotFound)));
    }
    for bad in ["", "x", &"A".repeat(22), "../../../../../../../."] {
        assert!(matches!(world.approvals.pending(bad, &person("ada", "")).await, Err(DecideError::NotFound)));
    }
    world.approvals.decline(&own, &person("ada", ""), None).await.unwrap();
    assert!(matches!(ada.calls(&world.gate, &approve(), &sent()).await, Passage::Declined(_)));

    let four = approve().four_eyes("approve").typed(Phrase::DeleteConfirm);
    let id = asks(four.clone()).await;
    for other in [person("ada", "approve"), person("bob", "read"), stranger] {
        assert!(matches!(
            world.approvals.approve(&id, &other, Some("DELETE CONFIRM"), None).await,
            Err(DecideError::NotFound)
        ));
    }
    let bob = person("bob", "approve");
    for weaker in [None, Some("CONFIRM"), Some("yes")] {
        assert!(matches!(world.approvals.approve(&id, &bob, weaker, None).await, Err(DecideError::Phrase)));
    }
    world.approvals.approve(&id, &bob, Some("DELETE CONFIRM"), None).await.unwrap();
    assert!(matches!(ada.calls(&world.gate, &four, &sent()).await, Passage::Pass(_)));
}

#[tokio::test]
async fn a_machine_is_approved_by_four_eyes_only() {
    let world = world();
    let machine = Principal::builder("https://issuer.example", "robot").client_id("robot").build();
    for principal in [Some(machine.clone()), None] {
        let robot = Caller { principal, ..caller(modern(NOTHING)) };
        assert_eq!(
            refused(&robot.calls(&world.gate, &approve(), &sent()).await),
            "confirmation_nobody_to_approve"
        );
    }
    let robot = Caller { principal: Some(machine), ..caller(modern(NOTHING)) };
    asked(&robot.calls(&world.gate, &approve().four_eyes("approve"), &sent()).await);
}

#[tokio::test]
async fn what_was_approved_must_still_hold() {
    let world = world();
    let (rule, ada) = (world.watched(approve()), caller(modern(NOTHING)));
    let first = asked(&ada.calls(&world.gate, &rule, &sent()).await);
    let id = id_in(first["content"][0]["text"].as_str().unwrap());
    world.approvals.approve(&id, &person("ada", ""), None, None).await.unwrap();
    let other = ada.calls(&world.gate, &rule, &call(json!({"id": 2}), json!({}))).await;
    assert_ne!(
        id_in(asked(&other)["content"][0]["text"].as_str().unwrap()),
        id,
        "another call is another approval"
    );
    world.change_state();
    let again = asked(&ada.calls(&world.gate, &rule, &sent()).await);
    let text = again["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("has changed since") && id_in(text) != id, "{text}");
}

#[tokio::test]
async fn a_preview_that_fails_does_not_cost_the_approval() {
    let world = world();
    let ada = caller(modern(NOTHING));
    let broken = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&broken);
    let rule = approve().preview(move |_: PreviewCall| {
        let is_broken = seen.load(Ordering::SeqCst);
        async move {
            if is_broken { Err(PreviewError::Unavailable("down".into())) } else { Ok(Preview::new("Delete")) }
        }
    });
    let first = asked(&ada.calls(&world.gate, &rule, &sent()).await);
    let id = id_in(first["content"][0]["text"].as_str().unwrap());
    world.approvals.approve(&id, &person("ada", ""), None, None).await.unwrap();
    broken.store(true, Ordering::SeqCst);
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &sent()).await), "confirmation_unavailable");
    broken.store(false, Ordering::SeqCst);
    assert!(matches!(ada.calls(&world.gate, &rule, &sent()).await, Passage::Pass(_)));
}

#[tokio::test]
async fn time_and_number_are_bounded() {
    let world = world();
    let gate = world.replica().approvals(world.approvals.clone().at_most(3));
    let ada = caller(modern(NOTHING));
    let nth = |n: u32| call(json!({ "id": n }), json!({}));
    for n in 0..3 {
        asked(&ada.calls(&gate, &approve(), &nth(n)).await);
    }
    assert_eq!(refused(&ada.calls(&gate, &approve(), &nth(3)).await), "confirmations_waiting");
    let first = asked(&ada.calls(&gate, &approve(), &nth(0)).await);
    let id = id_in(first["content"][0]["text"].as_str().unwrap());
    world.clock.advance(Duration::from_secs(3601));
    assert!(matches!(
        world.approvals.approve(&id, &person("ada", ""), None, None).await,
        Err(DecideError::NotFound)
    ));
    asked(&ada.calls(&gate, &approve(), &nth(3)).await);
}

#[tokio::test]
async fn a_client_that_opens_links_gets_one_and_waits() {
    let world = world();
    let (rule, ada) = (approve(), caller(modern(LINKS)));
    let first = asked(&ada.calls(&world.gate, &rule, &sent()).await);
    let link = &first["inputRequests"]["confirmation"]["params"];
    assert_eq!((&first["resultType"], &link["mode"]), (&json!("input_required"), &json!("url")));
    assert!(first.get("requestState").is_none());
    let id = id_in(link["url"].as_str().unwrap());
    let retry = |action: &str| {
        call(json!({"id": 1}), json!({ "inputResponses": { "confirmation": { "action": action } } }))
    };
    let (gate, later) = (world.replica(), world.approvals.clone());
    let waiting = {
        let (ada, rule, retry) = (ada.clone(), rule.clone(), retry("accept"));
        tokio::spawn(async move { forwarded(&ada.calls(&gate, &rule, &retry).await) })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    later.approve(&id, &person("ada", ""), None, None).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), sent(), "the answers are stripped");

    let impatient = world.replica().page_within(Duration::from_millis(10));
    let link = asked(&ada.calls(&impatient, &rule, &sent()).await)["inputRequests"]["confirmation"]["params"]
        ["url"]
        .clone();
    let again = asked(&ada.calls(&impatient, &rule, &retry("accept")).await);
    assert_eq!(again["inputRequests"]["confirmation"]["params"]["url"], link);
    world.approvals.approve(&id_in(link.as_str().unwrap()), &person("ada", ""), None, None).await.unwrap();
    assert!(
        matches!(ada.calls(&impatient, &rule, &retry("decline")).await, Passage::Declined(_)),
        "taken back"
    );
    asked(&ada.calls(&impatient, &rule, &sent()).await);
}

#[tokio::test]
async fn a_session_gets_the_error_that_carries_a_link() {
    let world = world();
    let ada = Caller { session: Some("s1"), ..caller(legacy(LINKS)) };
    let error = asked(&ada.calls(&world.gate, &approve(), &sent()).await);
    assert_eq!(error["code"], -32042);
    let elicitation = &error["data"]["elicitations"][0];
    assert_eq!(id_in(elicitation["url"].as_str().unwrap()), elicitation["elicitationId"].as_str().unwrap());
}

#[tokio::test]
async fn of_many_repetitions_one_runs() {
    let world = world();
    let (rule, ada) = (approve(), caller(modern(NOTHING)));
    let first = asked(&ada.calls(&world.gate, &rule, &sent()).await);
    let id = id_in(first["content"][0]["text"].as_str().unwrap());
    world.approvals.approve(&id, &person("ada", ""), None, None).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (gate, rule, ada) = (world.replica(), rule.clone(), ada.clone());
        tasks.spawn(async move { matches!(ada.calls(&gate, &rule, &sent()).await, Passage::Pass(_)) });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|ran| *ran).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_call_many_times_at_once_is_one_approval() {
    let world = world();
    let (rule, ada) = (approve(), caller(modern(NOTHING)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (gate, rule, ada) = (world.replica(), rule.clone(), ada.clone());
        tasks.spawn(async move {
            let first = asked(&ada.calls(&gate, &rule, &sent()).await);
            id_in(first["content"][0]["text"].as_str().unwrap())
        });
    }
    let ids: std::collections::HashSet<String> = tasks.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(
        world.store.scan("approvals", "", None, 100).await.unwrap().len(),
        1,
        "nothing is left behind"
    );
}
