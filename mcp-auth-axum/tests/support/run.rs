//! Serving a router.
#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use mcp_auth_behaviour::Running;

pub(crate) fn run(listener: TcpListener, app: Router) -> Running {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    Running::new(move || server.abort())
}
