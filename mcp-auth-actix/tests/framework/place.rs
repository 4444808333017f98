//! Where the middleware stands: an application, scopes, resources; and paths in every spelling.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::guard::Post;
use actix_web::{App, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, Setup, message, raw};
use mcp_auth_core::Guard;
use mcp_auth_core::audit::{Audit, ChannelSink};
use mcp_auth_core::confirm::Rule;
use mcp_auth_core::guard::GuardBuilder;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{own, page, run};

/// The guard at each level, with scopes in scopes, and neighbours of each.
struct Levels;

impl Serve for Levels {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, move || {
            let auth = McpAuth::new(guard.clone());
            let service = || mcp_service(mcp.clone());
            App::new()
                .service(web::resource("/mcp").wrap(auth.clone()).route(service()))
                .service(
                    web::scope("/a")
                        .route("/page", web::get().to(page))
                        .service(web::resource("/mcp").wrap(auth.clone()).route(service()))
                        .service(
                            web::scope("/b")
                                .wrap(auth.clone())
                                .service(web::resource("/mcp").route(service()))
                                .service(web::scope("/c").service(web::resource("/mcp").route(service())))
                                .route("/own", web::route().guard(Post()).to(own)),
                        ),
                )
                .service(web::resource("/of/{tenant}/mcp").wrap(auth.clone()).route(service()))
                .service(web::resource(["/one", "/two/"]).wrap(auth).route(service()))
                .route("/page", web::get().to(page))
                .configure(routes(&guard))
        })
    }
}

/// A call of `list_notes`, posted at a path that no client would leave as it is.
async fn post(fixture: &Fixture, path: &str, token: Option<&str>) -> u16 {
    let body = message::call("list_notes", json!({})).to_string();
    let (length, token) = (body.len().to_string(), token.map(|token| format!("Bearer {token}")));
    let mut headers = vec![
        ("Host", raw::host(fixture)),
        ("Content-Length", length.as_str()),
        ("MCP-Protocol-Version", message::MODERN),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "list_notes"),
    ];
    headers.extend(token.as_deref().map(|token| ("Authorization", token)));
    let bytes = raw::post(&format!("POST {path} HTTP/1.1"), &headers, &body);
    raw::send(fixture, &bytes).await.0
}

/// What careless readers take for `path`: each segment and each slash written otherwise.
fn spellings(path: &str) -> Vec<String> {
    let mut all = vec![
        format!("/{path}"),
        format!("/.{path}"),
        format!("/x/..{path}"),
        format!("/%2e%2e{path}"),
        format!("{path}/"),
        format!("{path}//"),
        format!("{path}/."),
        format!("{path}%00"),
        format!("{path}%20"),
        format!("{path};a=b"),
        format!("{path}/..;/"),
        format!("{path}/x"),
        path.replacen("mcp", "%6dcp", 1),
        path.replacen("mcp", "%6Dcp", 1),
        path.replacen("mcp", "%256dcp", 1),
        path.replacen("mcp", "%2%366dcp", 1),
        path.replacen("mcp", "MCP", 1),
        path.replacen("mcp", "\u{217f}cp", 1),
    ];
    for (at, _) in path.match_indices('/').skip(1) {
        let (before, after) = (&path[..at], &path[at + 1..]);
        let between = ["//", "/./", "/x/../", "/%2e/", "%2f", "%2F", "\\", "%5c", ";a=b/", "/;/", "%252f"];
        all.extend(between.map(|between| format!("{before}{between}{after}")));
    }
    // The first letter, encoded, and in the other case.
    let (first, rest) = (path.as_bytes()[1], &path[2..]);
    all.push(format!("/%{first:02x}{rest}"));
    all.push(format!("/{}{rest}", char::from(first).to_ascii_uppercase()));
    all.retain(|spelling| spelling != path);
    all
}

const PLACES: [&str; 5] = ["/mcp", "/a/mcp", "/a/b/mcp", "/a/b/c/mcp", "/a/b/own"];

#[tokio::test]
async fn each_level_is_guarded_by_its_one_spelling() {
    let fixture = Fixture::start::<Levels>().await;
    let token = fixture.reader();
    for path in PLACES.into_iter().chain(["/of/x/mcp", "/one", "/two/"]) {
        assert_eq!(post(&fixture, path, None).await, 401, "{path}");
        fixture.nothing_ran();
        assert_eq!(post(&fixture, path, Some(&token)).await, 200, "{path}");
        let expected = if path == "/a/b/own" { vec![] } else { vec!["list_notes"] };
        assert_eq!(fixture.ran.take(), expected, "{path}");
    }
    // The target in its absolute form, to this host and to another.
    let target = format!("{}/a/b/mcp", fixture.origin);
    assert_eq!(post(&fixture, &target, Some(&token)).await, 200);
    assert_eq!(fixture.ran.take(), ["list_notes"]);
    assert_eq!(post(&fixture, "http://evil.example/a/b/mcp", Some(&token)).await, 400);
    for path in ["/page", "/a/page"] {
        assert_eq!(fixture.ask("GET", path).send().await.text(), "page");
    }
    fixture.nothing_ran();
}

#[tokio::test]
async fn other_spellings_reach_nothing_at_any_level() {
    let fixture = Fixture::start::<Levels>().await;
    let token = fixture.reader();
    for path in PLACES.iter().flat_map(|path| spellings(path)) {
        for token in [Some(token.as_str()), None] {
            let status = post(&fixture, &path, token).await;
            let refused = matches!(status, 400 | 404 | 405) || (token.is_none() && status == 401);
            assert!(refused, "{path}: {status}");
            assert_eq!(fixture.ran.take(), Vec::<String>::new(), "{path}");
        }
    }
}

/// A path that is refused uses nothing up: the same confirmation is good for the right one, and is recorded there only.
#[tokio::test]
async fn another_spelling_is_refused_before_it_is_decided() {
    let (sink, mut records) = ChannelSink::new(16);
    let audit = Audit::new(sink).waits(Duration::from_secs(10));
    let guard: Box<dyn FnOnce(GuardBuilder) -> GuardBuilder> = Box::new(|guard| guard.audit(audit));
    let setup = Setup { rule: Rule::destructive(), guard, ..Setup::default() };
    let fixture = Fixture::with::<Levels>(setup).await;
    let kept = tokio::spawn(async move {
        let mut lines = Vec::new();
        while lines.len() < 4 {
            let record = records.next().await.unwrap().acknowledge(Ok(()));
            lines.push(String::from_utf8(record.json().to_vec()).unwrap());
        }
        lines
    });
    let token = fixture.ada("notes:read notes:delete").sign();
    let mut call = message::call("delete_note", json!({ "id": "1" }));
    call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
    let post =
        |path: &'static str, call: &Value| fixture.ask("POST", path).message(call).token(&token).send();
    let asked = post("/mcp", &call).await;
    call["params"]["requestState"] = asked.is(200, None).json()["result"]["requestState"].clone();
    let yes = json!({ "action": "accept", "content": { "confirm": true } });
    call["params"]["inputResponses"] = json!({ "confirmation": yes });
    post("/%6dcp", &call).await.is(404, -32000);
    fixture.nothing_ran();
    assert_eq!(post("/mcp", &call).await.is(200, None).tool_text(), "deleted");
    assert_eq!(fixture.ran.take(), ["delete_note 1"]);
    let lines = timeout(Duration::from_secs(10), kept).await.unwrap().unwrap();
    for (line, expected) in lines.iter().zip(["pending", "path_spelling", "allowed", "succeeded"]) {
        assert!(line.contains(&format!("\"{expected}\"")), "{expected}: {line}");
    }
}

/// One guard around the application, for one path of it, which is a scope in a scope.
struct Whole;

impl Serve for Whole {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, move || {
            App::new()
                .wrap(McpAuth::new(guard.clone()))
                .service(
                    web::scope("/a").route("/page", web::get().to(page)).service(
                        web::scope("/b")
                            .route("/page", web::get().to(page))
                            .service(web::resource("/mcp").route(mcp_service(mcp.clone()))),
                    ),
                )
                .route("/a b", web::get().to(page))
                .configure(routes(&guard))
                // What a careless application makes of every other path.
                .default_service(mcp_service(mcp.clone()))
        })
    }
}

#[tokio::test]
async fn a_guard_of_one_path_knows_it_in_nested_scopes() {
    let fixture = Fixture::guarded::<Whole>(|guard| guard.only_under("/a/b")).await;
    let token = fixture.reader();
    for path in ["/a/page", "/a%20b"] {
        assert_eq!(fixture.ask("GET", path).send().await.text(), "page");
    }
    let document = "/.well-known/oauth-protected-resource/mcp";
    assert_eq!(fixture.ask("GET", document).send().await.status, 200);
    fixture.ask("GET", "/a/b/page").send().await.is(401, -32000);
    assert_eq!(post(&fixture, "/a/b/mcp", None).await, 401);
    fixture.nothing_ran();
    assert_eq!(post(&fixture, "/a/b/mcp", Some(&token)).await, 200);
    assert_eq!(fixture.ran.take(), ["list_notes"]);
    for path in spellings("/a/b/mcp") {
        // The bridge answers no request that the guard did not see.
        let status = post(&fixture, &path, None).await;
        assert!(matches!(status, 400 | 401 | 404 | 500), "{path}: {status}");
        fixture.nothing_ran();
        let status = post(&fixture, &path, Some(&token)).await;
        // Below its path a guard lets through, and what answers there is the application's choice.
        let passed = status == 200 && path.starts_with("/a/b/");
        assert!(passed || matches!(status, 400 | 404 | 500), "{path}: {status}");
        assert_eq!(fixture.ran.take().len(), usize::from(passed), "{path}");
    }
}

/// Without a path of its own a guard takes the whole application, its documents, too: closed, if of no use.
#[tokio::test]
async fn a_guard_of_the_application_guards_all_of_it() {
    let fixture = Fixture::start::<Whole>().await;
    for path in ["/a/page", "/a/b/mcp", "/a%20b", "/other", "/.well-known/oauth-protected-resource/mcp"] {
        fixture.ask("GET", path).send().await.is(401, -32000).challenges("", "notes:read");
    }
    fixture.nothing_ran();
}
