//! The behaviour suite over axum.
#![allow(missing_docs)]

#[path = "support/run.rs"]
mod running;

use std::net::TcpListener;

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use mcp_auth_axum::{McpAuthLayer, routes};
use mcp_auth_behaviour::{Mcp, Running, Serve};
use mcp_auth_core::Guard;
use mcp_auth_core::verify::ClientCertificate;
use running::run;

struct Axum;

impl Serve for Axum {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let app = Router::new()
            .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(mcp))
            .merge(routes(&guard))
            .layer(map_request(client_certificate));
        run(listener, app)
    }
}

/// A header stands for what a TLS acceptor would know of the connection.
async fn client_certificate(mut request: Request) -> Request {
    if let Some(der) = request.headers_mut().remove("x-tls") {
        request.extensions_mut().insert(ClientCertificate::from_der(der.as_bytes()));
    }
    request
}

mcp_auth_behaviour::suite!(Axum);
