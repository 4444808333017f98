//! Beyond a budget, a confirmation is demanded where none was declared, or the call refused.

use std::time::Duration;

use mcp_auth_core::confirm::{Budget, Confirmation, Excess, Passage, Preview, PreviewCall, Rule};
use serde_json::json;

use crate::fixture::*;

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
