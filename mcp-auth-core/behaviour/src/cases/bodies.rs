//! Bodies that are no message: too large, too slow, of another kind, or readable in two ways.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{Ask, Fixture, Serve, message, raw};

fn call(fixture: &Fixture) -> Ask {
    fixture.call("list_notes", json!({})).token(&fixture.reader())
}

/// The head of a call, its framing left to the case.
fn head(fixture: &Fixture, framing: &[(&str, &str)]) -> Vec<u8> {
    let token = format!("Bearer {}", fixture.reader());
    let shared = [
        ("Host", raw::host(fixture)),
        ("Authorization", token.as_str()),
        ("MCP-Protocol-Version", message::MODERN),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "list_notes"),
    ];
    raw::post("POST /mcp HTTP/1.1", &[&shared[..], framing].concat(), "")
}

/// 413, announced or not, and the connection ends.
pub async fn over_the_limit<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.max_body(2048)).await;
    let text = "x".repeat(4096);
    let large = fixture.call("echo", json!({ "text": text })).token(&fixture.reader()).send().await;
    large.is(413, -32000).does_not_challenge();
    let mut chunked = head(&fixture, &[("Transfer-Encoding", "chunked")]);
    for _ in 0..8 {
        chunked.extend_from_slice(format!("200\r\n{}\r\n", "x".repeat(0x200)).as_bytes());
    }
    let (status, text) = raw::send(&fixture, &chunked).await;
    assert_eq!(status, 413, "{text}");
    assert!(text.to_lowercase().contains("connection: close"), "{text}");
    let (status, text) = raw::send(&fixture, &head(&fixture, &[("Content-Length", "999999999999")])).await;
    assert!(matches!(status, 413 | 400), "{text}");
    fixture.nothing_ran();
    call(&fixture).send().await.is(200, None);
}

/// 408 after the time that a body has; 400, or nothing, if it breaks off.
pub async fn slow_or_broken<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.body_timeout(Duration::from_millis(300))).await;
    let start = Instant::now();
    let mut slow = head(&fixture, &[("Content-Length", "100")]);
    slow.extend_from_slice(b"{");
    let (status, text) = raw::send(&fixture, &slow).await;
    assert_eq!(status, 408, "{text}");
    assert!(text.contains("-32000"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(8), "the body was waited for");
    // A byte now and then does not buy more time.
    let drip = [
        head(&fixture, &[("Content-Length", "100")]),
        b"{".to_vec(),
        b" ".to_vec(),
        b" ".to_vec(),
        b" ".to_vec(),
    ];
    let pieces: Vec<&[u8]> = drip.iter().map(Vec::as_slice).collect();
    let (status, text) = raw::send_slowly(&fixture, &pieces, Duration::from_millis(150)).await;
    assert_eq!(status, 408, "{text}");

    let mut broken = head(&fixture, &[("Transfer-Encoding", "chunked")]);
    broken.extend_from_slice(b"zz\r\n");
    let (status, text) = raw::send(&fixture, &broken).await;
    assert!(matches!(status, 0 | 400), "{text}");
    fixture.nothing_ran();
}

/// Request smuggling: a body with two framings is nobody's, or is read by its chunks (RFC 9112, section 6.3) and by
/// everybody alike. A proxy in front, which could read it otherwise, must refuse it.
pub async fn two_framings_are_never_read_twice<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let body = message::call("list_notes", json!({})).to_string();
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let both = [
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "chunked"), ("Content-Length", "5")],
    ];
    for framing in &both {
        let mut bytes = head(&fixture, framing);
        bytes.extend_from_slice(chunks.as_bytes());
        let (status, text) = raw::send_to_end(&fixture, &bytes).await;
        let ran = fixture.ran.take();
        let refused = (status == 0 || (400..500).contains(&status)) && ran.is_empty();
        assert!(refused || (status == 200 && ran == ["list_notes"]), "{framing:?}: {ran:?} {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{framing:?}: {text}");
        // By its length it would be a call, and by its chunks it is none.
        let mut bytes = head(
            &fixture,
            &[("Content-Length", &body.len().to_string()), framing[usize::from(framing[0].1 == "5")]],
        );
        bytes.extend_from_slice(body.as_bytes());
        let (status, text) = raw::send_to_end(&fixture, &bytes).await;
        assert!(matches!(status, 0 | 400), "{framing:?}: {text}");
        fixture.nothing_ran();
    }
    for framing in [
        &[("Content-Length", "5"), ("Content-Length", "6")][..],
        &[("Transfer-Encoding", "chunked, identity")],
        &[("Transfer-Encoding", "xchunked")],
        &[("Content-Length", "+5")],
    ] {
        let mut bytes = head(&fixture, framing);
        bytes.extend_from_slice(chunks.as_bytes());
        let (status, text) = raw::send_to_end(&fixture, &bytes).await;
        assert!(status == 0 || (400..600).contains(&status), "{framing:?}: {text}");
        assert_eq!(fixture.ran.take(), Vec::<String>::new(), "{framing:?}");
    }
}

/// 415 and 406.
pub async fn media_types<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    for kind in [
        "text/plain",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/json; charset=latin1",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "json",
        "",
    ] {
        call(&fixture).header("content-type", kind).send().await.is(415, -32000).does_not_challenge();
    }
    call(&fixture).without("content-type").send().await.is(415, -32000);
    call(&fixture).add_header("content-type", "application/json").send().await.is(415, -32000);
    // Three bytes that gzip begins with, and what a client that encodes would say.
    for coding in ["gzip", "br", "deflate", "identity, gzip"] {
        let encoded = call(&fixture).header("content-encoding", coding).body(vec![0x1f, 0x8b, 0x08]);
        encoded.send().await.is(415, -32000);
    }
    for accept in [
        "application/json",
        "text/event-stream",
        "text/html",
        "",
        "application/json;q=0, text/event-stream",
        "application/*",
    ] {
        call(&fixture).header("accept", accept).send().await.is(406, -32000).does_not_challenge();
    }
    // No HTTP client leaves it out, so this one is written by hand.
    let without = head(&fixture, &[("Content-Length", "0")]);
    let without =
        String::from_utf8(without).unwrap().replace("Accept: application/json, text/event-stream\r\n", "");
    let (status, text) = raw::send(&fixture, without.as_bytes()).await;
    assert!(status == 406 && text.contains("-32000"), "{text}");
    fixture.nothing_ran();
    for kind in ["application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
        call(&fixture).header("content-type", kind).send().await.is(200, None);
    }
    call(&fixture).header("content-encoding", "identity").send().await.is(200, None);
    call(&fixture)
        .header("accept", "text/event-stream;q=0.5")
        .add_header("accept", "application/json")
        .send()
        .await
        .is(200, None);
}

/// −32700 for what is not strict JSON, −32600 for what is not one message.
pub async fn not_one_strict_message<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let good = message::call("list_notes", json!({})).to_string();
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_arguments =
        |arguments: &str| good.replace(r#""arguments":{}"#, &format!(r#""arguments":{arguments}"#));
    assert_ne!(with_arguments("[]"), good);
    let not_json: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("white space", b" \r\n".to_vec()),
        ("cut", good.as_bytes()[..good.len() - 1].to_vec()),
        ("byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("UTF-16", utf16.clone()),
        ("UTF-16 with a byte order mark", [&b"\xff\xfe"[..], &utf16].concat()),
        ("gzip without saying so", vec![0x1f, 0x8b, 0x08, 0x00]),
        (
            "Latin-1",
            with_arguments("{\"x\":\"?\"}").bytes().map(|b| if b == b'?' { 0xfc } else { b }).collect(),
        ),
        ("two messages", format!("{good}\n{good}").into_bytes()),
        ("a comment", format!("/**/{good}").into_bytes()),
        ("a trailing comma", with_arguments("{\"x\":1,}").into_bytes()),
        ("NaN", with_arguments("{\"x\":NaN}").into_bytes()),
        ("lone surrogate", with_arguments(r#"{"x":"\ud800"}"#).into_bytes()),
        ("lone surrogate as a key", with_arguments(r#"{"\udc00":1}"#).into_bytes()),
        ("raw control character", with_arguments("{\"x\":\"\u{1}\"}").into_bytes()),
        ("number beyond f64", with_arguments(r#"{"x":1e999}"#).into_bytes()),
        ("serde_json's own key", with_arguments(r#"{"$serde_json::private::Number":"1"}"#).into_bytes()),
        (
            "5,000 deep",
            with_arguments(&format!("{}{}", r#"{"x":"#.repeat(5000), "}".repeat(5000))).into_bytes(),
        ),
    ];
    for (label, body) in not_json {
        let answer = call(&fixture).body(body).send().await;
        let got = (answer.status, answer.json()["error"]["code"].as_i64());
        assert_eq!(got, (400, Some(-32700)), "{label}: {}", answer.text());
        answer.does_not_challenge();
    }
    let id = |id: &str| good.replace(r#""id":7"#, &format!(r#""id":{id}"#));
    for (label, body) in [
        ("batch", format!("[{good}]")),
        ("empty batch", "[]".to_owned()),
        ("a string", "\"x\"".to_owned()),
        ("no version", good.replace(r#""jsonrpc":"2.0","#, "")),
        ("version 1.0", good.replace("\"2.0\"", "\"1.0\"")),
        ("version as a number", good.replace("\"2.0\"", "2.0")),
        ("id null", id("null")),
        ("id an object", id("{}")),
        ("id a fraction", id("1.5")),
        ("a method and a result", good.replace(r#""id":7"#, r#""id":7,"result":{}"#)),
        ("method a number", good.replace(r#""tools/call""#, "7")),
        (
            "params an array",
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":["list_notes"]}"#.to_owned(),
        ),
    ] {
        let changed = body != good;
        let answer = call(&fixture).body(body).send().await;
        let got = (changed, answer.status, answer.json()["error"]["code"].as_i64());
        assert_eq!(got, (true, 400, Some(-32600)), "{label}: {}", answer.text());
    }
    fixture.nothing_ran();
}

/// Two readers must not see two messages.
pub async fn keys_that_readers_take_differently<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let text = message::call("list_notes", json!({ "list": [{}] })).to_string();
    let insert = |before: &str, more: &str| text.replace(before, &format!("{more}{before}"));
    for (label, body) in [
        ("name twice", insert(r#""name":"list_notes""#, r#""name":"delete_note","#)),
        ("name twice, escaped", insert(r#""name":"list_notes""#, r#""n\u0061me":"delete_note","#)),
        ("method twice", insert(r#""method":"tools/call""#, r#""method":"tools/list","#)),
        ("method twice, escaped", insert(r#""method":"tools/call""#, r#""\u006dethod":"tools/list","#)),
        ("params twice", insert(r#""params""#, r#""params":{},"#)),
        ("deep", text.replace("[{}]", r#"[{"a":1,"\u0061":2}]"#)),
    ] {
        assert_ne!(body, text, "{label}");
        let answer = call(&fixture).body(body).send().await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_i64()), (400, Some(-32700)), "{label}");
    }
    for (label, body) in [
        ("Name", insert(r#""name":"list_notes""#, r#""Name":"delete_note","#)),
        ("METHOD", insert(r#""method":"tools/call""#, r#""METHOD":"tools/list","#)),
        ("Params", insert(r#""params""#, r#""Params":{},"#)),
        ("Arguments", insert(r#""arguments""#, r#""Arguments":{},"#)),
        ("Kelvin", insert(r#""arguments""#, "\"task\u{212a}\":{},\"tas\u{212a}\":{},")),
    ] {
        let answer = call(&fixture).body(body).send().await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_i64()), (400, Some(-32600)), "{label}");
    }
    // One key that is escaped is one key, and decided by what it says.
    let escaped = message::legacy_call("delete_note", json!({ "id": "1" })).to_string();
    let escaped = escaped.replace(r#""name""#, r#""n\u0061me""#).replace("delete_note", r"delete\u005fnote");
    let answer = call(&fixture).without("mcp-protocol-version").body(escaped).send().await;
    answer.is(403, -32000).challenges("insufficient_scope", "notes:delete notes:read");
    fixture.nothing_ran();
}

/// Nobody would be told that it was refused, or that it ran.
pub async fn a_write_as_a_notification<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.ada("notes:read notes:delete").sign();
    for mut message in [
        message::call("delete_note", json!({ "id": "1" })),
        message::legacy_call("delete_note", json!({ "id": "1" })),
    ] {
        message.as_object_mut().unwrap().remove("id");
        fixture.post(&message).token(&token).send().await.is(400, -32600);
    }
    let with_id = message::legacy("notifications/initialized", json!({}));
    fixture.post(&with_id).token(&token).send().await.is(400, -32600);
    fixture.post(&message::notification("notifications/unknown")).token(&token).send().await.is(400, -32601);
    let response = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    fixture.post(&response).token(&token).send().await.is(400, -32000);
    fixture.nothing_ran();
}
