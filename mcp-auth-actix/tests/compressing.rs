//! A service that compresses its answers, behind the middleware.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/run.rs"]
mod running;

use std::net::TcpListener;

use actix_web::middleware::Compress;
use actix_web::{App, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_behaviour::{Mcp, Running, Serve, compression};
use mcp_auth_core::Guard;
use running::run;

struct Compressing;

impl Serve for Compressing {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, move || {
            let service = web::resource("/mcp").wrap(Compress::default());
            let service = service.wrap(McpAuth::new(guard.clone())).route(mcp_service(mcp.clone()));
            App::new().service(service).configure(routes(&guard))
        })
    }
}

#[tokio::test]
async fn what_is_read_comes_plain() {
    compression::what_is_read_comes_plain::<Compressing>().await;
}
