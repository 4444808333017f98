//! What is axum's own: where the layer stands, and which HTTP it speaks.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/run.rs"]
mod running;

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use mcp_auth_axum::{Caller, McpAuthLayer, require_scopes, routes};
use mcp_auth_behaviour::ordinary::routes_take_the_same_tokens;
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, http2, message};
use mcp_auth_core::Guard;
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::testing::{ProofBuilder, TestKey, thumbprint};
use mcp_auth_core::verify::dpop::Dpop;
use mcp_auth_core::verify::jwt::Algorithm;
use running::run;
use serde_json::json;

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

/// A guard of one path inside a router that is nested: what is left of the path is another.
struct Left;

impl Serve for Left {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let api = || {
            Router::new()
                .route_service("/mcp", mcp.clone())
                .route("/page", get(|| async { "page" }))
                .layer(McpAuthLayer::new(guard.clone()))
        };
        run(listener, Router::new().nest("/api", api()).nest("/other", Router::new().nest("/api", api())))
    }
}

#[tokio::test]
async fn only_under_goes_by_the_whole_path_in_a_nested_router() {
    let fixture = Fixture::guarded::<Left>(|guard| guard.only_under("/api/mcp")).await;
    let call = message::call("list_notes", json!({}));
    for path in ["/api/mcp", "/other/api/mcp"] {
        // Another path is another place, whatever is left of it in between.
        let expected = if path == "/api/mcp" { 401 } else { 200 };
        assert_eq!(fixture.ask("POST", path).message(&call).send().await.status, expected, "{path}");
    }
    assert_eq!(fixture.ran.take(), ["list_notes"]);
    fixture.ask("POST", "/api/mcp").message(&call).token(&fixture.reader()).send().await.is(200, None);
    assert_eq!(fixture.ask("GET", "/api/page").send().await.text(), "page");
    // By what is left, it is guarded also where the whole path is another.
    let fixture = Fixture::guarded::<Left>(|guard| guard.only_under("/mcp")).await;
    for path in ["/api/mcp", "/other/api/mcp"] {
        fixture.ask("POST", path).message(&call).send().await.is(401, -32000);
    }
    fixture.nothing_ran();
}

/// Ordinary routes with the same tokens.
struct Ordinary;

impl Serve for Ordinary {
    fn serve(listener: TcpListener, guard: Guard, _: Mcp) -> Running {
        let scoped = require_scopes(&guard, ["notes:read", "notes:delete"]).unwrap();
        let app = Router::new()
            .route("/me", get(|Caller(who): Caller| async move { who.subject().to_owned() }))
            .route_layer(scoped.clone())
            .nest("/deep", Router::new().route("/me", get(|_: Caller| async { "me" })).layer(scoped))
            .route("/open", get(|who: Option<Caller>| async move { format!("{}", who.is_some()) }))
            .route("/forgotten", get(|_: Caller| async { "never" }));
        run(listener, app)
    }
}

#[tokio::test]
async fn ordinary_routes_take_the_same_tokens() {
    let fixture = Fixture::start::<Ordinary>().await;
    routes_take_the_same_tokens(&fixture).await;
}

/// A proof names the URL that was asked for, whatever a router has left of it.
#[tokio::test]
async fn a_proof_is_for_the_whole_url_of_a_nested_route() {
    let store = Arc::new(MemoryStore::default());
    let fixture = Fixture::guarded::<Ordinary>(|guard| guard.dpop(Dpop::accepted(store))).await;
    let key = TestKey::generate(Algorithm::Es256, "client").unwrap();
    let token =
        fixture.ada("notes:read notes:delete").claim("cnf", json!({ "jkt": thumbprint(&key) })).sign();
    for (path, url, status) in [("/me", "/me", 200), ("/deep/me", "/deep/me", 200), ("/deep/me", "/me", 401)]
    {
        let proof = ProofBuilder::new(&key, "GET", &format!("{}{url}", fixture.origin), &token).sign();
        let ask = fixture.ask("GET", path).header("authorization", &format!("DPoP {token}"));
        assert_eq!(ask.header("dpop", &proof).send().await.status, status, "{path} {url}");
    }
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
    http2::the_authority_is_the_host::<Plain>().await;
}

#[tokio::test]
async fn a_client_that_leaves_over_http_2_cancels() {
    http2::a_client_that_leaves_cancels::<Plain>().await;
}
