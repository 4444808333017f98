//! Lists and event streams on their way back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use mcp_auth_core::mcp::{
    Id, Limits, ListKind, Message, RewriteError, SseError, SseRewriter, filter_list, mark_private,
};
use proptest::prelude::*;

fn filter(body: &str, modern: bool) -> Result<String, RewriteError> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    filter_list(&body, ListKind::Tools, modern, |name| !name.starts_with("hidden"))
        .map(|out| String::from_utf8(out.to_vec()).unwrap())
}

#[test]
fn entries_are_cut_out_and_the_rest_stays() {
    let body = r#"{"jsonrpc":"2.0" , "id":1,"result":{ "tools": [ {"name":"a","x":1.0}, {"name":"hidden"} ,{"n":{},"name":"\u0062"}],"ttlMs":5 }}"#;
    assert_eq!(
        filter(body, false).unwrap(),
        r#"{"jsonrpc":"2.0" , "id":1,"result":{ "tools": [{"name":"a","x":1.0},{"n":{},"name":"\u0062"}],"ttlMs":5 }}"#
    );
    let none = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"hidden"}]}}"#;
    assert_eq!(filter(none, false).unwrap(), r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#);
    let all = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"a"} , {"name":"b"} ]}}"#;
    assert_eq!(filter(all, false).unwrap(), all);
    // An escape does not hide a name from the rule.
    let escaped = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"h\u0069dden"}]}}"#;
    assert_eq!(filter(escaped, false).unwrap(), none.replace(r#"{"name":"hidden"}"#, ""));
}

#[test]
fn the_scope_becomes_private() {
    let public = r#"{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"public","tools":[{"name":"hidden"}]}}"#;
    assert_eq!(
        filter(public, false).unwrap(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"private","tools":[]}}"#
    );
    let behind = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"hidden"}],"cacheScope": 7}}"#;
    assert_eq!(
        filter(behind, true).unwrap(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"cacheScope": "private"}}"#
    );
    let absent = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#;
    assert_eq!(
        filter(absent, true).unwrap(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"private","tools":[]}}"#
    );
    assert_eq!(filter(absent, false).unwrap(), absent);
    let empty = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(
        mark_private(&empty, true).unwrap(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"private"}}"#
    );
    let error = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#);
    assert_eq!(mark_private(&error, true).unwrap(), error);
}

#[test]
fn every_list_has_its_keys() {
    for (method, array, key) in [
        ("tools/list", "tools", "name"),
        ("prompts/list", "prompts", "name"),
        ("resources/list", "resources", "uri"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate"),
    ] {
        let body =
            Bytes::from(format!(r#"{{"id":1,"result":{{"{array}":[{{"{key}":"a"}},{{"{key}":"b"}}]}}}}"#));
        let mut seen = Vec::new();
        let kind = ListKind::of(method).unwrap();
        let out = filter_list(&body, kind, false, |name| {
            seen.push(name.to_owned());
            name == "b"
        });
        assert_eq!(out.unwrap(), format!(r#"{{"id":1,"result":{{"{array}":[{{"{key}":"b"}}]}}}}"#));
        assert_eq!(seen, ["a", "b"]);
    }
    assert_eq!(ListKind::of("tools/call"), None);
}

#[test]
fn what_is_not_understood_is_an_error() {
    for bad in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"result":[]}"#,
        r#"{"result":{}}"#,
        r#"{"result":{"tools":{}}}"#,
        r#"{"result":{"Tools":[]}}"#,
        r#"{"result":{"tools":[],"Tools":[]}}"#,
        r#"{"result":{"tools":[],"tools":[]}}"#,
        r#"{"result":{"tools":["a"]}}"#,
        r#"{"result":{"tools":[{}]}}"#,
        r#"{"result":{"tools":[{"name":1}]}}"#,
        r#"{"result":{"tools":[{"name":"a","Name":"hidden"}]}}"#,
        r#"{"result":{"tools":[]},"error":{}}"#,
        r#"{"Result":{"tools":[]},"error":{}}"#,
    ] {
        assert!(filter(bad, true).is_err(), "{bad}");
    }
}

fn id(text: &str) -> Id {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{text},"method":"ping"}}"#);
    Message::parse(&Bytes::from(body), &Limits::default()).unwrap().id().unwrap().clone()
}

fn rewriter(max: usize) -> SseRewriter<impl FnMut(&Bytes) -> Result<Bytes, RewriteError>> {
    SseRewriter::new(id("1"), max, |body: &Bytes| {
        filter_list(body, ListKind::Tools, false, |name| name != "hidden")
    })
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},{"name":"hidden"}]}}"#;
const SHOWN: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}"#;
const NOTE: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;

/// Feeds `stream` in pieces of `size` bytes.
fn run(stream: &str, size: usize) -> Result<String, SseError> {
    let mut rewriter = rewriter(4096);
    let mut out = Vec::new();
    for chunk in stream.as_bytes().chunks(size) {
        out.extend_from_slice(&rewriter.push(chunk)?);
    }
    out.extend_from_slice(&rewriter.finish()?);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn only_the_response_changes_whatever_the_pieces() {
    let (sent, shown) = (LIST.split_once(',').unwrap(), SHOWN.split_once(',').unwrap());
    for end in ["\n", "\r", "\r\n"] {
        let around = |one: &str, other: &str| {
            let note = format!("data: {NOTE}");
            let before =
                [": keep-alive", "", "id: 0", "retry: 3", "data:", "", "event: message", &note, "id: 7", ""];
            [&before[..], &["id: 8", one, other, "x: y", "", ":", ""]].concat().join(end)
        };
        let stream = around(&format!("data: {}", sent.0), &format!("data:,{}", sent.1));
        let expected = around(&format!("data: {}", shown.0), &format!("data: ,{}", shown.1));
        for size in 1..=stream.len() {
            assert_eq!(run(&stream, size).unwrap(), expected, "{end:?} in pieces of {size}");
        }
    }
}

#[test]
fn an_error_is_the_response_too() {
    let mut seen = Vec::new();
    let mut stream = SseRewriter::new(id("1"), 4096, |body: &Bytes| {
        seen.push(body.clone());
        Ok(body.clone())
    });
    let ours = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}"#;
    let others = ours.replace("\"id\":1", "\"id\":null");
    let sent = format!("data: {NOTE}\n\ndata: {others}\n\ndata: {ours}\n\n");
    assert_eq!(stream.push(sent.as_bytes()).unwrap(), sent);
    drop(stream);
    assert_eq!(seen, [ours]);
}

#[test]
fn events_go_out_at_once() {
    let mut stream = rewriter(4096);
    assert_eq!(stream.push(b": hello\r").unwrap(), ": hello\r");
    assert_eq!(stream.push(b"\n").unwrap(), "\n");
    assert_eq!(stream.push(b"data: ").unwrap(), "");
    assert_eq!(stream.push(NOTE.as_bytes()).unwrap(), "");
    assert_eq!(stream.push(b"\n").unwrap(), "");
    assert_eq!(stream.push(b"").unwrap(), "");
    assert_eq!(stream.push(b"\nda").unwrap(), format!("data: {NOTE}\n\n"));
    assert_eq!(stream.push(b"ta: \r").unwrap(), "");
    assert_eq!(stream.push(b"").unwrap(), "");
    assert_eq!(stream.push(b"\nid: 1\r").unwrap(), "");
    assert_eq!(stream.push(b"\n\r").unwrap(), "data: \r\nid: 1\r\n\r");
    assert_eq!(stream.push(b"\n").unwrap(), "\n");
}

#[test]
fn an_event_cut_off_by_the_end_is_still_filtered() {
    assert_eq!(run(&format!("data: {LIST}"), 9).unwrap(), format!("data: {SHOWN}\n"));
    assert_eq!(run(&format!("\u{FEFF}data: {LIST}\n\n"), 9).unwrap(), format!("data: {SHOWN}\n\n"));
}

#[test]
fn errors_end_the_stream() {
    let one = |data: &str| run(&format!("data: {data}\n\n"), 64).unwrap_err();
    assert!(matches!(one("{"), SseError::Strict(_)));
    assert!(matches!(one(r#"{"id":1,"result":{},"result":{}}"#), SseError::Strict(_)));
    assert!(matches!(one(r#"{"id":1,"Result":{}}"#), SseError::Strict(_)));
    assert_eq!(one(&LIST.replace("\"id\":1", "\"id\":\"1\"")), SseError::ForeignResult);
    assert_eq!(one(&LIST.replace("\"id\":1,", "")), SseError::ForeignResult);
    assert_eq!(one(&format!("[{LIST}]")), SseError::NotAMessage);
    assert!(matches!(one(r#"{"id":1,"result":{}}"#), SseError::Rewrite(_)));
    let mut small = rewriter(32);
    assert_eq!(small.push(&[b'x'; 33]), Err(SseError::TooLarge));
    assert_eq!(small.push(b"data: 1\n\n"), Err(SseError::Failed));
    assert_eq!(small.finish(), Err(SseError::Failed));
    // Many small events are no large one.
    let mut small = rewriter(32);
    assert_eq!(small.push("id: 1\n\n".repeat(100).as_bytes()).unwrap().len(), 700);
}

proptest! {
    #[test]
    fn without_a_response_nothing_changes(
        lines in prop::collection::vec("(id: [0-9]{1,3}|event: [a-z]{1,3}|: [a-z]{0,5}|data: (1|\"[a-z]\"|)|)", 0..20),
        ends in prop::collection::vec(prop_oneof![Just("\n"), Just("\r"), Just("\r\n")], 20),
        size in 1_usize..9,
    ) {
        // Scalars are no messages, so data is left to whole notifications here.
        let stream: String = lines.iter().zip(&ends).map(|(line, end)| {
            let line = if line.starts_with("data: ") && line.len() > 6 { format!("data: {NOTE}") } else { line.clone() };
            let line = if line.starts_with("data") { format!("\n\n{line}\n\n") } else { line };
            format!("{line}{end}")
        }).collect();
        prop_assert_eq!(run(&stream, size).unwrap(), stream);
    }
}
