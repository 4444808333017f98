//! A destructive tool does not run until it was confirmed, once, for exactly that.

use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::confirm::{Budget, Excess, Fallback, Rule, StoreGate};
use mcp_auth_core::store::{KeyRing, MemoryStore};
use mcp_auth_core::verify::Revocation;
use serde_json::{Value, json};

use crate::{Answer, Ask, Fixture, Serve, Setup, Stream, message};

const SCOPE: &str = "notes:read notes:write notes:delete";

async fn asking<S: Serve>(rule: Rule) -> Fixture {
    Fixture::with::<S>(Setup { rule, ..Setup::default() }).await
}

/// A call of a client that shows forms, with more parameters than the arguments.
fn of_forms(tool: &str, arguments: Value, more: Value) -> Value {
    let mut call = message::call(tool, arguments);
    call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
    for (key, value) in more.as_object().unwrap() {
        call["params"][key] = value.clone();
    }
    call
}

fn yes() -> Value {
    json!({ "action": "accept", "content": { "confirm": true } })
}

fn answering(state: &Value, answer: Value) -> Value {
    json!({ "requestState": state, "inputResponses": { "confirmation": answer } })
}

/// The state of the question that this is.
#[track_caller]
fn state(answer: &Answer) -> Value {
    let result = &answer.is(200, None).json()["result"];
    assert_eq!(result["resultType"], "input_required", "{}", answer.text());
    assert_eq!(result["inputRequests"]["confirmation"]["method"], "elicitation/create");
    assert!(result["requestState"].is_string(), "{}", answer.text());
    result["requestState"].clone()
}

/// Fails unless the call was answered by a tool's error with this in it.
#[track_caller]
fn is_error(answer: &Answer, text: &str) {
    assert_eq!(answer.is(200, None).json()["result"]["isError"], true, "{}", answer.text());
    assert!(answer.tool_text().contains(text), "{}", answer.text());
}

fn inside(ask: Ask, token: &str, session: &str) -> Ask {
    ask.token(token).header("mcp-session-id", session).header("mcp-protocol-version", message::LEGACY)
}

/// The question that comes next: its id.
async fn question(stream: &mut Stream) -> Value {
    let question = stream.next().await.expect("a question");
    assert_eq!(question["method"], "elicitation/create", "{question}");
    assert!(question["params"]["message"].as_str().unwrap().contains("delete_note"), "{question}");
    question["id"].clone()
}

fn response(id: &Value, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// By MRTR: asked, and run after yes and after nothing else; once, on whichever try.
pub async fn a_form_is_answered_by_a_retry<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let token = fixture.ada(SCOPE).sign();
    let call = |id: &str, more: Value| {
        fixture.post(&of_forms("delete_note", json!({ "id": id }), more)).token(&token).send()
    };
    let first = state(&call("1", json!({})).await);
    let weak = json!({ "action": "accept", "content": { "confirm": false } });
    let again = state(&call("1", answering(&first, weak)).await);
    fixture.nothing_ran();
    let run = call("1", answering(&again, yes())).await;
    assert_eq!(run.is(200, None).tool_text(), "deleted");
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);

    for used in [&first, &again] {
        is_error(&call("1", answering(used, yes())).await, "not valid");
    }
    for no in ["decline", "cancel"] {
        let asked = state(&call("2", json!({})).await);
        is_error(&call("2", answering(&asked, json!({ "action": no }))).await, "Not run");
        is_error(&call("2", answering(&asked, yes())).await, "not valid");
    }
    call("2", json!({ "requestState": 7 })).await.is(400, -32602);
    let asked = state(&call("2", json!({})).await);
    call("2", answering(&asked, json!("yes"))).await.is(400, -32602);
    fixture.nothing_ran();
}

/// Of one principal, tool and set of arguments.
pub async fn an_answer_is_good_for_one_call<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let (ada, bob) = (fixture.ada(SCOPE).sign(), fixture.ada(SCOPE).subject("bob").sign());
    let send = |token: &str, tool: &str, id: Value, more: Value| {
        fixture.post(&of_forms(tool, json!({ "id": id }), more)).token(token).send()
    };
    let asked = state(&send(&ada, "delete_note", json!("1"), json!({})).await);
    let confirmed = || answering(&asked, yes());
    let big = "9007199254740993";
    for (token, tool, id) in [
        (&ada, "delete_note", "2"),
        (&ada, "delete_note", big),
        (&ada, "ask_back", "1"),
        (&bob, "delete_note", "1"),
    ] {
        is_error(&send(token, tool, json!(id), confirmed()).await, "not valid");
    }
    let mut forged = asked.as_str().unwrap().to_owned();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    is_error(&send(&ada, "delete_note", json!("1"), answering(&json!(forged), yes())).await, "not valid");
    fixture.nothing_ran();
    // A lesser token cannot use what a better one was asked.
    let reader = fixture.reader();
    send(&reader, "delete_note", json!("1"), confirmed()).await.is(403, -32000);
    fixture.nothing_ran();
    send(&ada, "delete_note", json!("1"), confirmed()).await.is(200, None);
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
}

/// Whatever its model says about confirming.
pub async fn a_client_that_cannot_ask_is_refused<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let token = fixture.ada(SCOPE).sign();
    for arguments in [
        json!({ "id": "1" }),
        json!({ "id": "1", "confirm": true, "confirmed": true, "confirmation": "CONFIRM" }),
        json!({ "id": "1", "confirmation_token": "forged" }),
    ] {
        let modern = fixture.call("delete_note", arguments.clone()).token(&token).send().await;
        is_error(&modern, "Not run");
        let legacy = message::legacy_call("delete_note", arguments.clone());
        is_error(&fixture.post(&legacy).token(&token).send().await, "Not run");
        let session = fixture.session(&token).await;
        is_error(&inside(fixture.post(&legacy), &token, &session).send().await, "Not run");
    }
    fixture.nothing_ran();
    let asked = state(
        &fixture
            .post(&of_forms("delete_note", json!({ "id": "1", "confirm": true }), json!({})))
            .token(&token)
            .send()
            .await,
    );
    assert!(asked.is_string(), "asked all the same");
    // What a session declared counts, not what a request of the legacy era says.
    let session = fixture.session(&token).await;
    let mut lying = message::legacy_call("delete_note", json!({ "id": "1" }));
    lying["params"]["_meta"] = json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } });
    is_error(&inside(fixture.post(&lying), &token, &session).send().await, "Not run");
    fixture.nothing_ran();
}

/// Then `tools/list` has the argument for the token, for those who need it, and the tool never sees it.
pub async fn two_steps_where_the_rule_allows_them<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive().or(Fallback::TwoStep)).await;
    let token = fixture.ada(SCOPE).sign();
    let has_token = |answer: Answer| {
        let tools = answer.is(200, None).json()["result"]["tools"].clone();
        let with = tools
            .as_array()
            .unwrap()
            .iter()
            .filter(|tool| !tool["inputSchema"]["properties"]["confirmation_token"].is_null());
        with.map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let list = message::modern("tools/list", json!({}));
    let mut names = has_token(fixture.post(&list).token(&token).send().await);
    names.sort_unstable();
    assert_eq!(names, ["ask_back", "delete_note"]);
    let mut forms = list;
    forms["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
    assert_eq!(has_token(fixture.post(&forms).token(&token).send().await), Vec::<String>::new());

    let call = |arguments: Value| fixture.call("delete_note", arguments).token(&token).send();
    let first = call(json!({ "id": "1" })).await;
    is_error(&first, "Not run yet");
    fixture.nothing_ran();
    let text = first.tool_text();
    let given =
        text.split("\"confirmation_token\": \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    is_error(&call(json!({ "id": "2", "confirmation_token": given })).await, "not valid");
    fixture.nothing_ran();
    let second = call(json!({ "id": "1", "confirmation_token": given })).await;
    assert_eq!(second.is(200, None).tool_text(), "deleted");
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
    is_error(&call(json!({ "id": "1", "confirmation_token": given })).await, "not valid");
    fixture.nothing_ran();
}

/// In the call's own stream, and the answer to the call comes there too.
pub async fn a_question_in_a_session<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let token = fixture.ada(SCOPE).sign();
    let session = fixture.session_of(&token, json!({ "elicitation": {} })).await;
    let open = || {
        inside(fixture.post(&message::legacy_call("delete_note", json!({ "id": "1" }))), &token, &session)
            .open()
    };
    let say = |message: Value| inside(fixture.post(&message), &token, &session).send();

    let mut stream = Stream::new(open().await);
    let id = question(&mut stream).await;
    fixture.nothing_ran();
    say(response(&id, json!({ "action": "accept", "content": {} }))).await.is(202, None);
    let id = question(&mut stream).await;
    fixture.nothing_ran();
    let taken = say(response(&id, yes())).await;
    assert_eq!((taken.is(202, None).body.len(), fixture.origin.is_empty()), (0, false));
    let answer = stream.next().await.expect("an answer");
    assert_eq!((&answer["id"], &answer["result"]["content"][0]["text"]), (&json!(7), &json!("deleted")));
    assert!(stream.next().await.is_none(), "the stream ends with the answer");
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
    say(response(&id, yes())).await.is(400, -32000);

    for no in ["decline", "cancel"] {
        let mut stream = Stream::new(open().await);
        let id = question(&mut stream).await;
        say(response(&id, json!({ "action": no }))).await.is(202, None);
        let answer = stream.next().await.expect("an answer");
        assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(7), &json!(true)), "{answer}");
        assert!(stream.next().await.is_none());
    }
    // The client could not ask.
    let mut stream = Stream::new(open().await);
    let error = json!({ "code": -32601, "message": "no" });
    say(json!({ "jsonrpc": "2.0", "id": question(&mut stream).await, "error": error })).await.is(202, None);
    assert_eq!(stream.next().await.expect("an answer")["result"]["isError"], true);
    fixture.nothing_ran();
}

/// Only the session that was asked answers; by its principal.
pub async fn an_answer_from_elsewhere_changes_nothing<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let (ada, bob) = (fixture.ada(SCOPE).sign(), fixture.ada(SCOPE).subject("bob").sign());
    let forms = json!({ "elicitation": {} });
    let session = fixture.session_of(&ada, forms.clone()).await;
    let other = fixture.session_of(&ada, forms.clone()).await;
    let of_bob = fixture.session_of(&bob, forms).await;
    let call = fixture.post(&message::legacy_call("delete_note", json!({ "id": "1" })));
    let mut stream = Stream::new(inside(call, &ada, &session).open().await);
    let answer = response(&question(&mut stream).await, yes());
    inside(fixture.post(&answer), &ada, &other).send().await.is(400, -32000);
    inside(fixture.post(&answer), &bob, &of_bob).send().await.is(400, -32000);
    inside(fixture.post(&answer), &bob, &session).send().await.is(404, -32000);
    fixture
        .post(&answer)
        .token(&ada)
        .header("mcp-protocol-version", message::LEGACY)
        .send()
        .await
        .is(400, -32000);
    let guessed = response(&json!("mcp-auth-AAAAAAAAAAAAAAAAAAAAAA"), yes());
    inside(fixture.post(&guessed), &ada, &session).send().await.is(400, -32000);
    tokio::time::sleep(Duration::from_millis(100)).await;
    fixture.nothing_ran();
    inside(fixture.post(&answer), &ada, &session).send().await.is(202, None);
    assert!(stream.next().await.is_some());
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
}

/// Even if its user says yes a moment later.
pub async fn nothing_runs_for_a_client_that_leaves<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let token = fixture.ada(SCOPE).sign();
    let session = fixture.session_of(&token, json!({ "elicitation": {} })).await;
    let call = fixture.post(&message::legacy_call("delete_note", json!({ "id": "1" })));
    let mut stream = Stream::new(inside(call, &token, &session).open().await);
    let id = question(&mut stream).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Taken or not: whoever would have run it is gone.
    let answer = inside(fixture.post(&response(&id, yes())), &token, &session).send().await;
    assert!([202, 400].contains(&answer.status), "{}", answer.text());
    tokio::time::sleep(Duration::from_millis(300)).await;
    fixture.nothing_ran();
}

/// The places of a session are for those who still wait.
pub async fn a_client_that_leaves_makes_room<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let token = fixture.ada(SCOPE).sign();
    let session = fixture.session_of(&token, json!({ "elicitation": {} })).await;
    let call = message::legacy_call("delete_note", json!({ "id": "1" }));
    let open = || inside(fixture.post(&call), &token, &session).open();
    let mut streams = Vec::new();
    for _ in 0..16 {
        let mut stream = Stream::new(open().await);
        question(&mut stream).await;
        streams.push(stream);
    }
    let full = inside(fixture.post(&call), &token, &session).send().await;
    assert!(!full.text().contains("elicitation/create"), "{}", full.text());
    streams.clear();
    // The server has to notice first that the connections are gone.
    let room = async {
        loop {
            let answer = open().await;
            let is_stream = answer.headers()["content-type"] == "text/event-stream";
            if is_stream {
                return question(&mut Stream::new(answer)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), room).await.expect("room at once, not after five minutes");
    fixture.nothing_ran();
}

/// While a person thinks, the token is revoked: their yes comes too late.
pub async fn nothing_runs_for_a_credential_that_ended<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let token = fixture.ada(SCOPE).claim("jti", json!("one")).sign();
    let session = fixture.session_of(&token, json!({ "elicitation": {} })).await;
    let call = fixture.post(&message::legacy_call("delete_note", json!({ "id": "1" })));
    let mut stream = Stream::new(inside(call, &token, &session).open().await);
    let id = question(&mut stream).await;
    fixture.revoke(&Revocation::token(fixture.authority.issuer(), "one")).await;
    let last = stream.next().await.expect("an end");
    assert_eq!((&last["id"], &last["error"]["code"]), (&json!(7), &json!(-32000)), "{last}");
    assert!(stream.next().await.is_none());
    let other = fixture.ada(SCOPE).sign();
    inside(fixture.post(&response(&id, yes())), &other, &session).send().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    fixture.nothing_ran();
}

/// For any tool that exists, whatever its rule.
pub async fn a_dry_run_runs_nothing<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive().dry_run_argument("dry_run")).await;
    let token = fixture.ada(SCOPE).sign();
    for (tool, arguments) in [("delete_note", json!({ "id": "1" })), ("list_notes", json!({}))] {
        let mut call = message::call(tool, arguments);
        call["params"]["_meta"]["mcp-auth/dryRun"] = json!(true);
        let answer = fixture.post(&call).token(&token).send().await;
        assert!(answer.is(200, None).tool_text().starts_with("Dry run"), "{}", answer.text());
        call["params"]["_meta"]["mcp-auth/dryRun"] = json!("maybe");
        fixture.post(&call).token(&token).send().await.is(400, -32602);
    }
    let call = |dry_run: Value| {
        fixture.call("delete_note", json!({ "id": "1", "dry_run": dry_run })).token(&token).send()
    };
    assert!(call(json!(true)).await.is(200, None).tool_text().starts_with("Dry run"));
    call(json!("yes")).await.is(400, -32602);
    is_error(&call(json!(false)).await, "Not run");
    fixture.nothing_ran();
}

/// So many writes in a minute; then 429, for this principal only.
pub async fn a_write_budget_is_kept<S: Serve>() {
    let fixture = Fixture::with::<S>(Setup {
        guard: Box::new(|guard| {
            let (store, keys) = (Arc::new(MemoryStore::default()), KeyRing::generate().unwrap());
            let budget = Budget::new(Duration::from_secs(60), 2, None, Excess::Refuse);
            guard.confirmation(StoreGate::new("notes", store, keys).budget("write", budget))
        }),
        rule: Rule::write(),
        ..Setup::default()
    })
    .await;
    let (ada, bob) = (fixture.ada(SCOPE).sign(), fixture.ada(SCOPE).subject("bob").sign());
    let call = |token: &str| fixture.call("delete_note", json!({ "id": "1" })).token(token).send();
    call(&ada).await.is(200, None);
    call(&ada).await.is(200, None);
    assert_eq!(fixture.ran.take().len(), 2);
    let over = call(&ada).await;
    let wait: u64 = over.is(429, -32000).header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{over:?}");
    fixture.nothing_ran();
    fixture.call("list_notes", json!({})).token(&ada).send().await.is(200, None);
    call(&bob).await.is(200, None);
}

/// Its state travels inside ours, and comes back to it once.
pub async fn a_tool_that_asks_itself_keeps_its_state<S: Serve>() {
    let fixture = asking::<S>(Rule::destructive()).await;
    let token = fixture.ada(SCOPE).sign();
    let call = |more: Value| fixture.post(&of_forms("ask_back", json!({}), more)).token(&token).send();
    let asked = state(&call(json!({})).await);
    let own = call(answering(&asked, yes())).await;
    assert_eq!(fixture.ran.take(), ["ask_back asserted by client"]);
    let result = &own.is(200, None).json()["result"];
    assert_eq!(result["resultType"], "input_required");
    let state = &result["requestState"];
    assert!(state.is_string() && !own.text().contains("its own"), "{}", own.text());
    let back = json!({ "requestState": state, "inputResponses": {} });
    assert_eq!(call(back.clone()).await.is(200, None).tool_text(), "back with its own");
    assert_eq!(fixture.ran.take().len(), 1);
    is_error(&call(back).await, "not valid");
    fixture.nothing_ran();

    // Where nothing is confirmed, the tool's state is its own.
    let fixture = asking::<S>(Rule::default()).await;
    let token = fixture.ada(SCOPE).sign();
    let call = |more: Value| fixture.post(&of_forms("ask_back", json!({}), more)).token(&token).send();
    assert_eq!(call(json!({})).await.json()["result"]["requestState"], "its own");
    let back = json!({ "requestState": "its own", "inputResponses": {} });
    assert_eq!(call(back).await.is(200, None).tool_text(), "back with its own");
    assert_eq!(fixture.ran.take(), ["ask_back nobody", "ask_back nobody"]);
}
