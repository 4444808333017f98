//! The servers: rmcp's `echo` in axum and in actix, with the guard around it or without.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use core_affinity::CoreId;
use http_body_util::{BodyExt, Full};
use mcp_auth_axum::McpAuthLayer;
use mcp_auth_core::Guard;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use tower_service::Service;

use super::Address;
use crate::Error;

#[derive(Clone, Copy)]
pub(super) enum Framework {
    Axum,
    Actix,
}

/// One tool, which says what it was told.
#[derive(Clone)]
struct Echo;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Said {
    text: String,
}

#[tool_router]
impl Echo {
    #[tool(description = "Says what it was told", annotations(read_only_hint = true))]
    fn echo(&self, Parameters(Said { text }): Parameters<Said>) -> String {
        text
    }
}

#[tool_handler]
impl ServerHandler for Echo {}

type Mcp = StreamableHttpService<Echo, LocalSessionManager>;

fn mcp() -> Mcp {
    let config =
        StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    StreamableHttpService::new(|| Ok(Echo), Arc::new(LocalSessionManager::default()), config)
}

/// Starts a server on one core; it ends with the process.
pub(super) fn start(
    framework: Framework,
    guard: Option<Guard>,
    core: Option<CoreId>,
) -> Result<Address, Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        // Threads that this one starts stay on its core.
        if let Some(core) = core {
            core_affinity::set_for_current(core);
        }
        let ended = match framework {
            Framework::Axum => axum(listener, guard),
            Framework::Actix => actix(listener, guard),
        };
        if let Err(error) = ended {
            eprintln!("the server ended: {error}");
        }
    });
    Ok(address)
}

fn axum(listener: TcpListener, guard: Option<Guard>) -> Result<(), Error> {
    listener.set_nonblocking(true)?;
    let router = match guard {
        Some(guard) => axum::Router::new().route_service("/mcp", McpAuthLayer::new(guard).layer(mcp())),
        None => axum::Router::new().route_service("/mcp", mcp()),
    };
    let app = router.into_make_service_with_connect_info::<SocketAddr>();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let serving = async { axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await };
        Ok(tokio::spawn(serving).await??)
    })
}

fn actix(listener: TcpListener, guard: Option<Guard>) -> Result<(), Error> {
    let runtime = actix_web::rt::Runtime::new()?;
    match guard {
        Some(guard) => {
            let app = move || {
                let mcp = mcp_auth_actix::mcp_service(mcp());
                App::new().service(
                    web::resource("/mcp").wrap(mcp_auth_actix::McpAuth::new(guard.clone())).route(mcp),
                )
            };
            runtime.block_on(HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run())?;
        }
        None => {
            let app = || {
                App::new()
                    .service(web::resource("/mcp").app_data(web::Data::new(mcp())).route(web::to(plain)))
            };
            runtime.block_on(HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run())?;
        }
    }
    Ok(())
}

/// What somebody writes who mounts a tower service in actix and needs no guard.
async fn plain(request: HttpRequest, body: Bytes, mcp: web::Data<Mcp>) -> HttpResponse {
    let mut asked = http::Request::new(Full::new(body));
    *asked.method_mut() = http::Method::POST;
    for (name, value) in request.headers() {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = http::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            asked.headers_mut().append(name, value);
        }
    }
    let answered: Result<_, Infallible> = Mcp::clone(&mcp).call(asked).await;
    let Ok(answer) = answered;
    let (parts, body) = answer.into_parts();
    let status = actix_web::http::StatusCode::from_u16(parts.status.as_u16()).unwrap_or_default();
    let mut response = HttpResponse::build(status);
    for (name, value) in &parts.headers {
        response.append_header((name.as_str(), value.as_bytes()));
    }
    match body.collect().await {
        Ok(body) => response.body(body.to_bytes()),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
