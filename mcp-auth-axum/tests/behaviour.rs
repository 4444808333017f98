//! The behaviour suite over axum.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use mcp_auth_axum::{McpAuthLayer, routes};
use mcp_auth_behaviour::{Mcp, Running, Serve};
use mcp_auth_core::Guard;

struct Axum;

impl Serve for Axum {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let app = Router::new()
            .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(mcp))
            .merge(routes(&guard))
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        Running::new(move || server.abort())
    }
}

mcp_auth_behaviour::suite!(Axum);
