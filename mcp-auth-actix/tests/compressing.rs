//! A service that compresses its answers, behind the middleware.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::TcpListener;

use actix_web::middleware::Compress;
use actix_web::{App, HttpServer, rt, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_behaviour::{Mcp, Running, Serve, compression};
use mcp_auth_core::Guard;

struct Compressing;

impl Serve for Compressing {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let (started, handle) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            rt::System::new().block_on(async move {
                let app = move || {
                    let service = web::resource("/mcp").wrap(Compress::default());
                    let service = service.wrap(McpAuth::new(guard.clone())).route(mcp_service(mcp.clone()));
                    App::new().service(service).configure(routes(&guard))
                };
                let server = HttpServer::new(app).workers(1).shutdown_timeout(0).disable_signals();
                let server = server.listen(listener).unwrap().run();
                started.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let handle = handle.recv().unwrap();
        // The future of `stop` need not be waited for: the command is sent at once.
        Running::new(move || drop(handle.stop(false)))
    }
}

#[tokio::test]
async fn what_is_read_comes_plain() {
    compression::what_is_read_comes_plain::<Compressing>().await;
}
