//! What is actix's own: where the middleware stands, what passes the bridge, and how it ends.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bridge;
mod compressed;
mod http2;
mod logged;
mod mounted;
mod normalized;
mod ordinary;
mod place;
#[path = "../support/run.rs"]
mod running;
mod scoped;
mod workers;

use actix_web::{HttpResponse, Responder};
use mcp_auth_actix::Caller;
use running::run;
use serde_json::json;

async fn page() -> &'static str {
    "page"
}

async fn who(Caller(who): Caller) -> String {
    who.subject().to_owned()
}

async fn perhaps(who: Option<Caller>) -> String {
    who.is_some().to_string()
}

/// What a handler of the application's own gets to see behind the middleware.
async fn own(Caller(who): Caller, request: actix_web::HttpRequest, body: String) -> impl Responder {
    let leaked = request.headers().contains_key("authorization");
    HttpResponse::Ok().json(json!({ "jsonrpc": "2.0", "id": 7, "result": { "who": who.subject(), "leaked": leaked, "body": body } }))
}
