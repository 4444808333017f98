//! The example's tools, with its policies and its fake API, behind a guard of the tests' own, on axum or on actix.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use axum::Router;
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_axum::McpAuthLayer;
use mcp_auth_core::Guard;
use mcp_auth_core::confirm::Fallback;
use mcp_auth_core::guard::GuardBuilder;
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::testing::Authority;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::Revocations;
use mcp_auth_core::verify::jwt::JwtVerifier;
use mittwald_mcp::api::Api;
use mittwald_mcp::fake::Fake;
use mittwald_mcp::policies::policies;
use mittwald_mcp::tools::Mittwald;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::task::AbortHandle;

/// What is to be served.
pub(crate) struct Behind {
    url: String,
    listener: TcpListener,
    guard: Guard,
    mcp: StreamableHttpService<Mittwald, LocalSessionManager>,
    fake: Fake,
}

/// It runs until this is dropped.
pub(crate) struct Served {
    pub(crate) url: String,
    _fake: Fake,
    end: End,
}

enum End {
    Axum(AbortHandle),
    Actix(ServerHandle),
}

impl Drop for Served {
    fn drop(&mut self) {
        match &self.end {
            End::Axum(server) => server.abort(),
            // The future of `stop` need not be waited for: the command is sent at once.
            End::Actix(server) => drop(server.stop(false)),
        }
    }
}

impl Behind {
    /// `more` is told the URL.
    pub(crate) async fn new(
        authority: &Authority,
        cannot_ask: &str,
        more: impl FnOnce(GuardBuilder, &str) -> GuardBuilder,
    ) -> Self {
        let fallback = if cannot_ask == "two-step" { Fallback::TwoStep } else { Fallback::Refuse };
        let fake = Fake::start("ada").await.unwrap();
        let api = Api::new(fake.url().parse().unwrap(), fake.token().clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let guard = Guard::builder(&url)
            .tools(policies(&api, fallback).unwrap())
            .verifier(JwtVerifier::builder(authority.issuer()).build().unwrap());
        let (guard, background) = more(guard, &url).build().unwrap();
        tokio::spawn(background);
        let tools = Mittwald::new(api, Revocations::over(Arc::new(MemoryStore::default()), Clock::system()));
        let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
        let mcp = StreamableHttpService::new(
            move || Ok(tools.clone()),
            LocalSessionManager::default().into(),
            config,
        );
        Self { url, listener, guard, mcp, fake }
    }

    pub(crate) fn on_axum(self) -> Served {
        let Self { url, listener, guard, mcp, fake } = self;
        let is_ready = guard.clone();
        let ready = move || std::future::ready(status(&is_ready));
        let app = Router::new()
            .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(mcp))
            .route("/readyz", axum::routing::get(ready))
            .merge(mcp_auth_axum::routes(&guard))
            .into_make_service_with_connect_info::<SocketAddr>();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Served { url, _fake: fake, end: End::Axum(server.abort_handle()) }
    }

    pub(crate) fn on_actix(self) -> Served {
        let Self { url, listener, guard, mcp, fake } = self;
        let (started, handle) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            rt::System::new().block_on(async move {
                let app = move || {
                    let is_ready = guard.clone();
                    let ready = move || {
                        let status = status(&is_ready).as_u16();
                        async move { HttpResponse::build(status.try_into().unwrap()).finish() }
                    };
                    App::new()
                        .service(
                            web::resource("/mcp")
                                .wrap(McpAuth::new(guard.clone()))
                                .route(mcp_service(mcp.clone())),
                        )
                        .route("/readyz", web::get().to(ready))
                        .configure(routes(&guard))
                };
                let server = HttpServer::new(app)
                    .workers(2)
                    .shutdown_timeout(0)
                    .disable_signals()
                    .listen(listener)
                    .unwrap()
                    .run();
                started.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Served { url, _fake: fake, end: End::Actix(handle.recv().unwrap()) }
    }
}

fn status(guard: &Guard) -> http::StatusCode {
    match guard.is_ready() {
        true => http::StatusCode::OK,
        false => http::StatusCode::SERVICE_UNAVAILABLE,
    }
}
