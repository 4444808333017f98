//! HTTP/2 without TLS, as between a proxy and the service.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{App, web};
use mcp_auth_actix::{McpAuth, mcp_service, require_scopes, routes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, http2, message};
use mcp_auth_core::Guard;
use serde_json::json;

use crate::bridge::{Ticking, is_dropped};
use crate::{run, who};

struct Plain;

impl Serve for Plain {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let readers = require_scopes(&guard, ["notes:read"]).unwrap();
        run!(listener, 1, listen_auto_h2c, move || {
            App::new()
                .service(
                    web::resource("/mcp").wrap(McpAuth::new(guard.clone())).route(mcp_service(mcp.clone())),
                )
                .service(web::resource("/who").wrap(readers.clone()).route(web::get().to(who)))
                .configure(routes(&guard))
        })
    }
}

#[tokio::test]
async fn http_2_names_its_host_in_the_authority() {
    http2::the_authority_is_the_host::<Plain>().await;
}

#[tokio::test]
async fn routes_beside_are_guarded_over_http_2() {
    let fixture = Fixture::start::<Plain>().await;
    let client = http2::client();
    for (path, text) in [("/who", "ada"), ("/.well-known/oauth-protected-resource", "resource")] {
        let url = format!("{}{path}", fixture.origin);
        let answer = client.get(url).bearer_auth(fixture.reader()).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
        assert!(answer.text().await.unwrap().contains(text), "{path}");
    }
}

/// Many calls on one connection, of two users: each gets its own answer.
#[tokio::test]
async fn calls_on_one_connection_are_decided_each_for_itself() {
    let fixture = Fixture::start::<Plain>().await;
    let (client, call) = (http2::client(), message::call("whoami", json!({})));
    let users = ["ada", "bob", "eve"];
    let asked = (0..30).map(|turn| {
        let user = users[turn % 3];
        let token = fixture.ada("notes:read").claim("sub", json!(user)).sign();
        let token = if user == "eve" { "bad".to_owned() } else { token };
        let answer = http2::post(&client, &fixture, &call).bearer_auth(token).send();
        tokio::spawn(async move { (user, answer.await.unwrap().text().await.unwrap()) })
    });
    for answer in asked.collect::<Vec<_>>() {
        let (user, text) = answer.await.unwrap();
        assert_eq!(text.contains(&format!("{user} via")), user != "eve", "{user}: {text}");
    }
    assert_eq!(fixture.ran.take().len(), 20);
}

#[tokio::test]
async fn a_client_that_leaves_cancels() {
    http2::a_client_that_leaves_cancels::<Plain>().await;
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// A stream that says something once and then nothing.
struct Silent;

impl Serve for Silent {
    fn serve(listener: TcpListener, guard: Guard, _: Mcp) -> Running {
        let ticking = Ticking { every: Duration::from_secs(3600), dropped: &DROPPED };
        run!(listener, 1, listen_auto_h2c, move || {
            App::new().service(
                web::resource("/mcp").wrap(McpAuth::new(guard.clone())).route(mcp_service(ticking.clone())),
            )
        })
    }
}

#[tokio::test]
async fn a_silent_stream_ends_with_its_client() {
    let fixture = Fixture::start::<Silent>().await;
    let get = http2::client().get(fixture.url()).header("accept", "text/event-stream");
    let get = get.header("mcp-protocol-version", message::LEGACY).bearer_auth(fixture.reader());
    let mut stream = get.send().await.unwrap();
    assert!(stream.chunk().await.unwrap().unwrap().starts_with(b"data: tick"));
    assert_eq!(DROPPED.load(Ordering::SeqCst), 0);
    drop(stream);
    is_dropped(&DROPPED).await;
}
