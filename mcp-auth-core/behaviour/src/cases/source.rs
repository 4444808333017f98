//! Hosts, origins and preflights.

use serde_json::json;

use crate::{Fixture, Serve, message, raw};

/// Pages of other origins are refused before anything else, and learn nothing.
pub async fn origins<S: Serve>() {
    let fixture = Fixture::guarded::<S>(|guard| guard.allowed_origins(["https://app.example"])).await;
    let token = fixture.reader();
    for origin in [
        "https://evil.example",
        "null",
        "",
        "http://127.0.0.1.evil.example",
        "https://app.example.evil.example",
        "https://app.example/",
        "https://app.example:8443",
        "http://app.example",
        "file://",
    ] {
        for token in [Some(&token), None] {
            let mut ask = fixture.call("list_notes", json!({})).header("origin", origin);
            if let Some(token) = token {
                ask = ask.token(token);
            }
            let answer = ask.send().await;
            answer.is(403, -32000).does_not_challenge();
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        }
    }
    let two = fixture.call("list_notes", json!({})).token(&token).header("origin", "https://app.example");
    two.add_header("origin", "https://app.example").send().await.is(403, -32000);
    fixture.nothing_ran();

    for origin in ["https://app.example", "http://localhost:6274", &fixture.origin] {
        let answer =
            fixture.call("list_notes", json!({})).token(&token).header("origin", origin).send().await;
        answer.is(200, None);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert!(answer.header("access-control-expose-headers").contains("WWW-Authenticate"));
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Origin"));
        // A page must be able to read the challenge, or it could never sign in.
        let refused = fixture.call("list_notes", json!({})).header("origin", origin).send().await;
        refused.is(401, -32000);
        assert_eq!(refused.header("access-control-allow-origin"), origin);
    }
}

/// DNS rebinding: a host that is not ours is refused, whoever asks.
pub async fn hosts<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let (token, body) =
        (format!("Bearer {}", fixture.reader()), message::call("list_notes", json!({})).to_string());
    let length = body.len().to_string();
    let own = raw::host(&fixture).to_owned();
    let port = own.rsplit(':').next().unwrap().to_owned();
    let ask = |start: &str, hosts: &[&str]| {
        let mut headers: Vec<(&str, &str)> = hosts.iter().map(|host| ("Host", *host)).collect();
        headers.extend([
            ("Authorization", token.as_str()),
            ("Content-Length", &length),
            ("MCP-Protocol-Version", message::MODERN),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "list_notes"),
        ]);
        raw::post(start, &headers, &body)
    };
    let post = "POST /mcp HTTP/1.1";
    for host in
        ["evil.example", "127.0.0.1", "127.0.0.1:1", &format!("evil.example:{port}"), &format!("{own}.")]
    {
        let (status, text) = raw::send(&fixture, &ask(post, &[host])).await;
        assert_eq!(status, 403, "{host}: {text}");
        assert!(text.contains("-32000") && text.contains("host_not_allowed"), "{text}");
    }
    for hosts in [&[][..], &[""], &[&own, "evil.example"], &["evil.example", &own], &[&own, &own]] {
        let (status, text) = raw::send(&fixture, &ask(post, hosts)).await;
        // Some frameworks refuse these themselves; an empty host is one that is not ours.
        assert!(matches!(status, 400 | 403), "{hosts:?}: {text}");
    }
    for (start, host) in [
        ("POST http://evil.example/mcp HTTP/1.1", own.as_str()),
        (&format!("POST http://{own}/mcp HTTP/1.1"), "evil.example"),
    ] {
        let (status, text) = raw::send(&fixture, &ask(start, &[host])).await;
        assert!(matches!(status, 400 | 403), "{start}: {text}");
    }
    fixture.nothing_ran();
    for host in [own.clone(), format!("localhost:{port}"), format!("LocalHost:{port}")] {
        let (status, text) = raw::send(&fixture, &ask(post, &[&host])).await;
        assert_eq!(status, 200, "{host}: {text}");
    }
}

/// A preflight carries no token, is answered here, and allows no stranger.
pub async fn preflight<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let preflight = |origin: &str| {
        fixture
            .ask("OPTIONS", "/mcp")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,mcp-param-x,x-other")
    };
    let answer = preflight("http://localhost:6274").send().await;
    answer.is(204, None);
    assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:6274");
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    let allowed = answer.header("access-control-allow-headers").to_lowercase();
    assert!(
        allowed.contains("authorization") && allowed.contains("mcp-param-x") && !allowed.contains("x-other")
    );
    assert!(answer.body.is_empty());
    let evil = preflight("https://evil.example").send().await;
    evil.is(403, -32000);
    assert_eq!(evil.header("access-control-allow-origin"), "");
    // Without an origin it is no preflight.
    fixture.ask("OPTIONS", "/mcp").send().await.is(405, -32000);
    fixture.nothing_ran();
}
