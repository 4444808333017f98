//! The guard and its gate, without a framework: what follows a question in a stream, and what is forwarded.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/guarded.rs"]
mod guarded;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use guarded::{OneToken, decide, modern_message, modern_request, request};
use http::request::Parts;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt as _, Full};
use mcp_auth_core::Guard;
use mcp_auth_core::audit::{Audit, AuditEvent, ChannelSink, RecordKind};
use mcp_auth_core::confirm::{Confirmation, Confirmed, Fallback, Rule, Way};
use mcp_auth_core::guard::{Decision, Exchange, Forward, GuardedBody, Rest};
use mcp_auth_core::policy::{ScopePolicy, ToolPolicies, destructive, read, write};
use serde_json::{Value, json};

const KNOWN: OneToken = OneToken("notes:delete");

fn guard(policy: impl ScopePolicy) -> Guard {
    let builder = Guard::builder("https://mcp.example/mcp").verifier(KNOWN).policy(policy).max_answer(500);
    builder.build().unwrap().0
}

fn deletes(rule: Rule) -> ToolPolicies {
    ToolPolicies::new().tool("delete", destructive("notes:delete").confirm(rule))
}

fn forwarded(decision: Decision) -> Forward {
    let Decision::Forward(forward) = decision else { panic!("{decision:?}") };
    forward
}

type Later = Pin<Box<dyn Future<Output = Rest<Full<Bytes>>>>>;
type Body = GuardedBody<Full<Bytes>, Later>;

/// A session of a client that shows forms.
async fn session(guard: &Guard) -> String {
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": { "elicitation": {} },
        "clientInfo": { "name": "c", "version": "1" } } });
    let (mut parts, body) = request(&hello, None);
    let Forward { exchange, .. } = forwarded(decide(guard, &mut parts, body).await);
    let response = Response::builder().header("mcp-session-id", "inner").body(Full::default()).unwrap();
    let response: Response<Body> = exchange.respond(response);
    response.headers()["mcp-session-id"].to_str().unwrap().to_owned()
}

/// The messages of a stream.
fn messages(stream: &str) -> Vec<Value> {
    let events = stream.split("\n\n").map(|event| {
        event.lines().filter_map(|line| line.strip_prefix("data: ")).collect::<Vec<_>>().join("\n")
    });
    events.filter(|data| !data.is_empty()).map(|data| serde_json::from_str(&data).unwrap()).collect()
}

/// What a confirmed call's stream holds after the question, if the service answers so.
async fn after_yes(answer: Result<Response<Full<Bytes>>, ()>) -> String {
    let guard = guard(deletes(Rule::destructive()));
    let session = session(&guard).await;
    let call = json!({ "jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": { "name": "delete" } });
    let (mut parts, body) = request(&call, Some(&session));
    let Decision::AskThenForward(asking) = decide(&guard, &mut parts, body.clone()).await else { panic!() };
    let response: Response<Body> = asking.respond(|settling| -> Later {
        Box::pin(async move {
            let forward = match settling.settle(&mut parts).await {
                Ok(forward) => forward,
                Err(rest) => return rest,
            };
            assert_eq!(forward.body, body);
            assert_eq!(parts.extensions.get::<Confirmed>().unwrap().way, Way::Elicitation);
            match answer {
                Ok(response) => forward.exchange.respond_in_stream(response),
                Err(()) => forward.exchange.fail_in_stream(),
            }
        })
    });
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let mut stream = Box::pin(response.into_body());
    let first = stream.frame().await.unwrap().unwrap().into_data().unwrap();
    let question = messages(std::str::from_utf8(&first).unwrap()).remove(0);
    assert_eq!(question["method"], "elicitation/create");
    let yes = json!({ "action": "accept", "content": { "confirm": true } });
    let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": yes });
    let (mut parts, body) = request(&answer, Some(&session));
    let Decision::Respond(taken) = decide(&guard, &mut parts, body).await else { panic!() };
    assert_eq!(taken.status(), 202);
    let rest = stream.collect().await.unwrap().to_bytes();
    String::from_utf8(rest.to_vec()).unwrap()
}

fn answer(kind: &str, body: &str) -> Result<Response<Full<Bytes>>, ()> {
    Ok(Response::builder().header("content-type", kind).body(Full::from(body.to_owned())).unwrap())
}

#[tokio::test]
async fn the_answer_flows_on_in_the_stream() {
    let whole = "{\"jsonrpc\":\"2.0\",\r\n \"id\":\"c\",\n\"result\":{\"content\":[]}}";
    let stream = after_yes(answer("application/json", whole)).await;
    assert_eq!(messages(&stream), [json!({ "jsonrpc": "2.0", "id": "c", "result": { "content": [] } })]);
    assert!(stream.ends_with("\n\n") && !stream.contains('\r'), "{stream:?}");

    let error = r#"{"jsonrpc":"2.0","id":"c","error":{"code":-32001,"message":"no"}}"#;
    assert_eq!(messages(&after_yes(answer("application/json", error)).await)[0]["error"]["code"], -32001);

    let events = "id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{}}\n\n";
    assert_eq!(after_yes(answer("text/event-stream", events)).await, events);
}

#[tokio::test]
async fn what_fits_in_no_stream_is_an_error() {
    let large = format!(r#"{{"jsonrpc":"2.0","id":"c","result":{{"text":"{}"}}}}"#, "x".repeat(600));
    let other = r#"{"jsonrpc":"2.0","id":"d","result":{}}"#;
    let encoded = Response::builder()
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(Full::from(other))
        .unwrap();
    for bad in [
        Err(()),
        answer("text/plain", "gone"),
        answer("application/json", "gone"),
        answer("application/json", ""),
        answer("application/json", other),
        answer("application/json", r#"{"jsonrpc":"2.0","id":"c","method":"roots/list"}"#),
        answer("application/json", &large),
        Ok(encoded),
    ] {
        let stream = after_yes(bad).await;
        let expected =
            json!({ "jsonrpc": "2.0", "id": "c", "error": { "code": -32603, "message": "Internal error" } });
        assert_eq!(messages(&stream), [expected], "{stream}");
    }
}

fn modern(arguments: &Value) -> (Parts, Bytes) {
    modern_request(&modern_message("tools/call", json!({ "name": "delete", "arguments": arguments })))
}

fn text(decision: Decision) -> String {
    let Decision::Respond(response) = decision else { panic!("{decision:?}") };
    let answer: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_is_stripped_and_the_length_corrected() {
    let guard = guard(deletes(Rule::destructive().or(Fallback::TwoStep)));
    let (mut parts, body) = modern(&json!({ "id": "1" }));
    let asked = text(decide(&guard, &mut parts, body.clone()).await);
    let token = asked.split("\"confirmation_token\": \"").nth(1).unwrap().split('"').next().unwrap();
    let (mut parts, longer) = modern(&json!({ "id": "1", "confirmation_token": token }));
    assert!(longer.len() > body.len());
    let forward = forwarded(decide(&guard, &mut parts, longer).await);
    assert_eq!(
        serde_json::from_slice::<Value>(&forward.body).unwrap(),
        serde_json::from_slice::<Value>(&body).unwrap()
    );
    assert_eq!(parts.headers["content-length"], forward.body.len().to_string());
    assert_eq!(parts.extensions.get::<Confirmed>().unwrap().way, Way::TwoStep);
}

/// The second leg is the one that deletes: it names who confirmed the call as the first does.
#[tokio::test]
async fn a_tool_that_asks_itself_leaves_no_call_without_its_confirmation() {
    let (sink, mut deliveries) = ChannelSink::new(64);
    let builder = Guard::builder("https://mcp.example/mcp").verifier(KNOWN).audit(Audit::new(sink));
    let (guard, background) =
        builder.policy(deletes(Rule::destructive().or(Fallback::TwoStep))).build().unwrap();
    let background = tokio::spawn(background);
    let said = tokio::spawn(async move {
        let mut said = Vec::new();
        while let Some(delivered) = deliveries.next().await {
            let event: AuditEvent = serde_json::from_slice(delivered.acknowledge(Ok(())).json()).unwrap();
            said.extend((event.record == RecordKind::Intent).then_some(event.confirmation));
        }
        said
    });
    let (mut parts, body) = modern(&json!({}));
    let asked = text(decide(&guard, &mut parts, body).await);
    let token = asked.split("\"confirmation_token\": \"").nth(1).unwrap().split('"').next().unwrap();
    let mut call: Value = serde_json::from_slice(&modern(&json!({ "confirmation_token": token })).1).unwrap();
    for leg in 1..=2 {
        let (mut parts, _) = modern(&json!({}));
        parts.headers.remove("content-length");
        let forward = forwarded(decide(&guard, &mut parts, call.to_string().into()).await);
        assert_eq!(parts.extensions.get::<Confirmed>().map(|confirmed| confirmed.way), Some(Way::TwoStep));
        let result = match leg {
            1 => json!({ "resultType": "input_required", "inputRequests": {} }),
            _ => json!({ "content": [] }),
        };
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": result }).to_string();
        let answer = self::answer("application/json", &answer).unwrap();
        let answer: Response<Body> = forward.exchange.respond(answer);
        let answer = answer.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        call = serde_json::from_slice(&modern(&json!({})).1).unwrap();
        call["params"]["requestState"] = answer["result"]["requestState"].clone();
        call["params"]["inputResponses"] = json!({});
    }
    background.abort();
    drop(guard);
    let said = tokio::time::timeout(Duration::from_secs(10), said).await.unwrap().unwrap();
    assert_eq!(said.len(), 2);
    let said: Vec<_> = said.into_iter().map(Option::unwrap).collect();
    assert_eq!((&*said[1].way, said[1].vouched.as_deref()), ("two_step", Some("asserted by client")));
    assert_eq!(said[0], said[1]);
}

#[tokio::test]
async fn a_confirmation_that_came_in_is_none() {
    let guard = guard(deletes(Rule::destructive().or(Fallback::TwoStep)));
    let (mut parts, body) = modern(&json!({}));
    let asked = text(decide(&guard, &mut parts, body).await);
    let token = asked.split("\"confirmation_token\": \"").nth(1).unwrap().split('"').next().unwrap();
    let (mut parts, body) = modern(&json!({ "confirmation_token": token }));
    drop(decide(&guard, &mut parts, body).await);
    let confirmed = parts.extensions.get::<Confirmed>().unwrap().clone();

    let free = self::guard(deletes(Rule::default()));
    let (mut parts, body) = modern(&json!({}));
    parts.extensions.insert(confirmed);
    drop(forwarded(decide(&free, &mut parts, body).await));
    assert!(parts.extensions.get::<Confirmed>().is_none());
}

/// An answer that the guard has to read is asked for plain, and withheld if it comes compressed all the same.
#[tokio::test]
async fn what_is_rewritten_is_not_compressed() {
    let policies = || {
        let tools =
            deletes(Rule::default()).tool("confirmed", destructive("notes:delete").confirm(Rule::write()));
        tools.resource("note://{id}", read("notes:delete"))
    };
    let guard =
        Guard::builder("https://mcp.example/mcp").verifier(KNOWN).tools(policies()).build().unwrap().0;
    for (method, params, is_read) in [
        ("tools/list", json!({}), true),
        ("server/discover", json!({}), true),
        ("resources/read", json!({ "uri": "note://1" }), true),
        ("tools/call", json!({ "name": "confirmed" }), true),
        ("tools/call", json!({ "name": "delete" }), false),
    ] {
        let exchange = async || {
            let (mut parts, body) = modern_request(&modern_message(method, params.clone()));
            parts.headers.insert("accept-encoding", HeaderValue::from_static("gzip, br"));
            let exchange = forwarded(decide(&guard, &mut parts, body).await).exchange;
            let accepted = parts.headers["accept-encoding"].to_str().unwrap().to_owned();
            (exchange, accepted)
        };
        let (_, accepted) = exchange().await;
        assert_eq!(accepted, if is_read { "identity" } else { "gzip, br" }, "{method} {params}");
        for (status, kind) in [
            (200, "application/json"),
            (200, "text/event-stream"),
            (500, "application/json"),
            (200, "application/octet-stream"),
        ] {
            let (exchange, _) = exchange().await;
            let response = Response::builder()
                .status(status)
                .header("content-type", kind)
                .header("content-encoding", "gzip")
                .header("content-length", 4)
                .body(Full::from("gzip"));
            let response: Response<Body> = exchange.respond(response.unwrap());
            let encoding = response.headers().get("content-encoding").cloned();
            assert_eq!(encoding.is_none(), is_read, "{method} {params} {kind}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            match is_read {
                true => assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["error"]["code"], -32603),
                false => assert_eq!(body, "gzip"),
            }
        }
    }
    let exchange = decide_list(&guard).await;
    let plain = answer(
        "application/json",
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"delete"},{"name":"other"}]}}"#,
    );
    let mut plain = plain.unwrap();
    plain.headers_mut().insert("content-encoding", "identity".parse().unwrap());
    let response: Response<Body> = exchange.respond(plain);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["result"]["tools"].as_array().unwrap().len(),
        1
    );
}

async fn decide_list(guard: &Guard) -> Box<Exchange> {
    let session = session(guard).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let (mut parts, body) = request(&list, Some(&session));
    forwarded(decide(guard, &mut parts, body).await).exchange
}

/// A client that leaves while its user is asked makes room for the next question at once.
#[tokio::test]
async fn a_stream_that_is_dropped_leaves_its_place() {
    let guard = guard(deletes(Rule::destructive()));
    let session = session(&guard).await;
    let ask = async || {
        let call =
            json!({ "jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": { "name": "delete" } });
        let (mut parts, body) = request(&call, Some(&session));
        let Decision::AskThenForward(asking) = decide(&guard, &mut parts, body).await else { return None };
        let response: Response<Body> = asking.respond(|settling| -> Later {
            Box::pin(async move {
                match settling.settle(&mut parts).await {
                    Ok(_) => panic!("nobody said yes"),
                    Err(rest) => rest,
                }
            })
        });
        let mut stream = Box::pin(response.into_body());
        assert!(stream.frame().await.unwrap().is_ok(), "the question");
        Some(stream)
    };
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(ask().await.unwrap());
    }
    assert!(ask().await.is_none(), "all places are taken");
    streams.pop();
    streams.push(ask().await.unwrap());
    assert!(ask().await.is_none());
}

#[test]
fn a_tool_makes_its_rule_stricter() {
    let tool = |more: Value| {
        let mut tool = json!({ "name": "delete" });
        tool.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tool
    };
    let hint = tool(json!({ "annotations": { "destructiveHint": true } }));
    let harmless = tool(json!({ "annotations": { "readOnlyHint": true, "destructiveHint": false } }));
    let approve = tool(json!({ "_meta": { "mcp-auth/confirmation": "approve" } }));
    for (tool, policy, wanted) in [
        (&hint, read("a"), Confirmation::Elicit),
        (&hint, write("a").confirm(Rule::default()), Confirmation::Elicit),
        (&harmless, destructive("a"), Confirmation::Elicit),
        (&harmless, destructive("a").confirm(Rule::default()), Confirmation::None),
        (&harmless, write("a"), Confirmation::None),
        (&approve, write("a"), Confirmation::Approve),
    ] {
        let policies = ToolPolicies::from_tools([tool]).unwrap().tool("delete", policy);
        assert_eq!(policies.rule("delete").unwrap().wants(), wanted, "{tool}");
    }
}

#[test]
fn what_cannot_be_confirmed_is_found_at_start() {
    let unknown = json!({ "name": "delete", "_meta": { "mcp-auth/confirmation": "maybe" } });
    let policies = ToolPolicies::from_tools([&unknown]).unwrap().tool("delete", destructive("a"));
    let no_page = deletes(Rule::new(Confirmation::Approve));
    for (policies, problem) in [(policies, "mcp-auth/confirmation"), (no_page, "no approval page")] {
        let built = Guard::builder("https://mcp.example/mcp").verifier(KNOWN).tools(policies).build();
        let errors = built.map(drop).unwrap_err();
        assert_eq!(errors.as_slice().len(), 1, "{errors}");
        assert!(errors.to_string().contains(problem), "{errors}");
    }
}
