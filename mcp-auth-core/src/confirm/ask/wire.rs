//! The JSON-RPC messages of a question.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::mcp::Id;

/// The key of our question among `inputRequests`.
pub(in super::super) const QUESTION: &str = "confirmation";
/// `URLElicitationRequiredError` of 2025-11-25.
const URL_REQUIRED: i32 = -32042;

/// A response with this result.
pub(in super::super) fn result(id: Option<&Id>, result: &Value) -> Bytes {
    let id = id.map_or(&b"null"[..], Id::json);
    [br#"{"jsonrpc":"2.0","id":"#, id, br#","result":"#, result.to_string().as_bytes(), b"}"].concat().into()
}

/// A tool's result that is one text.
pub(in super::super) fn text(id: Option<&Id>, text: &str, is_error: bool, modern: bool) -> Bytes {
    let mut value = json!({ "content": [{ "type": "text", "text": text }], "isError": is_error });
    if let (true, Some(members)) = (modern, value.as_object_mut()) {
        members.insert("resultType".to_owned(), Value::from("complete"));
    }
    result(id, &value)
}

/// An `InputRequiredResult` with our one question.
pub(in super::super) fn input_required(id: Option<&Id>, elicitation: Value, state: Option<&str>) -> Bytes {
    let mut value = json!({
        "resultType": "input_required",
        "inputRequests": { QUESTION: { "method": "elicitation/create", "params": elicitation } },
    });
    if let (Some(state), Some(members)) = (state, value.as_object_mut()) {
        members.insert("requestState".to_owned(), Value::from(state));
    }
    result(id, &value)
}

/// A request of the server's in a legacy session.
pub(in super::super) fn elicitation_request(id: &str, params: &Value) -> Bytes {
    json!({ "jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": params }).to_string().into()
}

/// The parameters of a link, for `InputRequiredResult`.
pub(in super::super) fn link(message: &str, url: &str) -> Value {
    json!({ "mode": "url", "message": message, "url": url })
}

/// The error of 2025-11-25 that carries a link.
pub(in super::super) fn link_error(id: Option<&Id>, elicitation: &str, message: &str, url: &str) -> Bytes {
    let data = json!({ "elicitations": [
        { "mode": "url", "elicitationId": elicitation, "url": url, "message": message }
    ] });
    crate::mcp::error_body(id, URL_REQUIRED, "This call has to be approved on a page.", Some(data))
}
