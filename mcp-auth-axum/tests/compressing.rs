//! A service that compresses its answers, behind the layer.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use mcp_auth_axum::{McpAuthLayer, routes};
use mcp_auth_behaviour::{Mcp, Running, Serve, compression};
use mcp_auth_core::Guard;
use tower_http::compression::CompressionLayer;

struct Compressing;

impl Serve for Compressing {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let inner = Router::new().fallback_service(mcp).layer(CompressionLayer::new());
        let app = Router::new()
            .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(inner))
            .merge(routes(&guard))
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        Running::new(move || server.abort())
    }
}

#[tokio::test]
async fn what_is_read_comes_plain() {
    compression::what_is_read_comes_plain::<Compressing>().await;
}
