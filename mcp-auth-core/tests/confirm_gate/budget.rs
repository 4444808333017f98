//! Beyond a budget, a confirmation is demanded where none was declared, or the call refused.

use std::time::Duration;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::confirm::approval::Approver;
use mcp_auth_core::confirm::{
    Budget, Confirmation, ConfirmationGate, Excess, Fallback, Passage, Preview, PreviewCall, Rule,
};
use serde_json::json;

use crate::fixture::{self, *};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn beyond_it_the_client_is_asked_and_one_that_cannot_is_refused() {
    let world = world();
    let gate =
        world.replica().budget("write", Budget::new(MINUTE, 2, None, Excess::Confirm(Confirmation::Elicit)));
    let (rule, able, unable) = (Rule::write(), caller(modern(FORMS)), caller(modern(NOTHING)));
    let sent = call(json!({}), json!({}));
    for _ in 0..2 {
        assert!(forwarded(&able.calls(&gate, &rule, &sent).await).is_none());
    }
    let state = asked(&able.calls(&gate, &rule, &sent).await)["requestState"].clone();
    let passage = unable.calls(&gate, &rule, &sent).await;
    assert_eq!(refused(&passage), "write_budget");
    assert_eq!(passage.answer(None, true).unwrap().0, 429);
    let retry = call(json!({}), json!({ "requestState": state, "inputResponses": accept() }));
    assert!(matches!(able.calls(&gate, &rule, &retry).await, Passage::Pass(_)));
    world.clock.advance(Duration::from_secs(31));
    assert!(forwarded(&unable.calls(&gate, &rule, &sent).await).is_none(), "one is refilled");
    gate.sweep();
}

#[tokio::test]
async fn what_the_previews_say_is_counted() {
    let world = world();
    let gate = world.replica().budget("write", Budget::new(MINUTE, 100, Some(10), Excess::Refuse));
    let rule = Rule::write().preview(|call: PreviewCall| async move {
        let arguments: serde_json::Value = call.arguments()?;
        Ok(Preview::new("Change").affected(arguments["n"].as_u64().unwrap_or(1)))
    });
    let ada = caller(modern(NOTHING));
    assert!(forwarded(&ada.calls(&gate, &rule, &call(json!({"n": 8}), json!({}))).await).is_none());
    assert_eq!(refused(&ada.calls(&gate, &rule, &call(json!({"n": 3}), json!({}))).await), "write_budget");
    assert!(forwarded(&ada.calls(&gate, &rule, &call(json!({"n": 2}), json!({}))).await).is_none());
    let others = caller(modern(NOTHING));
    let bob = Caller { principal: Some(mcp_auth_core::Principal::builder("i", "bob").build()), ..others };
    assert!(forwarded(&bob.calls(&gate, &rule, &call(json!({"n": 9}), json!({}))).await).is_none());
}

/// A client can answer its own questions: a hard limit holds for what was confirmed, too.
#[tokio::test]
async fn a_refusal_is_for_confirmed_calls_too() {
    let world = world();
    let gate = world.replica().budget("destructive", Budget::new(MINUTE, 2, None, Excess::Refuse));
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    let sent = call(json!({}), json!({}));
    let ask = async || asked(&ada.calls(&gate, &rule, &sent).await)["requestState"].clone();
    let states = [ask().await, ask().await, ask().await];
    let retry = async |state: &serde_json::Value| {
        let retry = call(json!({}), json!({ "requestState": state, "inputResponses": accept() }));
        ada.calls(&gate, &rule, &retry).await
    };
    for state in &states[..2] {
        assert!(matches!(retry(state).await, Passage::Pass(_)));
    }
    let third = retry(&states[2]).await;
    assert_eq!(refused(&third), "write_budget", "asked while there was room");
    assert_eq!(third.answer(None, true).unwrap().0, 429);
    let Passage::Refused(refusal) = third else { panic!() };
    assert_eq!(refusal.retry_after(), Some(MINUTE / 2));
    assert_eq!(refused(&ada.calls(&gate, &rule, &sent).await), "write_budget", "and nobody is asked now");
    world.clock.advance(MINUTE / 2);
    assert!(matches!(retry(&ask().await).await, Passage::Pass(_)));
}

/// Within the budget the client asks; beyond it a person decides on the page.
#[tokio::test]
async fn beyond_it_more_is_demanded_than_was_declared() {
    let world = world();
    let excess = Excess::Confirm(Confirmation::Approve);
    let gate = world.replica().budget("destructive", Budget::new(MINUTE, 1, None, excess));
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    let sent = call(json!({}), json!({}));
    let ask = async || asked(&ada.calls(&gate, &rule, &sent).await);
    let states = [ask().await["requestState"].clone(), ask().await["requestState"].clone()];
    let retry = |state| call(json!({}), json!({ "requestState": state, "inputResponses": accept() }));
    assert!(matches!(ada.calls(&gate, &rule, &retry(&states[0])).await, Passage::Pass(_)));
    let text = |question: &serde_json::Value| question["content"][0]["text"].as_str().unwrap().to_owned();
    let more = text(&asked(&ada.calls(&gate, &rule, &retry(&states[1])).await));
    assert!(more.contains("needs more than that") && more.contains("/approve?id="), "{more}");
    let link = text(&ask().await);
    let id = link.split("?id=").nth(1).unwrap().split(' ').next().unwrap();
    let user = Approver {
        issuer: "https://issuer.example".to_owned(),
        subject: "ada".to_owned(),
        scopes: ScopeSet::default(),
    };
    world.approvals.approve(id, &user, None, None).await.unwrap();
    assert!(matches!(ada.calls(&gate, &rule, &sent).await, Passage::Pass(_)));
    assert!(text(&ask().await).contains("/approve?id="));

    let mut errors = ConfigErrors::default();
    let pageless = fixture::gate(&world.clock, &world.store, &world.keys);
    let pageless = pageless.budget("destructive", Budget::new(MINUTE, 1, None, excess));
    pageless.report("delete", &rule, &mut errors);
    assert_eq!(errors.as_slice().len(), 1, "there is no page to send anybody to");
}

/// A client that is let off with two steps is let off beyond the budget, too, and not asked for ever.
#[tokio::test]
async fn the_fallback_counts_beyond_it() {
    let world = world();
    let excess = Excess::Confirm(Confirmation::Elicit);
    let gate = world.replica().budget("write", Budget::new(MINUTE, 1, None, excess));
    let (rule, ada) = (Rule::write().or(Fallback::TwoStep), caller(modern(NOTHING)));
    let sent = call(json!({}), json!({}));
    assert!(matches!(ada.calls(&gate, &rule, &sent).await, Passage::Pass(_)));
    let question = asked(&ada.calls(&gate, &rule, &sent).await);
    let text = question["content"][0]["text"].as_str().unwrap();
    let token = text.split("\"confirmation_token\": \"").nth(1).unwrap().split('"').next().unwrap();
    let second = call(json!({ "confirmation_token": token }), json!({}));
    assert!(matches!(ada.calls(&gate, &rule, &second).await, Passage::Pass(_)));
}

/// What was used up is remembered for a while: one principal must not fill the store for all.
#[tokio::test]
async fn one_principal_uses_up_only_so_many_confirmations() {
    let world = world();
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    let bob =
        Caller { principal: Some(mcp_auth_core::Principal::builder("i", "bob").build()), ..ada.clone() };
    let ask = async |who: &Caller, action: &str| {
        let sent = call(json!({}), json!({}));
        let state = asked(&who.calls(&world.gate, &rule, &sent).await)["requestState"].clone();
        let answer = json!({ "confirmation": { "action": action, "content": { "confirm": true } } });
        let answered = call(json!({}), json!({ "requestState": state, "inputResponses": answer }));
        who.calls(&world.gate, &rule, &answered).await
    };
    for _ in 0..1000 {
        assert!(matches!(ask(&ada, "decline").await, Passage::Declined(_)));
    }
    let passage = ask(&ada, "decline").await;
    assert_eq!(refused(&passage), "too_many_confirmations");
    assert_eq!(passage.answer(None, true).unwrap().0, 429);
    assert!(matches!(&passage, Passage::Refused(refusal) if refusal.retry_after().is_some()));
    assert_eq!(refused(&ask(&ada, "accept").await), "too_many_confirmations", "whatever the answer");
    assert!(matches!(ask(&bob, "accept").await, Passage::Pass(_)), "others go on");
    world.clock.advance(MINUTE);
    world.gate.sweep();
    assert!(matches!(ask(&ada, "accept").await, Passage::Pass(_)));
}
