//! The behaviour suite over actix.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/run.rs"]
mod running;

use std::net::TcpListener;

use actix_web::dev::Service as _;
use actix_web::{App, HttpMessage as _, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_behaviour::{Mcp, Running, Serve};
use mcp_auth_core::Guard;
use mcp_auth_core::verify::ClientCertificate;
use running::run;

struct Actix;

impl Serve for Actix {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        run!(listener, move || {
            App::new()
                .service(
                    web::resource("/mcp").wrap(McpAuth::new(guard.clone())).route(mcp_service(mcp.clone())),
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
        })
    }
}

mcp_auth_behaviour::suite!(Actix);
