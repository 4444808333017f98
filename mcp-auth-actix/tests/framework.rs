//! What is actix's own: where the middleware stands, what passes the bridge, and how it ends.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, missing_docs)]

use std::convert::Infallible;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::{App, HttpResponse, HttpServer, Responder, guard::Post, rt, web};
use bytes::Bytes;
use http_body_util::Full;
use mcp_auth_actix::{Caller, McpAuth, mcp_service, routes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, Setup, Stream, message};
use mcp_auth_core::Guard;
use mcp_auth_core::confirm::Rule;
use serde_json::json;

/// Serves an application in a thread of its own.
macro_rules! run {
    ($listener:expr, $app:expr) => {{
        let (started, handle) = std::sync::mpsc::channel();
        let (listener, app) = ($listener, $app);
        std::thread::spawn(move || {
            rt::System::new().block_on(async move {
                let server = HttpServer::new(app)
                    .workers(1)
                    .shutdown_timeout(0)
                    .disable_signals()
                    .h1_allow_half_closed(false)
                    .listen(listener)
                    .unwrap()
                    .run();
                started.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let handle = handle.recv().unwrap();
        Running::new(move || drop(handle.stop(false)))
    }};
}

async fn page() -> &'static str {
    "page"
}

async fn who(Caller(who): Caller) -> String {
    who.subject().to_owned()
}

async fn perhaps(who: Option<Caller>) -> String {
    who.is_some().to_string()
}

/// What a handler of the application's own gets to see behind the middleware.
async fn own(Caller(who): Caller, request: actix_web::HttpRequest, body: String) -> impl Responder {
    let leaked = request.headers().contains_key("authorization");
    HttpResponse::Ok().json(json!({ "jsonrpc": "2.0", "id": 7, "result": { "who": who.subject(), "leaked": leaked, "body": body } }))
}

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

/// One guard around a whole application, for one path of it, with a route that a careless router also finds.
struct Whole;

impl Serve for Whole {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, move || {
            App::new()
                .wrap(McpAuth::new(guard.clone()))
                .service(web::resource("/mcp").route(mcp_service(mcp.clone())))
                .route("/page", web::get().to(page))
                .route("/a b", web::get().to(page))
                .default_service(mcp_service(mcp.clone()))
        })
    }
}

#[tokio::test]
async fn only_under_guards_every_spelling_and_leaves_the_rest() {
    let fixture = Fixture::guarded::<Whole>(|guard| guard.only_under("/mcp")).await;
    let call = message::call("list_notes", json!({}));
    for path in ["/page", "/a%20b"] {
        assert_eq!(fixture.ask("GET", path).send().await.text(), "page");
    }
    fixture.post(&call).send().await.is(401, -32000);
    for path in ["/MCP", "/%6dcp", "//mcp", "/mcp;x=1", "/%256dcp"] {
        let answer = fixture.ask("POST", path).message(&call).token(&fixture.reader()).send().await;
        assert_eq!(answer.status, 404, "{path}");
    }
    fixture.nothing_ran();
    fixture.post(&call).token(&fixture.reader()).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["list_notes"]);
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// A body of one chunk each 200 ms, without end.
struct Ticks(tokio::time::Interval);

impl Drop for Ticks {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

impl http_body::Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        self.0.poll_tick(cx).map(|_| Some(Ok(http_body::Frame::data(Bytes::from_static(b"data: tick\n\n")))))
    }
}

/// A tower service that answers with [`Ticks`].
#[derive(Clone)]
struct Ticking;

impl tower_service::Service<http::Request<Full<Bytes>>> for Ticking {
    type Response = http::Response<Ticks>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Full<Bytes>>) -> Self::Future {
        let body = Ticks(tokio::time::interval(Duration::from_millis(200)));
        std::future::ready(Ok(http::Response::builder()
            .header("content-type", "text/event-stream")
            .body(body)
            .unwrap()))
    }
}

struct Bridge;

impl Serve for Bridge {
    fn serve(listener: TcpListener, guard: Guard, _: Mcp) -> Running {
        run!(listener, move || {
            App::new()
                // An outer middleware of the application's own.
                .wrap_fn(|request, service| service.call(request))
                .service(web::resource("/mcp").wrap(McpAuth::new(guard.clone())).route(mcp_service(Ticking)))
        })
    }
}

#[tokio::test]
async fn the_bridge_passes_chunks_at_once_and_ends_with_the_client() {
    let fixture = Fixture::start::<Bridge>().await;
    let mut response = fixture.call("list_notes", json!({})).token(&fixture.reader()).open().await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    for _ in 0..3 {
        // It has no end that could be waited for.
        assert!(response.chunk().await.unwrap().unwrap().starts_with(b"data: tick\n\n"));
    }
    assert_eq!(DROPPED.load(Ordering::SeqCst), 0);
    drop(response);
    for _ in 0..100 {
        if DROPPED.load(Ordering::SeqCst) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the stream goes on without a client");
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
