//! Messages, eras, headers and operations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_auth_core::mcp::{
    Era, Limits, Message, MessageKind, Operation, ParamHeaders, ParamHeadersError, ParseError, ProtocolError,
    Revision, Target, check, edit_members, error_body,
};
use serde_json::{Value, json};

fn message(value: &Value) -> Message {
    Message::parse(&Bytes::from(value.to_string()), &Limits::default()).unwrap()
}

fn refused(text: &str) -> ParseError {
    Message::parse(&Bytes::copy_from_slice(text.as_bytes()), &Limits::default()).unwrap_err()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}

const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");

/// A modern request.
fn modern(method: &str, mut params: Value) -> Message {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    message(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
}

fn legacy(method: &str, params: Value) -> Message {
    message(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
}

#[test]
fn one_message_of_one_kind() {
    let cases = [
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "batch", -32600),
        ("[]", "batch", -32600),
        ("3", "not_an_object", -32600),
        ("{}", "jsonrpc_version", -32600),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, "jsonrpc_version", -32600),
        (r#"{"jsonrpc":"2.0"}"#, "shape", -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, "shape", -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "invalid_id", -32600),
        (r#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#, "invalid_id", -32600),
        (r#"{"jsonrpc":"2.0","id":1e0,"method":"ping"}"#, "invalid_id", -32600),
        (r#"{"jsonrpc":"2.0","id":-0,"method":"ping"}"#, "invalid_id", -32600),
        (r#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"ping"}"#, "invalid_id", -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, "invalid_id", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, "invalid_method", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, "invalid_method", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, "invalid_params", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, "invalid_params", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":null}"#, "shape", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, "shape", -32600),
        (r#"{"jsonrpc":"2.0","error":{}}"#, "shape", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"params":{}}"#, "shape", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"ping"}"#, "case_variant", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}"#, "duplicate_key", -32700),
        ("{", "syntax", -32700),
    ];
    for (text, kind, code) in cases {
        let error = refused(text);
        assert_eq!((error.kind(), error.code(), error.http_status().as_u16()), (kind, code, 400), "{text}");
    }
    let long = |n: usize| format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(n));
    assert_eq!(refused(&long(257)).kind(), "invalid_id");
    let method = format!(r#"{{"jsonrpc":"2.0","method":"{}"}}"#, "x".repeat(129));
    assert_eq!(refused(&method).kind(), "invalid_method");
    let error = Message::parse(&Bytes::from(long(9)), &Limits::default().with_max_bytes(8)).unwrap_err();
    assert_eq!((error.http_status().as_u16(), error.code()), (413, -32600));
}

#[test]
fn ids_keep_their_spelling_and_compare_by_meaning() {
    let id = |text: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{text},"method":"ping"}}"#);
        Message::parse(&Bytes::from(body), &Limits::default()).unwrap().id().unwrap().clone()
    };
    assert_eq!(id(r#""a""#), id(r#""\u0061""#));
    assert_ne!(id("1"), id(r#""1""#));
    let body = error_body(Some(&id(r#""\u0061\/""#)), -32601, "Method \"not\" found", Some(json!({"a": 1})));
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.starts_with(r#"{"jsonrpc":"2.0","id":"\u0061\/","error":"#), "{text}");
    let value: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(value["error"], json!({"code": -32601, "message": "Method \"not\" found", "data": {"a": 1}}));
    let value: Value = serde_json::from_slice(&error_body(None, -32700, "x", None)).unwrap();
    assert_eq!(value, json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "x"}}));
}

#[test]
fn responses_and_notifications() {
    let response = message(&json!({"jsonrpc": "2.0", "id": "q", "result": {"action": "accept"}}));
    assert!(matches!(response.kind(), MessageKind::Response { .. }));
    assert_eq!(response.result().unwrap().get("action").unwrap().as_str().unwrap(), "accept");
    let error = message(&json!({"jsonrpc": "2.0", "id": "q", "error": {"code": 1, "message": ""}}));
    assert!(error.error().is_some() && error.result().is_none() && error.method().is_none());
    let notification = message(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    assert_eq!((notification.kind(), notification.id()), (&MessageKind::Notification, None));
}

#[test]
fn era_follows_body_and_header_together() {
    let list = legacy("tools/list", json!({}));
    assert_eq!(check(&headers(&[]), &list), Ok(Era::Legacy(Revision::V2025_03_26)));
    let version = |value| headers(&[("mcp-protocol-version", value)]);
    assert_eq!(check(&version("2025-11-25"), &list), Ok(Era::Legacy(Revision::V2025_11_25)));
    let error = check(&version("1900-01-01"), &list).unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.http_status().as_u16()),
        ("unsupported_version", -32022, 400)
    );
    let data = error.data().unwrap();
    assert_eq!(data["requested"], "1900-01-01");
    assert_eq!(data["supported"][0], "2026-07-28");
    assert_eq!(data["supported"].as_array().unwrap().len(), 5);
    assert_eq!(check(&version("2026-07-28"), &list).unwrap_err().kind(), "missing_meta");
    let twice = headers(&[("mcp-protocol-version", "2025-11-25"), ("mcp-protocol-version", "2025-11-25")]);
    assert_eq!(check(&twice, &list).unwrap_err().code(), -32020);

    let body = modern("tools/list", json!({}));
    assert_eq!(check(&headers(&[]), &body).unwrap_err().code(), -32020);
    assert_eq!(check(&version("2025-11-25"), &body).unwrap_err().code(), -32020);
    assert_eq!(
        check(&version("2026-07-28"), &body).unwrap_err().to_string(),
        "Header mismatch: Mcp-Method is missing"
    );
    assert_eq!(check(&headers(&[VERSION, ("Mcp-Method", "tools/list")]), &body), Ok(Era::Modern));

    let meta = |value: Value| {
        legacy("tools/list", json!({"_meta": {"io.modelcontextprotocol/protocolVersion": value}}))
    };
    assert_eq!(check(&version("2026-07-28"), &meta(json!("1999"))).unwrap_err().code(), -32022);
    assert_eq!(check(&version("2026-07-28"), &meta(json!(1))).unwrap_err().kind(), "missing_meta");
    let long = check(&headers(&[]), &meta(json!("é".repeat(100)))).unwrap_err();
    assert!(long.data().unwrap()["requested"].as_str().unwrap().len() <= 64);
    // The capabilities are required as well.
    let bare =
        check(&headers(&[VERSION, ("Mcp-Method", "tools/list")]), &meta(json!("2026-07-28"))).unwrap_err();
    assert_eq!((bare.kind(), bare.code(), bare.http_status().as_u16()), ("missing_meta", -32602, 400));
}

#[test]
fn initialize_is_legacy() {
    let init = legacy("initialize", json!({"protocolVersion": "2025-06-18"}));
    assert_eq!(check(&headers(&[]), &init), Ok(Era::Legacy(Revision::V2025_06_18)));
    let newest = legacy("initialize", json!({"protocolVersion": "2026-07-28"}));
    assert_eq!(check(&headers(&[VERSION]), &newest), Ok(Era::Legacy(Revision::V2025_11_25)));
    assert_eq!(check(&headers(&[VERSION]), &init).unwrap_err().code(), -32020);
    // With the modern members it is a method that does not exist.
    let modern = modern("initialize", json!({}));
    let era = check(&headers(&[VERSION, ("Mcp-Method", "initialize")]), &modern).unwrap();
    assert_eq!(Operation::of(&modern, era).unwrap_err().http_status().as_u16(), 404);
}

#[test]
fn mcp_name_is_decoded_and_compared() {
    let call = modern("tools/call", json!({"name": "käse"}));
    let with =
        |name: &str| check(&headers(&[VERSION, ("Mcp-Method", "tools/call"), ("Mcp-Name", name)]), &call);
    assert_eq!(with("=?base64?a8Okc2U=?="), Ok(Era::Modern));
    for bad in [
        "kase",
        "käse",
        "=?base64?a8Okc2U?=",
        "=?BASE64?a8Okc2U=?=",
        "=?base64?!!!!?=",
        "=?base64?/w==?=",
        "",
    ] {
        assert_eq!(with(bad).unwrap_err().code(), -32020, "{bad}");
    }
    let missing = check(&headers(&[VERSION, ("Mcp-Method", "tools/call")]), &call).unwrap_err();
    assert_eq!(missing.to_string(), "Header mismatch: Mcp-Name is missing");
    let twice = [VERSION, ("Mcp-Method", "tools/call"), ("Mcp-Name", "a"), ("Mcp-Name", "a")];
    assert_eq!(
        check(&headers(&twice), &modern("tools/call", json!({"name": "a"}))).unwrap_err().code(),
        -32020
    );
    let sentinel = modern("prompts/get", json!({"name": "=?base64?literal?="}));
    let map = headers(&[
        VERSION,
        ("Mcp-Method", "prompts/get"),
        ("Mcp-Name", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ]);
    assert_eq!(check(&map, &sentinel), Ok(Era::Modern));
    for (method, params, name) in [
        ("resources/read", json!({"uri": "file:///a"}), "file:///a"),
        ("tasks/get", json!({"taskId": "t"}), "t"),
    ] {
        let good = headers(&[VERSION, ("Mcp-Method", method), ("Mcp-Name", name)]);
        assert_eq!(check(&good, &modern(method, params.clone())), Ok(Era::Modern));
        assert!(check(&headers(&[VERSION, ("Mcp-Method", method)]), &modern(method, params)).is_err());
    }
    // Without a name in the body no header can be true.
    assert!(
        check(
            &headers(&[VERSION, ("Mcp-Method", "tools/call"), ("Mcp-Name", "a")]),
            &modern("tools/call", json!({}))
        )
        .is_err()
    );
}

#[test]
fn legacy_requests_may_carry_lying_headers() {
    let call = legacy("tools/call", json!({"name": "a"}));
    let lies = headers(&[("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", "ping"), ("Mcp-Name", "b")]);
    let era = check(&lies, &call).unwrap();
    assert_eq!(Operation::of(&call, era).unwrap().target, Target::Tool("a".into()));
}

#[test]
fn modern_notifications_and_responses() {
    let note =
        message(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}));
    assert_eq!(check(&headers(&[VERSION]), &note), Ok(Era::Modern));
    assert!(check(&headers(&[VERSION, ("Mcp-Method", "ping")]), &note).is_err());
    let response = message(&json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    assert!(check(&headers(&[VERSION]), &response).is_err());
    assert_eq!(
        check(&headers(&[("MCP-Protocol-Version", "2025-11-25")]), &response),
        Ok(Era::Legacy(Revision::V2025_11_25))
    );
}

#[test]
fn operations_name_their_targets() {
    let of = |method: &str, params: Value, era| {
        Operation::of(&legacy(method, params), era).map(|found| found.target)
    };
    let old = Era::Legacy(Revision::V2025_11_25);
    assert_eq!(of("tools/list", json!({}), old), Ok(Target::None));
    assert_eq!(of("resources/subscribe", json!({"uri": "a:b"}), old), Ok(Target::Resource("a:b".into())));
    assert_eq!(of("tasks/result", json!({"taskId": "t"}), old), Ok(Target::Task("t".into())));
    let reference =
        |value: Value| of("completion/complete", json!({"ref": value, "argument": {}}), Era::Modern);
    assert_eq!(reference(json!({"type": "ref/prompt", "name": "p"})), Ok(Target::Prompt("p".into())));
    assert_eq!(reference(json!({"type": "ref/resource", "uri": "u"})), Ok(Target::Resource("u".into())));
    for bad in [
        json!({"type": "ref/prompt", "name": "p", "uri": "u"}),
        json!({"type": "ref/resource", "name": "p"}),
        json!({"type": "ref/tool", "name": "p"}),
        json!({"name": "p"}),
        json!("p"),
    ] {
        assert_eq!(reference(bad.clone()).unwrap_err().code(), -32602, "{bad}");
    }
    let listen = |filter: Value| of("subscriptions/listen", json!({"notifications": filter}), Era::Modern);
    assert_eq!(
        listen(json!({"toolsListChanged": true, "resourceSubscriptions": ["a", "b"], "taskIds": ["t"]})),
        Ok(Target::Subscription { resources: vec!["a".into(), "b".into()], tasks: vec!["t".into()] })
    );
    assert!(listen(json!({"resourceSubscriptions": "a"})).is_err());
    assert!(listen(json!({"resourceSubscriptions": [1]})).is_err());
    assert!(listen(json!({"resourceSubscriptions": vec!["a"; 257]})).is_err());
    assert!(of("subscriptions/listen", json!({}), Era::Modern).is_err());
    for bad in [json!({}), json!({"name": ""}), json!({"name": 1}), json!({"name": "x".repeat(9000)})] {
        let error = of("tools/call", bad, old).unwrap_err();
        assert_eq!((error.code(), error.http_status().as_u16()), (-32602, 400));
    }
}

#[test]
fn what_the_table_lacks_is_refused() {
    let old = Era::Legacy(Revision::V2025_11_25);
    let status = |method: &str, era| {
        let error = Operation::of(&legacy(method, json!({"uri": "a", "taskId": "t"})), era).unwrap_err();
        assert_eq!(error.code(), -32601, "{method}");
        error.http_status().as_u16()
    };
    for method in
        ["ping", "resources/subscribe", "logging/setLevel", "tasks/list", "roots/list", "x", "TOOLS/LIST"]
    {
        assert_eq!(status(method, Era::Modern), 404, "{method}");
    }
    for method in ["server/discover", "subscriptions/listen", "sampling/createMessage", "tools/callx"] {
        assert_eq!(status(method, old), 200, "{method}");
    }
    let note = message(&json!({"jsonrpc": "2.0", "method": "notifications/nothing"}));
    assert_eq!(Operation::of(&note, old).unwrap_err().http_status().as_u16(), 400);
}

#[test]
fn a_request_needs_an_id_and_a_notification_none() {
    let silent = message(&json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "a"}}));
    let error = Operation::of(&silent, Era::Legacy(Revision::V2025_03_26)).unwrap_err();
    assert_eq!((error.kind(), error.code(), error.http_status().as_u16()), ("invalid_request", -32600, 400));
    let loud = legacy("notifications/initialized", json!({}));
    assert_eq!(
        Operation::of(&loud, Era::Legacy(Revision::V2025_03_26)).unwrap_err().kind(),
        "invalid_request"
    );
}

#[test]
fn param_headers_are_compared_by_type() {
    let schema = json!({"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "limit": {"type": "integer", "x-mcp-header": "Limit"},
        "nested": {"type": "object", "properties": {"dry": {"type": "boolean", "x-mcp-header": "Dry"}}},
    }});
    let marks = ParamHeaders::from_schema(&schema).unwrap();
    let run = |pairs: &[(&str, &str)], arguments: Value| {
        marks.check(&headers(pairs), modern("tools/call", json!({"arguments": arguments})).arguments())
    };
    assert_eq!(run(&[], json!({})), Ok(()));
    assert_eq!(run(&[], json!({"region": null})), Ok(()));
    assert_eq!(run(&[("Mcp-Param-Region", "us")], json!({"region": "us"})), Ok(()));
    assert_eq!(run(&[("mcp-param-region", "=?base64?w6k=?=")], json!({"region": "é"})), Ok(()));
    assert_eq!(run(&[("Mcp-Param-Limit", "42.0")], json!({"limit": 42})), Ok(()));
    assert_eq!(run(&[("Mcp-Param-Dry", "true")], json!({"nested": {"dry": true}})), Ok(()));
    assert_eq!(run(&[("Mcp-Param-Other", "x")], json!({})), Ok(()));
    for (pairs, arguments) in [
        (&[][..], json!({"region": "us"})),
        (&[("Mcp-Param-Region", "eu")][..], json!({"region": "us"})),
        (&[("Mcp-Param-Region", "us")][..], json!({})),
        (&[("Mcp-Param-Region", "us")][..], json!({"region": null})),
        (&[("Mcp-Param-Region", "us"), ("Mcp-Param-Region", "us")][..], json!({"region": "us"})),
        (&[("Mcp-Param-Region", "é")][..], json!({"region": "é"})),
        (&[("Mcp-Param-Limit", "43")][..], json!({"limit": 42})),
        (&[("Mcp-Param-Limit", "042")][..], json!({"limit": 42})),
        (&[("Mcp-Param-Limit", "0x2a")][..], json!({"limit": 42})),
        (&[("Mcp-Param-Limit", "9007199254740993")][..], json!({"limit": 9_007_199_254_740_992_u64})),
        (&[("Mcp-Param-Dry", "True")][..], json!({"nested": {"dry": true}})),
        (&[("Mcp-Param-Region", "{}")][..], json!({"region": {}})),
    ] {
        let error = run(pairs, arguments.clone()).unwrap_err();
        assert_eq!((error.code(), error.http_status().as_u16()), (-32020, 400), "{pairs:?} {arguments}");
    }
    assert_eq!(
        marks.check(&headers(&[("Mcp-Param-Region", "us")]), None).unwrap_err().kind(),
        "header_mismatch"
    );
}

#[test]
fn marks_must_be_where_the_specification_allows_them() {
    let marked = |name: &str| json!({"type": "string", "x-mcp-header": name});
    let of = |schema: Value| ParamHeaders::from_schema(&schema).map(|marks| marks.is_empty());
    assert_eq!(of(json!({})), Ok(true));
    assert_eq!(of(json!({"properties": {"x-mcp-header": {"type": "string"}}})), Ok(true));
    assert_eq!(
        of(json!({"properties": {"a": {"type": "string", "default": {"x-mcp-header": "A"}}}})),
        Ok(true)
    );
    assert_eq!(of(json!({"properties": {"a": marked("A")}})), Ok(false));
    for bad in [
        json!({"x-mcp-header": "A"}),
        json!({"properties": {"a": {"type": "array", "items": marked("A")}}}),
        json!({"oneOf": [{"properties": {"a": marked("A")}}]}),
        json!({"if": {"properties": {"a": marked("A")}}}),
        json!({"$defs": {"a": marked("A")}}),
    ] {
        assert_eq!(of(bad.clone()), Err(ParamHeadersError::Unreachable), "{bad}");
    }
    assert!(matches!(of(json!({"properties": {"a": marked("")}})), Err(ParamHeadersError::NotAToken(_))));
    assert!(matches!(of(json!({"properties": {"a": marked("b c")}})), Err(ParamHeadersError::NotAToken(_))));
    assert!(matches!(
        of(json!({"properties": {"a": {"type": "number", "x-mcp-header": "A"}}})),
        Err(ParamHeadersError::NotPrimitive(_))
    ));
    assert!(matches!(
        of(json!({"properties": {"a": marked("A"), "b": marked("a")}})),
        Err(ParamHeadersError::Duplicate(_))
    ));
    let deep = (0..100).fold(json!({}), |inner, _| json!({"not": inner}));
    assert_eq!(of(deep), Err(ParamHeadersError::TooDeep));
}

#[test]
fn members_are_edited_by_cutting() {
    let body = br#"{"jsonrpc":"2.0", "params" : { "name":"a", "requestState":"s","arguments":{"x": 1.0e2} } , "id":1}"#;
    let message = Message::parse(&Bytes::from_static(body), &Limits::default()).unwrap_err();
    assert_eq!(message, ParseError::Shape);
    let value = mcp_auth_core::mcp::Raw::parse(body, &Limits::default()).unwrap();
    let params = value.get("params").unwrap();
    let edited = edit_members(
        body,
        params,
        &[("requestState", None), ("name", Some(b"\"b\"")), ("n\"w", Some(b"[]"))],
    );
    assert_eq!(
        String::from_utf8(edited).unwrap(),
        r#"{"jsonrpc":"2.0", "params" : {"name":"b","arguments":{"x": 1.0e2},"n\"w":[]} , "id":1}"#
    );
    let all = [("name", None), ("requestState", None), ("arguments", None), ("absent", None)];
    assert_eq!(edit_members(body, params, &all), br#"{"jsonrpc":"2.0", "params" : {} , "id":1}"#);
}

#[test]
fn refusals_repeat_nothing_of_the_request() {
    let error = ProtocolError::InvalidParams("name must be a string");
    let body: Value = serde_json::from_slice(&error.body(None)).unwrap();
    assert_eq!(body["error"], json!({"code": -32602, "message": "Invalid params: name must be a string"}));
    let call = legacy("tools/call", json!({"name": "secret-name"}));
    let params = call.params().unwrap();
    let shown = format!("{call:?} {:?} {:?}", call.param("name").unwrap(), params.members());
    assert!(
        shown.contains("tools/call") && !shown.contains("secret") && !shown.contains("115, 101, 99"),
        "{shown}"
    );
}
