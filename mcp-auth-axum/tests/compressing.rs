//! A service that compresses its answers, behind the layer.
#![allow(missing_docs)]

#[path = "support/run.rs"]
mod running;

use std::net::TcpListener;

use axum::Router;
use mcp_auth_axum::{McpAuthLayer, routes};
use mcp_auth_behaviour::{Mcp, Running, Serve, compression};
use mcp_auth_core::Guard;
use running::run;
use tower_http::compression::CompressionLayer;

struct Compressing;

impl Serve for Compressing {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let inner = Router::new().fallback_service(mcp).layer(CompressionLayer::new());
        let app = Router::new()
            .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(inner))
            .merge(routes(&guard));
        run(listener, app)
    }
}

#[tokio::test]
async fn what_is_read_comes_plain() {
    compression::what_is_read_comes_plain::<Compressing>().await;
}
