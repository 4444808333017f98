//! The example's tools, with its policies and its fake API, behind actix.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_core::Guard;
use mcp_auth_core::confirm::Fallback;
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

/// It runs until this is dropped.
pub(crate) struct Served {
    pub(crate) url: String,
    _fake: Fake,
    handle: ServerHandle,
}

impl Drop for Served {
    fn drop(&mut self) {
        // The future of `stop` need not be waited for: the command is sent at once.
        drop(self.handle.stop(false));
    }
}

pub(crate) async fn serve(authority: &Authority, host: &str, cannot_ask: &str) -> Served {
    let fallback = if cannot_ask == "two-step" { Fallback::TwoStep } else { Fallback::Refuse };
    let fake = Fake::start("ada").await.unwrap();
    let api = Api::new(fake.url().parse().unwrap(), fake.token().clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (guard, background) = Guard::builder(&url)
        .tools(policies(&api, fallback).unwrap())
        .allowed_hosts([host])
        .verifier(JwtVerifier::builder(authority.issuer()).build().unwrap())
        .build()
        .unwrap();
    tokio::spawn(background);
    let tools = Mittwald::new(api, Revocations::over(Arc::new(MemoryStore::default()), Clock::system()));
    let (started, handle) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        rt::System::new().block_on(async move {
            let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
            let sessions = LocalSessionManager::default().into();
            let mcp = StreamableHttpService::new(move || Ok(tools.clone()), sessions, config);
            let app = move || {
                let is_ready = guard.clone();
                let ready = move || {
                    let is_ready = is_ready.is_ready();
                    async move {
                        let mut answer =
                            if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
                        answer.finish()
                    }
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
    Served { url, _fake: fake, handle: handle.recv().unwrap() }
}
