//! Ordinary routes with the same tokens.

use std::net::TcpListener;

use actix_web::{App, HttpRequest, HttpResponse, web};
use mcp_auth_actix::{Caller, McpAuth, guard_extensions, mcp_service, require_scopes};
use mcp_auth_behaviour::ordinary::routes_take_the_same_tokens;
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, Setup, message};
use mcp_auth_core::{Guard, Principal};
use serde_json::json;

use crate::{own, perhaps, run, who};

/// What a handler finds in the request, and what came as the body.
async fn seen(request: HttpRequest, body: String) -> HttpResponse {
    let (there, headers) = (guard_extensions(&request), request.headers());
    let subject = there.as_deref().and_then(Principal::from_extensions).map(Principal::subject);
    HttpResponse::Ok().json(json!({
        "subject": subject,
        "leaked": headers.contains_key("authorization") || headers.contains_key("dpop"),
        "other": headers.get("x-other").and_then(|value| value.to_str().ok()),
        "body": body,
    }))
}

/// Who asks, as an answer to a message.
async fn inner(who: Option<Caller>) -> HttpResponse {
    let who = who.map(|Caller(who)| who.subject().to_owned());
    HttpResponse::Ok().json(json!({ "jsonrpc": "2.0", "id": 7, "result": { "who": who } }))
}

struct Ordinary;

impl Serve for Ordinary {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let both = require_scopes(&guard, ["notes:read", "notes:delete"]).unwrap();
        let reading = require_scopes(&guard, ["notes:read"]).unwrap();
        run!(listener, move || {
            App::new()
                .service(web::resource("/me").wrap(both.clone()).route(web::get().to(who)))
                .service(
                    web::scope("/api")
                        .wrap(reading.clone())
                        .route("/seen/{name}", web::post().to(seen))
                        .service(web::scope("/deep").route("/perhaps", web::get().to(perhaps)))
                        .service(
                            web::resource("/public")
                                .wrap(McpAuth::new(guard.clone()))
                                .route(web::post().to(inner)),
                        )
                        .service(web::resource("/mcp").route(mcp_service(mcp.clone()))),
                )
                .route("/open", web::get().to(perhaps))
                .route("/seen", web::post().to(seen))
                .route("/own", web::post().to(own))
                .route("/forgotten", web::get().to(who))
        })
    }
}

#[tokio::test]
async fn ordinary_routes_take_the_same_tokens() {
    let fixture = Fixture::start::<Ordinary>().await;
    routes_take_the_same_tokens(&fixture).await;
    let own = fixture.ask("POST", "/own").token(&fixture.reader());
    assert_eq!(own.send().await.status, 401, "no guard is before it");
}

#[tokio::test]
async fn a_scope_of_ordinary_routes_is_guarded_whole() {
    let fixture = Fixture::start::<Ordinary>().await;
    for path in ["/api/seen/x", "/api/deep/perhaps", "/%61pi/deep/perhaps", "/api/nothing", "/api/", "/api"] {
        fixture.ask("GET", path).send().await.is(401, -32000).challenges("", "notes:read");
    }
    for (path, status) in [("/api/deep/perhaps", 200), ("/api/nothing", 404)] {
        assert_eq!(fixture.ask("GET", path).token(&fixture.reader()).send().await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_handler_gets_everything_but_the_token() {
    let fixture = Fixture::start::<Ordinary>().await;
    let ask = |path: &str| fixture.ask("POST", path).token(&fixture.reader()).body("a body");
    // What an ordinary route takes as a parameter may be encoded.
    let answer = ask("/api/seen/a%20b").header("dpop", "x").header("x-other", "y").send().await;
    let expected = json!({ "subject": "ada", "leaked": false, "other": "y", "body": "a body" });
    assert_eq!(answer.is(200, None).json(), expected);
    let expected = json!({ "subject": null, "leaked": true, "other": null, "body": "a body" });
    assert_eq!(ask("/seen").send().await.json(), expected);
}

/// The token of an ordinary route decides about no message.
#[tokio::test]
async fn the_bridge_is_closed_behind_an_ordinary_guard() {
    let fixture = Fixture::start::<Ordinary>().await;
    let call = message::call("list_notes", json!({}));
    let answer = fixture.ask("POST", "/api/mcp").message(&call).token(&fixture.reader()).send().await;
    assert_eq!(answer.status, 500);
    fixture.nothing_ran();
}

/// The innermost guard's word counts: it had no token to judge by.
#[tokio::test]
async fn a_caller_is_the_innermost_guards() {
    let fixture = Fixture::with::<Ordinary>(Setup { public: true, ..Setup::default() }).await;
    let ask = |tool| {
        let call = message::call(tool, json!({}));
        fixture.ask("POST", "/api/public").message(&call).token(&fixture.reader()).send()
    };
    assert_eq!(ask("about").await.is(200, None).json()["result"]["who"], json!(null));
    ask("list_notes").await.is(401, -32000);
}
