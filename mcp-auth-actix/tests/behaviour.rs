//! The behaviour suite over actix.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::TcpListener;

use actix_web::dev::Service as _;
use actix_web::{App, HttpMessage as _, HttpServer, rt, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_behaviour::{Mcp, Running, Serve};
use mcp_auth_core::Guard;
use mcp_auth_core::verify::ClientCertificate;

struct Actix;

impl Serve for Actix {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let (started, handle) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .service(
                            web::resource("/mcp")
                                .wrap(McpAuth::new(guard.clone()))
                                .route(mcp_service(mcp.clone())),
                        )
                        .configure(routes(&guard))
                        .wrap_fn(|mut request, app| {
                            // A header stands for what a TLS acceptor would know of the connection.
                            if let Some(der) = request.headers_mut().remove("x-tls").next() {
                                let certificate = ClientCertificate::from_der(der.as_bytes());
                                request.extensions_mut().insert(certificate);
                            }
                            app.call(request)
                        })
                };
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
        // The future of `stop` need not be waited for: the command is sent at once.
        Running::new(move || drop(handle.stop(false)))
    }
}

mcp_auth_behaviour::suite!(Actix);
