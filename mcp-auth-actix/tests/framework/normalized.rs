//! `NormalizePath` before the guard and after it. actix runs first what was wrapped last.

use std::net::TcpListener;

use actix_web::middleware::{NormalizePath, TrailingSlash};
use actix_web::{App, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, message};
use mcp_auth_core::Guard;
use serde_json::json;

use crate::{page, run};

/// Paths are put right first, and the guard judges what is left.
struct NormalizedBefore;

impl Serve for NormalizedBefore {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, move || {
            App::new()
                .service(web::scope("/a").service(
                    web::resource("/mcp").wrap(McpAuth::new(guard.clone())).route(mcp_service(mcp.clone())),
                ))
                .configure(routes(&guard))
                .wrap(NormalizePath::new(TrailingSlash::Trim))
        })
    }
}

/// The guard judges first, and whatever is put right after that it has seen as it came.
struct NormalizedAfter;

impl Serve for NormalizedAfter {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, move || {
            App::new()
                .service(web::scope("/a").service(web::resource("/mcp").route(mcp_service(mcp.clone()))))
                .route("/page", web::get().to(page))
                .wrap(NormalizePath::new(TrailingSlash::Trim))
                .wrap(McpAuth::new(guard.clone()))
        })
    }
}

#[tokio::test]
async fn normalized_paths_are_guarded_before_and_after() {
    let before = Fixture::start::<NormalizedBefore>().await;
    let after = Fixture::guarded::<NormalizedAfter>(|guard| guard.only_under("/a/mcp")).await;
    let call = message::call("list_notes", json!({}));
    for (fixture, path, status) in [
        (&before, "/a/mcp", 200),
        // What was made of it has the one spelling that is routed.
        (&before, "/a//mcp", 200),
        (&before, "/a/mcp/", 200),
        (&before, "/a/%6dcp", 404),
        (&before, "/a//%6dcp/", 404),
        (&before, "/a/MCP", 404),
        (&after, "/a/mcp", 200),
        // Below the guarded path, and so guarded whatever is made of it.
        (&after, "/a/mcp/", 200),
        (&after, "/a//mcp", 404),
        (&after, "//a/mcp/", 404),
        (&after, "/a/%6dcp", 404),
    ] {
        let ask = || fixture.ask("POST", path).message(&call);
        let refused = ask().send().await.status;
        assert!(refused == 401 || refused == 404, "{path}: {refused}");
        fixture.nothing_ran();
        assert_eq!(ask().token(&fixture.reader()).send().await.status, status, "{path}");
        assert_eq!(fixture.ran.take().len(), usize::from(status == 200), "{path}");
    }
    assert_eq!(after.ask("GET", "//page/").send().await.text(), "page");
    let document = "//.well-known/oauth-protected-resource/mcp/";
    before.ask("GET", document).send().await.is(200, None);
}
