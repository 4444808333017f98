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
mod scoped;
mod workers;

use actix_web::{HttpResponse, Responder};
use mcp_auth_actix::Caller;
use serde_json::json;

/// Serves an application in a thread of its own, with as many workers and as this kind of listener.
macro_rules! run {
    ($listener:expr, $app:expr) => {
        run!($listener, 1, listen, $app)
    };
    ($listener:expr, $workers:expr, $listen:ident, $app:expr) => {{
        let (started, handle) = std::sync::mpsc::channel();
        let (listener, app) = ($listener, $app);
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = actix_web::HttpServer::new(app)
                    .workers($workers)
                    .shutdown_timeout(0)
                    .disable_signals()
                    .h1_allow_half_closed(false)
                    .$listen(listener)
                    .unwrap()
                    .run();
                started.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let handle = handle.recv().unwrap();
        mcp_auth_behaviour::Running::new(move || drop(handle.stop(false)))
    }};
}
pub(crate) use run;

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
