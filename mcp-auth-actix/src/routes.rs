//! Mounting what core and provider answer themselves.

use std::sync::Arc;

use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use mcp_auth_core::Routes;
use mcp_auth_core::routes::serve;

use crate::body::Incoming;
use crate::convert;

/// Every path of `routes`: a guard's documents, a provider's endpoints. Hand it to [`App::configure`](actix_web::App::configure)
/// at the root of the application: well-known documents have no other place.
pub fn routes<R>(routes: &R) -> impl FnOnce(&mut ServiceConfig) + Clone + use<R>
where
    R: Routes + Clone,
{
    let shared = Arc::new(routes.clone());
    move |config| {
        for path in shared.paths() {
            let shared = Arc::clone(&shared);
            let answer = move |request: HttpRequest, payload: Payload| {
                let shared = Arc::clone(&shared);
                async move {
                    let Some(parts) = convert::request_head(&request) else {
                        return HttpResponse::BadRequest().finish();
                    };
                    let peer = request.peer_addr().map(|address| address.ip());
                    let body = Incoming::new(request.headers(), payload.into_inner());
                    convert::own_answer(serve(&*shared, parts, body, peer).await)
                }
            };
            config.service(web::resource(&path).route(web::to(answer)));
        }
    }
}
