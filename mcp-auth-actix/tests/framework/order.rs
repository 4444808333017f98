//! Other middlewares, before the guard and after it. actix runs first what was wrapped last.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Mutex, Once, PoisonError};

use actix_web::middleware::{Compress, Logger, NormalizePath, TrailingSlash};
use actix_web::{App, web};
use mcp_auth_actix::{McpAuth, mcp_service, require_scopes, routes};
use mcp_auth_behaviour::{Answer, Ask, Fixture, Mcp, Running, Serve, Setup, message};
use mcp_auth_core::Guard;
use mcp_auth_core::confirm::Rule;
use serde_json::{Value, json};

use crate::{page, run, who};

fn call() -> Value {
    message::call("list_notes", json!({}))
}

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
        let ask = || fixture.ask("POST", path).message(&call());
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

/// The application's answers are compressed, or those of the service, or both.
struct Compressed;

impl Serve for Compressed {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let readers = require_scopes(&guard, ["notes:read"]).unwrap();
        run!(listener, move || {
            let auth = McpAuth::new(guard.clone());
            let inside = || web::resource("/mcp").wrap(Compress::default()).wrap(auth.clone());
            App::new()
                .service(
                    web::scope("/before")
                        .service(web::resource("/mcp").wrap(auth.clone()).route(mcp_service(mcp.clone())))
                        .service(web::resource("/who").wrap(readers.clone()).route(web::get().to(who)))
                        .wrap(Compress::default()),
                )
                .service(web::scope("/after").service(inside().route(mcp_service(mcp.clone()))))
                .service(
                    web::scope("/both")
                        .service(inside().route(mcp_service(mcp.clone())))
                        .wrap(Compress::default()),
                )
        })
    }
}

/// The text of an answer, and whether it was compressed.
fn text(answer: &Answer) -> (bool, String) {
    let is_gzip = answer.header("content-encoding") == "gzip";
    let mut text = answer.text();
    if is_gzip {
        text.clear();
        flate2::read::GzDecoder::new(&*answer.body).read_to_string(&mut text).unwrap();
    }
    (is_gzip, text)
}

#[tokio::test]
async fn answers_are_compressed_before_the_guard_and_after_it() {
    let fixture = Fixture::start::<Compressed>().await;
    let gzip = |ask: Ask| ask.header("accept-encoding", "gzip").send();
    for path in ["/before/mcp", "/after/mcp", "/both/mcp"] {
        let ask = || fixture.ask("POST", path).message(&call());
        let refused = gzip(ask()).await;
        refused.challenges("", "notes:read");
        let (is_gzip, said) = text(&refused);
        assert_eq!((refused.status, is_gzip), (401, path != "/after/mcp"), "{path}");
        assert!(said.contains("-32000"), "{path}: {said}");
        fixture.nothing_ran();
        let answer = gzip(ask().token(&fixture.reader())).await;
        let (is_gzip, said) = text(&answer);
        assert_eq!((answer.status, fixture.ran.take()), (200, vec!["list_notes".to_owned()]), "{path}");
        assert!(said.contains("Buy milk"), "{path}: {said}");
        assert!(is_gzip || path == "/after/mcp", "{path}");
    }
    let list = message::modern("tools/list", json!({}));
    let list = gzip(fixture.ask("POST", "/before/mcp").message(&list).token(&fixture.reader())).await;
    let (is_gzip, said) = text(&list);
    assert!(is_gzip && said.contains("list_notes") && !said.contains("purge"), "{said}");
    let who = gzip(fixture.ask("GET", "/before/who").token(&fixture.reader())).await;
    assert_eq!(text(&who), (true, "ada".to_owned()));
}

/// What a tool says while it runs is there while it runs.
#[tokio::test]
async fn a_compressed_stream_is_not_held_back() {
    let fixture = Fixture::start::<Compressed>().await;
    let mut call = message::call("count", json!({ "steps": 20 }));
    call["params"]["_meta"]["progressToken"] = json!("p");
    for path in ["/before/mcp", "/after/mcp"] {
        let ask = fixture.ask("POST", path).message(&call).token(&fixture.reader());
        let mut response = ask.header("accept-encoding", "gzip").open().await;
        let is_gzip = response.headers().contains_key("content-encoding");
        let (mut decoder, mut plain) = (flate2::write::GzDecoder::new(Vec::new()), Vec::new());
        let (mut first, mut said) = (String::new(), String::new());
        while let Some(chunk) = response.chunk().await.unwrap() {
            plain.extend_from_slice(&chunk);
            decoder.write_all(if is_gzip { &chunk } else { &[] }).unwrap();
            decoder.flush().unwrap();
            said = String::from_utf8_lossy(if is_gzip { decoder.get_ref() } else { &plain }).into_owned();
            if first.is_empty() && said.contains("notifications/progress") {
                first.clone_from(&said);
            }
        }
        assert!(!first.is_empty() && !first.contains("counted"), "{path}: held back: {first}");
        assert!(said.contains("counted"), "{path}: {said}");
    }
}

/// Whatever this server logs, at every level.
static LOGGED: Mutex<String> = Mutex::new(String::new());

fn note(line: &str) {
    LOGGED.lock().unwrap_or_else(PoisonError::into_inner).push_str(line);
}

struct Noted;

impl log::Log for Noted {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("actix") || metadata.target().starts_with("mcp_auth")
    }
    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            note(&format!("{}\n", record.args()));
        }
    }
    fn flush(&self) {}
}

impl std::io::Write for Noted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        note(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Noted).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let ours =
            "mcp_auth_core=trace,mcp_auth_actix=trace,actix_http=trace,actix_web=trace,actix_server=trace";
        let subscriber = tracing_subscriber::fmt().with_env_filter(ours).with_writer(|| Noted);
        tracing::subscriber::set_global_default(subscriber.with_ansi(false).finish()).unwrap();
    });
}

/// A log of what comes, and one of what the guard lets pass, which asks for the credential itself.
struct Logged;

impl Serve for Logged {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        log_everything();
        let readers = require_scopes(&guard, ["notes:read"]).unwrap();
        run!(listener, move || {
            let inner = || Logger::new("inside %U %s <%{authorization}i%{dpop}i>");
            App::new()
                .service(
                    web::resource("/mcp")
                        .wrap(inner())
                        .wrap(McpAuth::new(guard.clone()))
                        .route(mcp_service(mcp.clone())),
                )
                .service(web::resource("/who").wrap(inner()).wrap(readers.clone()).route(web::get().to(who)))
                .wrap(Logger::new("outside %r %s"))
        })
    }
}

#[tokio::test]
async fn no_token_is_logged() {
    let fixture = Fixture::with::<Logged>(Setup { rule: Rule::destructive(), ..Setup::default() }).await;
    let good = fixture.ada("notes:read notes:delete").claim("jti", json!("logged")).sign();
    let bad = fixture.ada("notes:read").claim("exp", json!(1)).sign();
    for token in [&good, &bad, "not-a-jwt-but-secret"] {
        fixture.post(&call()).token(token).send().await;
        fixture
            .post(&call())
            .header("authorization", &format!("DPoP {token}"))
            .header("dpop", token)
            .send()
            .await;
        fixture.post(&call()).header("authorization", &format!("Basic {token}")).send().await;
        fixture.call("delete_note", json!({ "id": "1" })).token(token).send().await;
        fixture.call("purge", json!({})).token(token).send().await;
        fixture.ask("GET", "/who").token(token).send().await;
    }
    let logged = LOGGED.lock().unwrap().clone();
    for expected in [
        "outside POST /mcp HTTP/1.1 401",
        "outside POST /mcp HTTP/1.1 200",
        "inside /mcp 200 <-->",
        "inside /who 200 <-->",
        "subject=\"ada\"",
    ] {
        assert!(logged.contains(expected), "{expected} is not in: {logged}");
    }
    for token in [&good, &bad, "not-a-jwt-but-secret"] {
        for part in [token.rsplit('.').next().unwrap(), token] {
            assert!(!logged.contains(part), "{part} was logged");
        }
    }
}
