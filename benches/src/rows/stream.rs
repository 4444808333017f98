//! Answers on their way back through the guard: an event stream that is passed on, and a list in one that is filtered.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, header};
use http_body_util::{BodyExt, Full};
use serde_json::json;

use super::guard::{Never, decide};
use super::{Place, at_once, guard};
use crate::{Case, Error, Material};

pub(super) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let called =
        json!({ "jsonrpc": "2.0", "id": 7, "result": { "content": [{ "type": "text", "text": "hi" }] } });
    let tools: Vec<_> = (0..20)
        .map(|n| json!({ "name": if n == 0 { "echo".to_owned() } else { format!("other_{n}") }, "inputSchema": {} }))
        .collect();
    let listed = json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": tools, "resultType": "complete" } });
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": { "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    } } });
    let mut list_head = material.head(material.token("rs256")?)?;
    list_head.headers.insert("mcp-method", HeaderValue::from_static("tools/list"));
    list_head.headers.remove("mcp-name");
    let call_head = material.head(material.token("rs256")?)?;
    Ok(vec![
        case(material, "sse/passed", call_head, material.body("300B")?, &called)?,
        case(material, "sse/list", list_head, list.to_string().into(), &listed)?,
    ])
}

fn case(
    material: &Material,
    name: &str,
    head: Parts,
    body: Bytes,
    answer: &serde_json::Value,
) -> Result<Case<'static>, Error> {
    let guard = guard(material, Place::Whole)?;
    let event = Bytes::from(format!("data: {answer}\n\n"));
    let prepare = move || {
        let mut answer = Response::new(Full::new(event.clone()));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        (decide(&guard, &mut head.clone(), body.clone()), answer)
    };
    Ok(Case::prepared(name, prepare, |(exchange, answer)| {
        let answered = exchange.map(|exchange| exchange.respond::<_, Never>(answer));
        let collected = answered.and_then(|answer| at_once(answer.into_body().collect()));
        collected.is_some_and(|body| body.is_ok_and(|body| !body.to_bytes().is_empty()))
    }))
}
