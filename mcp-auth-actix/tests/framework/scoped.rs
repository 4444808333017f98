//! A guarded scope beside ordinary routes, and a service that was forgotten.

use std::net::TcpListener;

use actix_web::{App, guard::Post, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, Setup, Stream, message};
use mcp_auth_core::Guard;
use mcp_auth_core::confirm::Rule;
use serde_json::json;

use crate::{own, page, perhaps, run, who};

/// The guarded service below a prefix, beside ordinary routes, and a resource that was forgotten.
struct Scoped;

impl Serve for Scoped {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, move || {
            let auth = McpAuth::new(guard.clone());
            App::new()
                .service(
                    web::scope("/api")
                        .service(web::resource("/mcp").wrap(auth.clone()).route(mcp_service(mcp.clone())))
                        .route("/page", web::get().to(page)),
                )
                .service(
                    web::scope("/all")
                        .wrap(auth.clone())
                        .service(web::resource("/mcp").route(mcp_service(mcp.clone())))
                        .route("/own", web::route().guard(Post()).to(own)),
                )
                .service(web::resource("/forgotten").route(mcp_service(mcp.clone())))
                .route("/who", web::get().to(who))
                .route("/perhaps", web::get().to(perhaps))
                .configure(routes(&guard))
        })
    }
}

#[tokio::test]
async fn a_scope_is_guarded_whole_and_its_neighbours_are_not() {
    let fixture = Fixture::start::<Scoped>().await;
    let call = message::call("list_notes", json!({}));
    for path in ["/api/mcp", "/all/mcp", "/all/own", "/all/other", "/all/mcp/", "/all/"] {
        fixture.ask("POST", path).message(&call).send().await.is(401, -32000).challenges("", "notes:read");
    }
    fixture.nothing_ran();
    for path in ["/api/mcp", "/all/mcp"] {
        fixture.ask("POST", path).message(&call).token(&fixture.reader()).send().await.is(200, None);
    }
    assert_eq!(fixture.ran.take(), ["list_notes", "list_notes"]);
    assert_eq!(fixture.ask("GET", "/api/page").send().await.text(), "page");
    for path in ["/api/%6dcp", "/all/%6dcp", "/%61ll/mcp", "/api/MCP", "/api/mcp/"] {
        let answer = fixture.ask("POST", path).message(&call).token(&fixture.reader()).send().await;
        assert_eq!(answer.status, 404, "{path}");
    }
    for path in ["/.well-known/oauth-protected-resource", "/.well%2Dknown/oauth-protected-resource"] {
        let expected = if path.contains('%') { 404 } else { 200 };
        assert_eq!(fixture.ask("GET", path).send().await.status, expected, "{path}");
    }
    fixture.nothing_ran();
}

#[tokio::test]
async fn an_unguarded_bridge_is_closed() {
    let fixture = Fixture::start::<Scoped>().await;
    let call = message::call("list_notes", json!({}));
    let answer = fixture.ask("POST", "/forgotten").message(&call).token(&fixture.reader()).send().await;
    assert_eq!(answer.status, 500);
    assert_eq!(fixture.ask("GET", "/who").token(&fixture.reader()).send().await.status, 401);
    assert_eq!(fixture.ask("GET", "/perhaps").token(&fixture.reader()).send().await.text(), "false");
    fixture.nothing_ran();
}

#[tokio::test]
async fn a_handler_reads_the_body_and_the_caller_but_no_token() {
    let fixture = Fixture::start::<Scoped>().await;
    let call = message::call("list_notes", json!({ "x": "y" }));
    let answer = fixture.ask("POST", "/all/own").message(&call).token(&fixture.reader()).send().await;
    let result = json!({ "who": "ada", "leaked": false, "body": call.to_string() });
    assert_eq!(answer.is(200, None).json(), json!({ "jsonrpc": "2.0", "id": 7, "result": result }));
}

/// The answer's head is long gone when the request is routed on inside a scope.
#[tokio::test]
async fn a_call_that_waited_for_its_confirmation_is_routed_on() {
    let fixture = Fixture::with::<Scoped>(Setup { rule: Rule::destructive(), ..Setup::default() }).await;
    let token = fixture.ada("notes:read notes:delete").sign();
    let mut hello = message::initialize(message::LEGACY);
    hello["params"]["capabilities"] = json!({ "elicitation": {} });
    let hello = fixture.ask("POST", "/all/mcp").message(&hello).token(&token).send().await;
    let session = hello.header("mcp-session-id").to_owned();
    let post = |path: &str, message: &serde_json::Value| {
        let ask = fixture.ask("POST", path).message(message).token(&token);
        ask.header("mcp-session-id", &session).header("mcp-protocol-version", message::LEGACY)
    };
    post("/all/mcp", &message::notification("notifications/initialized")).send().await.is(202, None);
    let call = message::legacy_call("delete_note", json!({ "id": "1" }));
    for (path, answer) in [("/all/mcp", "deleted"), ("/all/own", "\"leaked\":false")] {
        let mut stream = Stream::new(post(path, &call).open().await);
        let question = stream.next().await.unwrap();
        let yes = json!({ "action": "accept", "content": { "confirm": true } });
        let yes = json!({ "jsonrpc": "2.0", "id": question["id"], "result": yes });
        post(path, &yes).send().await.is(202, None);
        let rest = stream.next().await.unwrap().to_string();
        assert!(rest.contains(answer), "{path}: {rest}");
    }
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
}
