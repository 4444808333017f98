//! Many workers, each a thread with an application of its own, share one guard.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{App, web};
use mcp_auth_actix::{McpAuth, mcp_service};
use mcp_auth_behaviour::{Answer, Fixture, Mcp, Running, Serve, message};
use mcp_auth_core::Guard;
use mcp_auth_core::verify::Revocation;
use serde_json::{Value, json};

use crate::run;

const WORKERS: usize = 4;

/// Each answer says which worker gave it.
struct Many;

impl Serve for Many {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, WORKERS, listen, move || {
            App::new()
                .service(
                    web::resource("/mcp").wrap(McpAuth::new(guard.clone())).route(mcp_service(mcp.clone())),
                )
                .wrap_fn(|request, app| {
                    let answer = app.call(request);
                    async move {
                        let mut answer = answer.await?;
                        let worker = format!("{:?}", std::thread::current().id());
                        let worker = HeaderValue::from_str(&worker).unwrap();
                        answer.headers_mut().insert(HeaderName::from_static("x-worker"), worker);
                        Ok(answer)
                    }
                })
        })
    }
}

/// The answers to the same request on connections of their own, which actix hands to one worker after another; all the
/// workers have given one.
async fn from_all(fixture: &Fixture, message: &Value, token: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..2 * WORKERS {
        answers.push(fixture.post(message).token(token).header("connection", "close").send().await);
    }
    let workers: BTreeSet<_> = answers.iter().map(|answer| answer.header("x-worker").to_owned()).collect();
    assert_eq!(workers.len(), WORKERS, "{workers:?}");
    answers
}

#[tokio::test]
async fn one_verdict_serves_all_workers_until_it_is_revoked() {
    let fixture = Fixture::start::<Many>().await;
    let call = message::call("list_notes", json!({}));
    let token = fixture.ada("notes:read").claim("jti", json!("one")).sign();
    for answer in from_all(&fixture, &call, &token).await {
        answer.is(200, None);
    }
    assert_eq!(fixture.ran.take().len(), 2 * WORKERS);
    assert_eq!(fixture.verdicts.take(), ["good"], "one cache, one verification");
    fixture.revoke(&Revocation::token(fixture.authority.issuer(), "one")).await;
    for answer in from_all(&fixture, &call, &token).await {
        answer.is(401, -32000).challenges("invalid_token", "notes:read");
    }
    fixture.nothing_ran();
}

#[tokio::test]
async fn one_budget_of_failures_for_all_workers() {
    let fixture =
        Fixture::guarded::<Many>(|guard| guard.failures_per_minute(NonZeroU32::new(10).unwrap())).await;
    let call = message::call("list_notes", json!({}));
    let mut slowed = 0;
    for round in 0..3 {
        for answer in from_all(&fixture, &call, &format!("bad{round}")).await {
            match answer.status {
                401 => assert_eq!(slowed, 0, "a worker forgot"),
                429 => slowed += 1,
                other => panic!("{other}"),
            }
        }
    }
    assert_eq!(slowed, 3 * 2 * WORKERS - 10);
    assert_eq!(fixture.verdicts.take().len(), 10);
}

#[tokio::test]
async fn streams_of_all_workers_end_with_a_revocation() {
    let fixture = Fixture::start::<Many>().await;
    let token = fixture.ada("notes:read").claim("jti", json!("one")).sign();
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let listen = message::modern("subscriptions/listen", filter);
    let (mut streams, mut workers) = (Vec::new(), BTreeSet::new());
    for _ in 0..2 * WORKERS {
        let stream = fixture.post(&listen).token(&token).header("connection", "close").open().await;
        workers.insert(stream.headers()["x-worker"].to_str().unwrap().to_owned());
        streams.push(stream);
    }
    assert_eq!(workers.len(), WORKERS);
    fixture.revoke(&Revocation::token(fixture.authority.issuer(), "one")).await;
    let end = async {
        for stream in &mut streams {
            while stream.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
        }
    };
    tokio::time::timeout(Duration::from_secs(5), end).await.expect("a stream goes on");
}

/// A session that one worker opened is known to the others, and to its owner only.
#[tokio::test]
async fn a_session_is_known_to_all_workers() {
    let fixture = Fixture::start::<Many>().await;
    let (token, other) = (fixture.reader(), fixture.ada("notes:read").claim("sub", json!("bob")).sign());
    let session = fixture.session(&token).await;
    let call = message::legacy_call("list_notes", json!({}));
    let mut workers = BTreeSet::new();
    for _ in 0..2 * WORKERS {
        let ask = |token: &str| {
            let ask = fixture.post(&call).token(token).header("mcp-session-id", &session);
            ask.header("mcp-protocol-version", message::LEGACY).header("connection", "close").send()
        };
        let (good, bad) = (ask(&token).await, ask(&other).await);
        assert_eq!(good.is(200, None).tool_text(), "Buy milk");
        assert_eq!(bad.status, 404);
        workers.extend([good, bad].map(|answer| answer.header("x-worker").to_owned()));
    }
    assert_eq!(workers.len(), WORKERS);
}
