//! The scripts of `tests/clients`, as child processes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Once;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "correct-horse-battery";

const TIMEOUT: Duration = Duration::from_secs(180);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Fails with what to do where the clients are not installed.
fn installed() {
    static CHECK: Once = Once::new();
    CHECK.call_once(|| {
        for part in
            ["typescript/node_modules", "python/.venv", "conformance/node_modules", "oidc/node_modules"]
        {
            let stamp = folder().join(part).join(".installed");
            assert!(
                stamp.exists(),
                "{part} is not installed: run examples/mittwald/tests/clients/install.sh"
            );
        }
    });
}

fn command(words: &[&str]) -> Command {
    installed();
    let program = if words[0].contains('/') { folder().join(words[0]) } else { PathBuf::from(words[0]) };
    let mut command = Command::new(program);
    command.args(&words[1..]).current_dir(folder()).env("MCP_TEST_PASSWORD", PASSWORD).kill_on_drop(true);
    command
}

/// Runs a script to its end; fails with what it printed unless every step passed.
pub(crate) async fn run(words: &[&str]) -> String {
    let output = tokio::time::timeout(TIMEOUT, command(words).output()).await.unwrap().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let noted = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {}\n{printed}\n{noted}", words.join(" "), output.status);
    assert!(!printed.trim().is_empty(), "{} said nothing", words.join(" "));
    printed
}

/// Signs in and consents at this URL; the redirect with the code.
pub(crate) async fn walk(url: &str) -> String {
    let script = "import { walk } from './typescript/walker.mjs'; \
        const { location } = await walk(process.argv[1], { user: process.argv[2], password: process.env.MCP_TEST_PASSWORD }); \
        process.stdout.write(String(location));";
    run(&["node", "--input-type=module", "--eval", script, url, USER]).await
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A real OpenID provider.
pub(crate) struct Issuer {
    pub(crate) url: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Issuer {
    pub(crate) async fn start(resource: &str) -> Self {
        let user = format!("{USER}:{PASSWORD}");
        let mut child = command(&["node", "oidc/server.mjs", "--user", &user, "--resource", resource])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&output.next_line().await.unwrap().unwrap()).unwrap();
        Self { url: first["issuer"].as_str().unwrap().to_owned(), input, output, _child: child }
    }

    /// Sends a word and waits for the answer.
    pub(crate) async fn tell(&mut self, word: &str) {
        self.input.write_all(format!("{word}\n").as_bytes()).await.unwrap();
        self.output.next_line().await.unwrap().unwrap();
    }
}
