//! Methods, paths, old HTTP, and the documents beside the endpoint.

use serde_json::json;

use crate::{Fixture, Serve, message, raw};

/// 405 with `Allow`, by the era that the header names; nobody needs a token to learn what nobody may do.
pub async fn methods<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.reader();
    for method in ["PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "post"] {
        for token in [Some(&token), None] {
            let mut ask = fixture.post(&message::legacy_call("list_notes", json!({}))).method(method);
            if let Some(token) = token {
                ask = ask.token(token);
            }
            let answer = ask.send().await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST, DELETE"), "{method}");
        }
    }
    for method in ["GET", "DELETE", "PUT"] {
        let ask = fixture.ask(method, "/mcp").header("mcp-protocol-version", message::MODERN).token(&token);
        let answer = ask.header("accept", "text/event-stream").send().await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
    fixture.ask("GET", "/mcp").token(&token).header("accept", "text/html").send().await.is(406, -32000);
    fixture.nothing_ran();
}

/// Whatever a router makes of them, and whoever asks.
pub async fn other_spellings_of_the_path_reach_nothing<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let body = message::call("list_notes", json!({})).to_string();
    let (host, length) = (raw::host(&fixture), body.len().to_string());
    let token = format!("Bearer {}", fixture.reader());
    let ask = |path: &str, token: Option<&str>| {
        let mut headers = vec![
            ("Host", host),
            ("Content-Length", length.as_str()),
            ("MCP-Protocol-Version", message::MODERN),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "list_notes"),
        ];
        headers.extend(token.map(|token| ("Authorization", token)));
        raw::post(&format!("POST {path} HTTP/1.1"), &headers, &body)
    };
    let (status, text) = raw::send(&fixture, &ask("/mcp?x=1", Some(&token))).await;
    assert_eq!((status, fixture.ran.take()), (200, vec!["list_notes".to_owned()]), "{text}");
    for path in [
        "/mcp/",
        "/mcp//",
        "//mcp",
        "/%6dcp",
        "/%6Dcp",
        "/%256dcp",
        "/mcp/..;/",
        "/mcp;a=b",
        "/MCP",
        "/Mcp",
        "/./mcp",
        "/x/../mcp",
        "/mcp/../mcp",
        "/mcp/.",
        "/mcp%2f",
        "/mcp%00",
        "/mcp%20",
        "/\\mcp",
        "/mcp/x",
        "mcp",
        "*",
        "/",
    ] {
        for token in [Some(token.as_str()), None] {
            let (status, text) = raw::send(&fixture, &ask(path, token)).await;
            let refused = matches!(status, 400 | 404 | 405) || (token.is_none() && status == 401);
            assert!(refused, "{path} with token {}: {text}", token.is_some());
            assert_eq!(fixture.ran.take(), Vec::<String>::new(), "{path}");
        }
    }
}

/// HTTP/1.0 is decided like any other; without a host it is refused.
pub async fn old_http<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let body = message::call("list_notes", json!({})).to_string();
    let (host, length, token) =
        (raw::host(&fixture), body.len().to_string(), format!("Bearer {}", fixture.reader()));
    let shared = [
        ("Content-Length", length.as_str()),
        ("MCP-Protocol-Version", message::MODERN),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "list_notes"),
    ];
    let ask = |own: &[(&str, &str)]| raw::post("POST /mcp HTTP/1.0", &[own, &shared[..]].concat(), &body);
    let (status, text) = raw::send(&fixture, &ask(&[("Host", host)])).await;
    assert_eq!(status, 401, "{text}");
    let (status, text) = raw::send(&fixture, &ask(&[("Authorization", &token)])).await;
    assert_eq!(status, 400, "{text}");
    fixture.nothing_ran();
    let (status, text) = raw::send(&fixture, &ask(&[("Host", host), ("Authorization", &token)])).await;
    assert_eq!((status, fixture.ran.take()), (200, vec!["list_notes".to_owned()]), "{text}");
}

/// What a client finds without a token: where to sign in, for exactly this resource.
pub async fn documents<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let answer = fixture.ask("GET", path).send().await;
        answer.is(200, None);
        let document = answer.json();
        assert_eq!(document["resource"], fixture.url());
        assert_eq!(document["authorization_servers"], json!([fixture.authority.issuer()]));
        let scopes = document["scopes_supported"].to_string();
        assert!(scopes.contains("notes:read") && scopes.contains("notes:delete"), "{scopes}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    let document = "/.well-known/oauth-protected-resource/mcp";
    let written = fixture.ask("POST", document).send().await;
    assert_eq!((written.status, written.header("allow")), (405, "GET, HEAD, OPTIONS"));
    assert_eq!(fixture.ask("POST", document).body("x").send().await.status, 413);
    for path in ["/.well-known/oauth-protected-resource/other", "/.well-known/oauth-protected-resource/MCP"] {
        assert_eq!(fixture.ask("GET", path).send().await.status, 404, "{path}");
    }
}
