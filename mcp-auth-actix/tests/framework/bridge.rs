//! What passes the bridge, and how it ends.

use std::convert::Infallible;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::{App, web};
use bytes::Bytes;
use http_body_util::Full;
use mcp_auth_actix::{McpAuth, mcp_service};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve};
use mcp_auth_core::Guard;
use serde_json::json;

use crate::run;

/// A body of one chunk now and one each time, without end.
pub(crate) struct Ticks(tokio::time::Interval, &'static AtomicUsize);

impl Drop for Ticks {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
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

/// A tower service that answers with [`Ticks`] and counts those that were dropped.
#[derive(Clone)]
pub(crate) struct Ticking {
    pub(crate) every: Duration,
    pub(crate) dropped: &'static AtomicUsize,
}

impl tower_service::Service<http::Request<Full<Bytes>>> for Ticking {
    type Response = http::Response<Ticks>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Full<Bytes>>) -> Self::Future {
        let body = Ticks(tokio::time::interval(self.every), self.dropped);
        std::future::ready(Ok(http::Response::builder()
            .header("content-type", "text/event-stream")
            .body(body)
            .unwrap()))
    }
}

/// Waits until one body of `dropped` was.
pub(crate) async fn is_dropped(dropped: &AtomicUsize) {
    for _ in 0..250 {
        if dropped.load(Ordering::SeqCst) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the stream goes on without a client");
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Bridge;

impl Serve for Bridge {
    fn serve(listener: TcpListener, guard: Guard, _: Mcp) -> Running {
        let ticking = Ticking { every: Duration::from_millis(200), dropped: &DROPPED };
        run!(listener, move || {
            App::new()
                // An outer middleware of the application's own.
                .wrap_fn(|request, service| service.call(request))
                .service(
                    web::resource("/mcp")
                        .wrap(McpAuth::new(guard.clone()))
                        .route(mcp_service(ticking.clone())),
                )
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
    is_dropped(&DROPPED).await;
}
