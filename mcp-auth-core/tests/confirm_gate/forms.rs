//! MRTR: a form in an `InputRequiredResult`.

use mcp_auth_core::Principal;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::confirm::{
    Budget, Confirmation, ConfirmationGate, Excess, Fallback, Passage, Phrase, PreviewCall, PreviewError,
    Rule, Voucher, Way,
};
use mcp_auth_core::store::{KeyRing, MemoryStore, Store};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use crate::fixture::*;

fn state(passage: &Passage) -> Value {
    asked(passage)["requestState"].clone()
}

#[tokio::test]
async fn a_confirmed_call_runs_once_and_without_what_was_ours() {
    let world = world();
    let (rule, ada) = (world.watched(Rule::destructive()), caller(modern(FORMS)));
    let first = ada.calls(&world.gate, &rule, &call(json!({"id": 42}), json!({}))).await;
    let question = asked(&first);
    assert_eq!(question["resultType"], "input_required");
    let form = &question["inputRequests"]["confirmation"];
    assert_eq!(form["method"], "elicitation/create");
    assert_eq!(form["params"]["mode"], "form");
    assert_eq!(form["params"]["requestedSchema"]["required"], json!(["confirm"]));
    let text = form["params"]["message"].as_str().unwrap();
    assert!(
        text.contains("Tool: delete") && text.contains("- 42") && text.contains("cannot be undone"),
        "{text}"
    );

    let retry = call(
        json!({"id": 42}),
        json!({ "requestState": question["requestState"], "inputResponses": accept() }),
    );
    let passed = ada.calls(&world.replica(), &rule, &retry).await;
    assert_eq!(forwarded(&passed).unwrap(), call(json!({"id": 42}), json!({})), "both members are stripped");
    let Passage::Pass(pass) = passed else { panic!() };
    let confirmed = pass.confirmed.unwrap();
    assert_eq!((confirmed.way, confirmed.by.clone()), (Way::Mrtr, Voucher::Client));
    assert_eq!(confirmed.by.as_str(), "asserted by client");
    assert_eq!(confirmed.preview.unwrap().version.as_deref(), Some("0"));

    for gate in [&world.gate, &world.replica()] {
        assert_eq!(refused(&ada.calls(gate, &rule, &retry).await), "state_replayed");
    }
}

#[tokio::test]
async fn a_state_is_good_for_one_call_of_one_principal_for_a_while() {
    let world = world();
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    let sent = call(json!({"id": 9_007_199_254_740_992_u64}), json!({}));
    let state = state(&ada.calls(&world.gate, &rule, &sent).await);
    let retry = |arguments: Value, state: &Value| {
        call(arguments, json!({ "requestState": state, "inputResponses": accept() }))
    };
    let same = json!({"id": 9_007_199_254_740_992_u64});

    let other = retry(json!({"id": 9_007_199_254_740_993_u64}), &state);
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &other).await), "state_changed_arguments");
    let more = retry(json!({"id": 9_007_199_254_740_992_u64, "force": true}), &state);
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &more).await), "state_changed_arguments");
    let elsewhere = Caller { tool: "delete_all", ..ada.clone() };
    assert_eq!(
        refused(&elsewhere.calls(&world.gate, &rule, &retry(same.clone(), &state)).await),
        "state_foreign_tool"
    );
    for other in [
        Principal::builder("https://issuer.example", "ada").client_id("web").build(),
        Principal::builder("https://x.example", "ada").client_id("cli").build(),
    ] {
        let foreign = Caller { principal: Some(other), ..ada.clone() };
        assert_eq!(
            refused(&foreign.calls(&world.gate, &rule, &retry(same.clone(), &state)).await),
            "state_foreign_principal"
        );
    }
    let nobody = Caller { principal: None, ..ada.clone() };
    assert_eq!(
        refused(&nobody.calls(&world.gate, &rule, &retry(same.clone(), &state)).await),
        "state_foreign_principal"
    );

    let text = state.as_str().unwrap();
    let damaged = (0..text.len()).map(|at| {
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    });
    let cut = (0..text.len()).map(|at| text[..at].to_owned());
    for forged in damaged.chain(cut).chain(["x".to_owned(), "A".repeat(100_000)]) {
        let call = retry(same.clone(), &json!(forged.clone()));
        assert_eq!(refused(&ada.calls(&world.gate, &rule, &call).await), "state_forged", "{}", forged.len());
    }
    let other_keys = gate(&world.clock, &world.store, &KeyRing::generate().unwrap());
    assert_eq!(refused(&ada.calls(&other_keys, &rule, &retry(same.clone(), &state)).await), "state_forged");

    world.clock.advance(Duration::from_secs(601));
    let passage = ada.calls(&world.gate, &rule, &retry(same, &state)).await;
    assert_eq!(refused(&passage), "state_expired");
    assert_eq!(answer(&passage)["result"]["isError"], true);
}

#[tokio::test]
async fn a_no_uses_the_state_up() {
    let world = world();
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    for (action, cancelled) in [("decline", false), ("cancel", true)] {
        let state = state(&ada.calls(&world.gate, &rule, &call(json!({}), json!({}))).await);
        let responses =
            json!({ "confirmation": { "action": action, "content": { "confirm": true } }, "extra": 1 });
        let retry = call(json!({}), json!({ "requestState": state, "inputResponses": responses }));
        let passage = ada.calls(&world.gate, &rule, &retry).await;
        let Passage::Declined(declined) = &passage else { panic!("{passage:?}") };
        assert_eq!((declined.cancelled, &declined.by), (cancelled, &Voucher::Client));
        assert_eq!(answer(&passage)["result"]["isError"], true);
        let yes = call(json!({}), json!({ "requestState": state, "inputResponses": accept() }));
        assert_eq!(refused(&ada.calls(&world.gate, &rule, &yes).await), "state_replayed");
    }
}

#[tokio::test]
async fn answers_that_are_none_run_nothing() {
    let world = world();
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    let fresh = || async { state(&ada.calls(&world.gate, &rule, &call(json!({}), json!({}))).await) };
    for malformed in [
        json!([]),
        json!("accept"),
        json!({ "confirmation": true }),
        json!({ "confirmation": {} }),
        json!({ "confirmation": { "action": "yes" } }),
        json!({ "confirmation": { "action": "accept", "content": [] } }),
        json!({ "confirmation": { "action": "accept", "content": { "confirm": "true" } } }),
    ] {
        let retry = call(json!({}), json!({ "requestState": fresh().await, "inputResponses": malformed }));
        assert_eq!(
            refused(&ada.calls(&world.gate, &rule, &retry).await),
            "confirmation_malformed",
            "{malformed}"
        );
    }
    // What is missing or too weak is asked for again, three times in all.
    for weak in [
        json!({}),
        json!({ "other": { "action": "accept" } }),
        json!({ "confirmation": { "action": "accept" } }),
        json!({ "confirmation": { "action": "accept", "content": { "confirm": false } } }),
        json!({ "confirmation": { "action": "accept", "content": { "confirmed": true } } }),
    ] {
        let mut state = fresh().await;
        for _ in 0..2 {
            let retry = call(json!({}), json!({ "requestState": state, "inputResponses": weak }));
            let again = ada.calls(&world.gate, &rule, &retry).await;
            assert_ne!(asked(&again)["requestState"], state);
            state = asked(&again)["requestState"].clone();
        }
        let retry = call(json!({}), json!({ "requestState": state, "inputResponses": weak }));
        assert_eq!(refused(&ada.calls(&world.gate, &rule, &retry).await), "confirmation_not_given", "{weak}");
    }
    let mistyped = call(json!({}), json!({ "requestState": 7 }));
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &mistyped).await), "confirmation_malformed");
    let list = call(json!([]), json!({}));
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &list).await), "confirmation_malformed");
}

#[tokio::test]
async fn a_typed_phrase_is_demanded() {
    let world = world();
    let (rule, ada) = (Rule::destructive().typed(Phrase::DeleteConfirm), caller(modern(FORMS)));
    let first = asked(&ada.calls(&world.gate, &rule, &call(json!({}), json!({}))).await);
    let schema = &first["inputRequests"]["confirmation"]["params"]["requestedSchema"];
    assert_eq!(schema["required"], json!(["phrase"]));
    let typed = |phrase: &str| json!({ "confirmation": { "action": "accept", "content": { "phrase": phrase, "confirm": true } } });
    let retry =
        call(json!({}), json!({ "requestState": first["requestState"], "inputResponses": typed("yes") }));
    let again = asked(&ada.calls(&world.gate, &rule, &retry).await);
    assert!(
        again["inputRequests"]["confirmation"]["params"]["message"]
            .as_str()
            .unwrap()
            .starts_with("That was not")
    );
    let retry = call(
        json!({}),
        json!({ "requestState": again["requestState"], "inputResponses": typed("DELETE CONFIRM") }),
    );
    assert!(forwarded(&ada.calls(&world.gate, &rule, &retry).await).is_some());
}

#[tokio::test]
async fn a_state_that_moved_on_is_shown_again() {
    let world = world();
    let (rule, ada) = (world.watched(Rule::destructive()), caller(modern(FORMS)));
    let state = state(&ada.calls(&world.gate, &rule, &call(json!({"id": 1}), json!({}))).await);
    world.change_state();
    let retry = call(json!({"id": 1}), json!({ "requestState": state, "inputResponses": accept() }));
    let again = asked(&ada.calls(&world.gate, &rule, &retry).await);
    let text = again["inputRequests"]["confirmation"]["params"]["message"].as_str().unwrap().to_owned();
    assert!(text.starts_with("What was shown before has changed"), "{text}");
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &retry).await), "state_replayed");
    let retry =
        call(json!({"id": 1}), json!({ "requestState": again["requestState"], "inputResponses": accept() }));
    assert!(forwarded(&ada.calls(&world.gate, &rule, &retry).await).is_some());
}

#[tokio::test]
async fn what_the_model_says_about_confirming_means_nothing() {
    let world = world();
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    let arguments = json!({ "confirm": true, "confirmed": "yes", "confirmation": { "action": "accept" } });
    let more = json!({ "inputResponses": accept(), "_meta": { "confirm": true } });
    asked(&ada.calls(&world.gate, &rule, &call(arguments, more)).await);
}

#[tokio::test]
async fn a_client_that_cannot_is_refused_and_a_rule_without_question_is_free() {
    let world = world();
    let ada = caller(modern(NOTHING));
    let plain = call(json!({}), json!({ "requestState": "the tool's own" }));
    assert_eq!(
        refused(&ada.calls(&world.gate, &Rule::destructive(), &call(json!({}), json!({}))).await),
        "confirmation_not_possible"
    );
    let free = ada.calls(&world.gate, &Rule::default(), &plain).await;
    assert_eq!(forwarded(&free), None, "the original bytes");
    assert_eq!(
        refused(&ada.calls(&world.gate, &Rule::write(), &plain).await),
        "state_forged",
        "states are ours there"
    );
    assert_eq!(forwarded(&ada.calls(&world.gate, &Rule::write(), &call(json!({}), json!({}))).await), None);
}

#[tokio::test]
async fn previews_that_fail_run_nothing() {
    let world = world();
    let ada = caller(modern(FORMS));
    let rejects = Rule::destructive()
        .preview(|_: PreviewCall| async { Err(PreviewError::Rejected("no <b>note</b>".to_owned())) });
    let passage = ada.calls(&world.gate, &rejects, &call(json!({}), json!({}))).await;
    assert_eq!(refused(&passage), "preview_refused");
    assert_eq!(answer(&passage)["result"]["content"][0]["text"], "Not run: no ‹b›note‹/b›");
    let broken =
        Rule::destructive().preview(|_: PreviewCall| async { Err(PreviewError::Unavailable("down".into())) });
    let passage = ada.calls(&world.gate, &broken, &call(json!({}), json!({}))).await;
    assert_eq!(refused(&passage), "confirmation_unavailable");
    assert_eq!(passage.answer(None, true).unwrap().0, 503);
}

#[tokio::test]
async fn a_store_that_is_full_runs_nothing() {
    let world = world();
    let full: Arc<dyn Store> = Arc::new(MemoryStore::new(world.clock.clone(), 0));
    let gate = gate(&world.clock, &full, &world.keys);
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    let state = state(&ada.calls(&gate, &rule, &call(json!({}), json!({}))).await);
    let retry = call(json!({}), json!({ "requestState": state, "inputResponses": accept() }));
    assert_eq!(refused(&ada.calls(&gate, &rule, &retry).await), "confirmation_unavailable");
}

#[tokio::test]
async fn of_many_replays_at_once_one_runs() {
    let world = world();
    let (rule, ada) = (Rule::destructive(), caller(modern(FORMS)));
    let state = state(&ada.calls(&world.gate, &rule, &call(json!({}), json!({}))).await);
    let retry = call(json!({}), json!({ "requestState": state, "inputResponses": accept() }));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (gate, rule, ada, retry) = (world.replica(), rule.clone(), ada.clone(), retry.clone());
        tasks.spawn(async move { matches!(ada.calls(&gate, &rule, &retry).await, Passage::Pass(_)) });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|ran| *ran).count(), 1);
}

#[tokio::test]
async fn a_dry_run_shows_and_runs_nothing() {
    let world = world();
    let ada = caller(modern(NOTHING));
    let rule = world.watched(Rule::new(Confirmation::None)).dry_run_argument("dry_run");
    let meta = |value: Value| {
        call(
            json!({"id": 1}),
            json!({ "_meta": { "mcp-auth/dryRun": value, "mcp-auth/reason": "weekly <x>" } }),
        )
    };
    for sent in [meta(json!(true)), call(json!({"id": 1, "dry_run": true}), json!({}))] {
        let passage = ada.calls(&world.gate, &rule, &sent).await;
        assert!(matches!(passage, Passage::DryRun(_)), "{passage:?}");
        let answer = answer(&passage);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(
            text.starts_with("Dry run: nothing was changed.") && text.contains("Delete a note"),
            "{text}"
        );
        assert_eq!(answer["result"]["isError"], false);
    }
    assert!(forwarded(&ada.calls(&world.gate, &rule, &meta(json!(false))).await).is_none());
    assert_eq!(refused(&ada.calls(&world.gate, &rule, &meta(json!("true"))).await), "confirmation_malformed");
    // The argument is the tool's own: strict, forwarded when it is no, and nothing where it is not declared.
    let argument = |value: Value| call(json!({"id": 1, "dry_run": value}), json!({}));
    for no in [json!(false), Value::Null] {
        assert!(forwarded(&ada.calls(&world.gate, &rule, &argument(no)).await).is_none());
    }
    for unclear in [json!("true"), json!(1), json!([true])] {
        let passage = ada.calls(&world.gate, &rule, &argument(unclear)).await;
        assert_eq!(refused(&passage), "confirmation_malformed");
    }
    let undeclared = world.watched(Rule::new(Confirmation::None));
    assert!(matches!(ada.calls(&world.gate, &undeclared, &argument(json!(true))).await, Passage::Pass(_)));
    // It is not asked about, spends nothing, and uses no answer up.
    let destructive = world.watched(Rule::destructive()).dry_run_argument("dry_run");
    let gate =
        world.replica().budget("destructive", Budget::new(Duration::from_secs(60), 0, None, Excess::Refuse));
    let passage = ada.calls(&gate, &destructive, &argument(json!(true))).await;
    assert!(matches!(passage, Passage::DryRun(_)), "{passage:?}");
    let structured = ada.calls(&world.gate, &rule.clone().has_output_schema(), &meta(json!(true))).await;
    assert_eq!(answer(&structured)["result"]["isError"], true);
}

#[test]
fn rules_that_cannot_be_kept_are_found_at_start() {
    let world = world();
    let with_page: Box<dyn ConfirmationGate> = Box::new(world.replica());
    let without: Box<dyn ConfirmationGate> = Box::new(gate(&world.clock, &world.store, &world.keys));
    let problems = |gate: &dyn ConfirmationGate, rule: Rule| {
        let mut errors = ConfigErrors::default();
        gate.report("delete", &rule, &mut errors);
        errors.as_slice().len()
    };
    let approve = Rule::new(Confirmation::Approve);
    assert_eq!(problems(&*with_page, approve.clone().four_eyes("approve").typed(Phrase::Confirm)), 0);
    assert_eq!(problems(&*without, approve.clone()), 1);
    assert_eq!(problems(&*without, Rule::destructive().or(Fallback::Approve)), 1);
    assert_eq!(problems(&*with_page, Rule::destructive().four_eyes("approve")), 1);
    assert_eq!(problems(&*with_page, approve.four_eyes("approve").or(Fallback::TwoStep)), 1);
    assert_eq!(problems(&*with_page, Rule::new(Confirmation::TwoStep).typed(Phrase::Confirm)), 1);
    assert_eq!(problems(&*without, Rule::destructive().or(Fallback::TwoStep).typed(Phrase::Confirm)), 0);
    assert!(without.uses_tokens(&Rule::destructive().or(Fallback::TwoStep), modern(NOTHING)));
    assert!(!without.uses_tokens(&Rule::destructive().or(Fallback::TwoStep), modern(FORMS)));
}

#[tokio::test]
async fn what_is_large_is_asked_about_in_few_words() {
    let world = world();
    let ada = caller(modern(FORMS));
    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    let many: serde_json::Map<String, Value> = (0..200_000).map(|n| (format!("k{n}"), json!(n))).collect();
    for arguments in [
        json!({ "text": "x".repeat(3_900_000) }),
        Value::Object(many),
        serde_json::from_str(&format!("{{\"d\":{deep}}}")).unwrap(),
    ] {
        let question =
            asked(&ada.calls(&world.gate, &Rule::destructive(), &call(arguments, json!({}))).await);
        assert!(question.to_string().len() < 4000);
    }
}
