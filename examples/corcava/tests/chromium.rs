//! The settings pages in Debian's Chromium, with a client that nobody here wrote: see `tests/clients/settings.mjs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use support::Server;
use tokio::process::Command;

async fn pages(era: &str) {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let installed = Command::new("./install.sh").current_dir(&clients).output().await.unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let server = Server::start().await;
    let mut command = Command::new("node");
    command.args(["settings.mjs", "--origin", &server.at(""), "--user", "ada", "--era", era]);
    // For people who want to look.
    if let Ok(shots) = std::env::var("CORCAVA_SHOTS") {
        command.args(["--shots", &shots]);
    }
    let running = command
        .current_dir(&clients)
        .env("CORCAVA_TEST_PASSWORD", "ada-password")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(240), running).await.expect("in time").unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    assert!(said.contains("\"no complaints\",\"ok\":true"), "{said}");
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_manages_a_key_and_a_modern_client_uses_it() {
    pages("modern").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_manages_a_key_and_a_legacy_client_uses_it() {
    pages("legacy").await;
}
