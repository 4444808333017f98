//! `Compress` before the guard and after it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use actix_web::middleware::Compress;
use actix_web::{App, web};
use mcp_auth_actix::{McpAuth, mcp_service, require_scopes};
use mcp_auth_behaviour::{Answer, Ask, Fixture, Mcp, Running, Serve, message};
use mcp_auth_core::Guard;
use serde_json::json;

use crate::{run, who};

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
    let call = message::call("list_notes", json!({}));
    for path in ["/before/mcp", "/after/mcp", "/both/mcp"] {
        let ask = || fixture.ask("POST", path).message(&call);
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
