//! Real clients before a destructive tool, on axum and on actix, in both eras: asked, and run after yes and after nothing
//! else, once; what was accepted is refused when it comes again.
//!
//! The clients are rmcp's, and the TypeScript and Python SDKs; the server is the example, and its tools and policies behind
//! actix.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod behind;
#[path = "../server/mod.rs"]
mod server;
mod silent;
#[path = "../support/mod.rs"]
mod support;
mod tap;

use std::path::PathBuf;

use behind::{Behind, Served};
use mcp_auth_core::testing::Authority;
use mittwald_mcp::Running;
use serde_json::{Value, json};
use support::{Client, EVERY_SCOPE, connect_as, not_run, succeed};
use tap::Tap;

const CONTAINER: (&str, &str) = ("p-000001", "c-000001");

#[derive(Clone, Copy)]
enum Framework {
    Axum,
    Actix,
}

/// One of the two servers, a token for it, and a tap that clients go through.
struct Place {
    tap: Tap,
    token: String,
    _authority: Authority,
    _axum: Option<Running>,
    _actix: Option<Served>,
}

impl Place {
    async fn new(framework: Framework, cannot_ask: &str) -> Self {
        let tap = Tap::bind().await;
        let authority = Authority::start().await.unwrap();
        let (axum, actix) = match framework {
            Framework::Axum => {
                let host = tap.host();
                let flags =
                    ["--issuer", authority.issuer(), "--allowed-host", &host, "--cannot-ask", cannot_ask];
                (Some(support::server(&flags).await), None)
            }
            Framework::Actix => {
                let behind =
                    Behind::new(&authority, cannot_ask, |guard, _| guard.allowed_hosts([tap.host()]));
                (None, Some(behind.await.on_actix()))
            }
        };
        let url = match (&axum, &actix) {
            (Some(axum), _) => axum.mcp_url().to_owned(),
            (_, Some(actix)) => actix.url.clone(),
            _ => unreachable!(),
        };
        support::ready(&url).await;
        let token = authority.token(&url).scope(EVERY_SCOPE).sign();
        tap.to(&url);
        Self { tap, token, _authority: authority, _axum: axum, _actix: actix }
    }

    /// Runs a script of the clients' against it.
    async fn run(&self, program: PathBuf, script: &str, era: &str, cannot_ask: &str) {
        let url = self.tap.url();
        let arguments = [script, "--url", &url, "--era", era, "--cannot-ask", cannot_ask];
        server::run_with(&program, &arguments, &[("MCP_TEST_TOKEN", &self.token)]).await;
    }
}

/// How often the container was started, as its logs say.
async fn starts(client: &Client) -> usize {
    let logs = json!({ "projectId": CONTAINER.0, "containerId": CONTAINER.1, "tail": 1000 });
    let logs = succeed(client, "container_logs", logs).await;
    logs["logs"].as_str().unwrap().lines().filter(|line| line.ends_with(" started")).count()
}

async fn rmcp(framework: Framework, modern: bool) {
    let place = Place::new(framework, "refuse").await;
    let restart = json!({ "projectId": CONTAINER.0, "containerId": CONTAINER.1 });
    let url = place.tap.url();
    let reluctant = connect_as(&url, &place.token, false, Some(modern)).await;
    let before = starts(&reluctant).await;
    assert!(reluctant.service().take_asked().is_empty(), "nobody is asked about reading");
    assert!(not_run(&reluctant, "container_restart", restart.clone()).await.contains("declined"));
    let asked = reluctant.service().take_asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].contains("Restart container shop (nginx:1.27-alpine, c-000001)"), "{asked:?}");
    assert_eq!(starts(&reluctant).await, before);

    let willing = connect_as(&url, &place.token, true, Some(modern)).await;
    succeed(&willing, "container_restart", restart).await;
    assert_eq!(willing.service().take_asked().len(), 1);
    assert_eq!(starts(&willing).await, before + 1);

    // What the client said when its user agreed, byte for byte.
    let accepted = if modern { "\"inputResponses\"" } else { "\"action\"" };
    let (status, body) = place.tap.again(accepted).await;
    if modern {
        let answer: Value = serde_json::from_str(&body).unwrap();
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert_eq!((status, &answer["result"]["isError"]), (200, &json!(true)), "{body}");
        assert!(text.contains("not valid"), "{text}");
    } else {
        assert_eq!(status, 400, "{body}");
    }
    assert_eq!(starts(&willing).await, before + 1, "it ran once");
    assert!(willing.service().take_asked().is_empty());
}

async fn typescript(framework: Framework, era: &str, cannot_ask: &str) {
    let place = Place::new(framework, cannot_ask).await;
    place.run(PathBuf::from("node"), "typescript/confirm.mjs", era, cannot_ask).await;
}

async fn python(framework: Framework, era: &str, cannot_ask: &str) {
    let place = Place::new(framework, cannot_ask).await;
    place.run(server::clients().join("python/.venv/bin/python"), "python/confirm.py", era, cannot_ask).await;
}

macro_rules! each {
    ($($name:ident: $of:ident($($argument:expr),*);)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $of($($argument),*).await;
        })*
    };
}

each! {
    rmcp_modern_on_axum: rmcp(Framework::Axum, true);
    rmcp_legacy_on_axum: rmcp(Framework::Axum, false);
    rmcp_modern_on_actix: rmcp(Framework::Actix, true);
    rmcp_legacy_on_actix: rmcp(Framework::Actix, false);
    typescript_modern_on_axum: typescript(Framework::Axum, "modern", "refuse");
    typescript_legacy_on_axum: typescript(Framework::Axum, "legacy", "two-step");
    typescript_modern_on_actix: typescript(Framework::Actix, "modern", "two-step");
    typescript_legacy_on_actix: typescript(Framework::Actix, "legacy", "refuse");
    python_modern_on_axum: python(Framework::Axum, "modern", "two-step");
    python_legacy_on_axum: python(Framework::Axum, "legacy", "refuse");
    python_modern_on_actix: python(Framework::Actix, "modern", "refuse");
    python_legacy_on_actix: python(Framework::Actix, "legacy", "two-step");
}
