//! `Logger` before the guard and after it, and whatever else is logged.

use std::net::TcpListener;
use std::sync::{Mutex, Once, PoisonError};

use actix_web::middleware::Logger;
use actix_web::{App, web};
use mcp_auth_actix::{McpAuth, mcp_service, require_scopes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve, Setup, message};
use mcp_auth_core::Guard;
use mcp_auth_core::confirm::Rule;
use serde_json::json;

use crate::{run, who};

/// Whatever this server logs, at every level.
static LOGGED: Mutex<String> = Mutex::new(String::new());

fn note(line: &str) {
    LOGGED.lock().unwrap_or_else(PoisonError::into_inner).push_str(line);
}

struct Noted;

impl log::Log for Noted {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("actix") || metadata.target().starts_with("mcp_auth")
    }
    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            note(&format!("{}\n", record.args()));
        }
    }
    fn flush(&self) {}
}

impl std::io::Write for Noted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        note(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Noted).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let ours =
            "mcp_auth_core=trace,mcp_auth_actix=trace,actix_http=trace,actix_web=trace,actix_server=trace";
        let subscriber = tracing_subscriber::fmt().with_env_filter(ours).with_writer(|| Noted);
        tracing::subscriber::set_global_default(subscriber.with_ansi(false).finish()).unwrap();
    });
}

/// A log of what comes, and one of what the guard lets pass, which asks for the credential itself.
struct Logged;

impl Serve for Logged {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        log_everything();
        let readers = require_scopes(&guard, ["notes:read"]).unwrap();
        run!(listener, move || {
            let inner = || Logger::new("inside %U %s <%{authorization}i%{dpop}i>");
            App::new()
                .service(
                    web::resource("/mcp")
                        .wrap(inner())
                        .wrap(McpAuth::new(guard.clone()))
                        .route(mcp_service(mcp.clone())),
                )
                .service(web::resource("/who").wrap(inner()).wrap(readers.clone()).route(web::get().to(who)))
                .wrap(Logger::new("outside %r %s"))
        })
    }
}

#[tokio::test]
async fn no_token_is_logged() {
    let fixture = Fixture::with::<Logged>(Setup { rule: Rule::destructive(), ..Setup::default() }).await;
    let good = fixture.ada("notes:read notes:delete").claim("jti", json!("logged")).sign();
    let bad = fixture.ada("notes:read").claim("exp", json!(1)).sign();
    let call = message::call("list_notes", json!({}));
    for token in [&good, &bad, "not-a-jwt-but-secret"] {
        fixture.post(&call).token(token).send().await;
        fixture
            .post(&call)
            .header("authorization", &format!("DPoP {token}"))
            .header("dpop", token)
            .send()
            .await;
        fixture.post(&call).header("authorization", &format!("Basic {token}")).send().await;
        fixture.call("delete_note", json!({ "id": "1" })).token(token).send().await;
        fixture.call("purge", json!({})).token(token).send().await;
        fixture.ask("GET", "/who").token(token).send().await;
    }
    let logged = LOGGED.lock().unwrap().clone();
    for expected in [
        "outside POST /mcp HTTP/1.1 401",
        "outside POST /mcp HTTP/1.1 200",
        "inside /mcp 200 <-->",
        "inside /who 200 <-->",
        "subject=\"ada\"",
    ] {
        assert!(logged.contains(expected), "{expected} is not in: {logged}");
    }
    for token in [&good, &bad, "not-a-jwt-but-secret"] {
        for part in [token.rsplit('.').next().unwrap(), token] {
            assert!(!logged.contains(part), "{part} was logged");
        }
    }
}
