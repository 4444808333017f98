//! The bridge that mounts a tower MCP service in actix.
//!
//! 1. The service gets the request that the guard let pass, with the verified principal in its extensions.
//! 2. Its answer goes out chunk by chunk; a client that leaves drops it. While a call runs that has not said anything yet,
//!    actix sees a client leave only with `HttpServer::h1_allow_half_closed(false)`.
//! 3. A request about which no [`McpAuth`](crate::McpAuth) decided is answered 500: the bridge fails closed where a middleware was
//!    forgotten, or where there is only that of ordinary routes.

use std::convert::Infallible;
use std::future::poll_fn;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, Route, web};
use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use crate::convert;
use crate::extract::Guarded;

/// A route that hands every request to a tower MCP service (rmcp's `StreamableHttpService`). Mount it on a resource that
/// [`McpAuth`](crate::McpAuth) wraps.
///
/// ```no_run
/// # use actix_web::{App, web};
/// # fn app<S>(mcp: S, guard: mcp_auth_core::Guard)
/// # where
/// #     S: tower_service::Service<http::Request<http_body_util::Full<bytes::Bytes>>,
/// #         Response = http::Response<http_body_util::Full<bytes::Bytes>>, Error = std::convert::Infallible> + Clone + 'static,
/// # {
/// use mcp_auth_actix::{McpAuth, mcp_service, routes};
///
/// let app = App::new()
///     .service(web::resource("/mcp").wrap(McpAuth::new(guard.clone())).route(mcp_service(mcp.clone())))
///     .configure(routes(&guard));
/// # }
/// ```
pub fn mcp_service<S, B>(service: S) -> Route
where
    S: Service<http::Request<Full<Bytes>>, Response = Response<B>, Error = Infallible> + Clone + 'static,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error>>,
{
    web::to(move |request: HttpRequest| {
        let mut service = service.clone();
        // Taken out: nothing of it is needed twice, and the body may be large.
        let guarded = request.extensions_mut().remove::<Guarded>();
        async move {
            let Some(Guarded { parts, message: Some(message) }) = guarded else {
                tracing::error!("an MCP service was reached without a guard: wrap its resource in McpAuth");
                return HttpResponse::InternalServerError().finish();
            };
            let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
            let Ok(response) = service.call(http::Request::from_parts(parts, Full::new(message))).await;
            convert::answer(response, None)
        }
    })
}
