//! What is axum's own: where the layer stands, and which HTTP it speaks.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::routing::get;
use mcp_auth_axum::{Caller, McpAuthLayer, require_scopes, routes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, message};
use mcp_auth_core::Guard;
use serde_json::json;

fn run(listener: TcpListener, app: Router) -> Running {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    Running::new(move || server.abort())
}

/// The guarded service below a prefix, beside ordinary routes.
struct Nested;

impl Serve for Nested {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let guarded = McpAuthLayer::new(guard.clone()).layer(mcp);
        let api =
            Router::new().route_service("/mcp", guarded.clone()).route("/health", get(|| async { "well" }));
        let app = Router::new()
            .nest("/api", api)
            .nest_service("/deep", guarded)
            .route("/page", get(|| async { "page" }))
            .merge(routes(&guard));
        run(listener, app)
    }
}

#[tokio::test]
async fn a_nested_service_is_guarded_and_its_neighbours_are_not() {
    let fixture = Fixture::start::<Nested>().await;
    let call = message::call("list_notes", json!({}));
    for path in ["/api/mcp", "/deep", "/deep/", "/deep/x/../y"] {
        fixture.ask("POST", path).message(&call).send().await.is(401, -32000).challenges("", "notes:read");
    }
    fixture.nothing_ran();
    for path in ["/api/mcp", "/deep"] {
        fixture.ask("POST", path).message(&call).token(&fixture.reader()).send().await.is(200, None);
    }
    assert_eq!(fixture.ran.take(), ["list_notes", "list_notes"]);
    for (path, text) in [("/page", "page"), ("/api/health", "well")] {
        assert_eq!(fixture.ask("GET", path).send().await.text(), text);
    }
}

/// A layer around a router: `route_layer` and `layer` cover what was there before them, which is why the guard wraps the
/// service itself.
struct Late;

impl Serve for Late {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let app = Router::new()
            .route_service("/mcp", mcp)
            .layer(McpAuthLayer::new(guard))
            .route("/late", get(|| async { "late" }));
        run(listener, app)
    }
}

#[tokio::test]
async fn a_route_added_after_the_layer_is_outside_and_reaches_no_tool() {
    let fixture = Fixture::start::<Late>().await;
    let call = message::call("list_notes", json!({}));
    fixture.post(&call).send().await.is(401, -32000);
    assert_eq!(fixture.ask("GET", "/late").send().await.text(), "late");
    assert_eq!(fixture.ask("POST", "/late").message(&call).send().await.status, 405);
    // What no route answers is answered by the router, inside the layer or not, and never by the service.
    for path in ["/mcp/", "/%6dcp", "/MCP", "/other"] {
        let answer = fixture.ask("POST", path).message(&call).token(&fixture.reader()).send().await;
        assert_eq!(answer.status, 404, "{path}");
    }
    fixture.nothing_ran();
}

/// One guard around a whole router, for one path of it.
struct Whole;

impl Serve for Whole {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let app = Router::new()
            .route_service("/mcp", mcp.clone())
            // What an application's own normalization could make of it.
            .route_service("/MCP", mcp.clone())
            .route_service("/{*rest}", mcp)
            .route("/page", get(|| async { "page" }))
            .layer(McpAuthLayer::new(guard));
        run(listener, app)
    }
}

#[tokio::test]
async fn only_under_guards_every_spelling_and_leaves_the_rest() {
    let fixture = Fixture::guarded::<Whole>(|guard| guard.only_under("/mcp")).await;
    let call = message::call("list_notes", json!({}));
    assert_eq!(fixture.ask("GET", "/page").send().await.text(), "page");
    fixture.post(&call).send().await.is(401, -32000);
    fixture.ask("POST", "/mcp/below").message(&call).send().await.is(401, -32000);
    for path in ["/MCP", "/%6dcp", "//mcp", "/mcp;x=1", "/%5cmcp", "/%256dcp"] {
        for token in ["", &fixture.reader()] {
            let mut ask = fixture.ask("POST", path).message(&call);
            if !token.is_empty() {
                ask = ask.token(token);
            }
            assert_eq!(ask.send().await.status, 404, "{path}");
        }
    }
    fixture.nothing_ran();
    fixture.post(&call).token(&fixture.reader()).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["list_notes"]);
}

/// Ordinary routes with the same tokens.
struct Ordinary;

impl Serve for Ordinary {
    fn serve(listener: TcpListener, guard: Guard, _: Mcp) -> Running {
        let scoped = require_scopes(&guard, ["notes:read", "notes:delete"]).unwrap();
        let app = Router::new()
            .route("/me", get(|Caller(who): Caller| async move { who.subject().to_owned() }))
            .route_layer(scoped)
            .route("/open", get(|who: Option<Caller>| async move { format!("{}", who.is_some()) }))
            .route("/forgotten", get(|_: Caller| async { "never" }));
        run(listener, app)
    }
}

#[tokio::test]
async fn ordinary_routes_take_the_same_tokens() {
    let fixture = Fixture::start::<Ordinary>().await;
    let me = || fixture.ask("GET", "/me");
    me().send().await.is(401, -32000).challenges("", "notes:read");
    me().token("bad").send().await.is(401, -32000).challenges("invalid_token", "notes:read");
    let short = me().token(&fixture.reader()).send().await;
    short.is(403, -32000).challenges("insufficient_scope", "notes:delete notes:read");
    me().header("origin", "https://evil.example").token(&fixture.reader()).send().await.is(403, -32000);
    let token = fixture.ada("notes:read notes:delete").sign();
    assert_eq!(me().token(&token).send().await.is(200, None).text(), "ada");
    // Other methods of a guarded route learn nothing either.
    me().method("DELETE").send().await.is(401, -32000);
    assert_eq!(fixture.ask("GET", "/open").token(&token).send().await.text(), "false");
    assert_eq!(fixture.ask("GET", "/forgotten").token(&token).send().await.status, 401);
}

/// HTTP/2 without TLS, as between a proxy and the service.
struct Plain;

impl Serve for Plain {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run(listener, Router::new().route_service("/mcp", McpAuthLayer::new(guard).layer(mcp)))
    }
}

#[tokio::test]
async fn http_2_names_its_host_in_the_authority() {
    let fixture = Fixture::start::<Plain>().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let call = message::call("list_notes", json!({}));
    let ask = |token: Option<String>, host: Option<&str>| {
        let mut request = client
            .post(fixture.url())
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", message::MODERN)
            .header("mcp-method", "tools/call")
            .header("mcp-name", "list_notes")
            .body(call.to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(host) = host {
            request = request.header("host", host);
        }
        request.send()
    };
    let refused = ask(None, None).await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.version()), (401, reqwest::Version::HTTP_2));
    // Two names for one server: nobody knows which of them was checked.
    let two = ask(Some(fixture.reader()), Some("evil.example")).await.unwrap();
    assert_eq!(two.status().as_u16(), 400);
    fixture.nothing_ran();
    let good = ask(Some(fixture.reader()), None).await.unwrap();
    assert_eq!((good.status().as_u16(), good.version()), (200, reqwest::Version::HTTP_2));
    assert!(good.text().await.unwrap().contains("Buy milk"));
    assert_eq!(fixture.ran.take(), ["list_notes"]);
}
