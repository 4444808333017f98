//! Starts what the tests talk to: the server's own binary, and scripts as child processes.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub(crate) const USER: &str = "demo";
pub(crate) const PASSWORD: &str = "a password for tests";
const START: Duration = Duration::from_secs(30);
const SCRIPT: Duration = Duration::from_secs(180);

/// `mittwald-mcp`, running on a free port until it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) origin: String,
    pub(crate) child: Child,
}

impl Server {
    /// Starts the binary with its own authorization server, the test user and `more` options.
    pub(crate) async fn start(more: &[&str]) -> Self {
        let user = format!("{USER}:{PASSWORD}");
        Self::start_at(free_port(), &[&["--user", user.as_str()], more].concat()).await
    }

    /// Starts the binary and waits until it is ready.
    pub(crate) async fn start_at(port: u16, more: &[&str]) -> Self {
        let origin = format!("http://127.0.0.1:{port}");
        let kept = more.iter().any(|flag| ["--store", "--data"].contains(flag));
        let child = Command::new(env!("CARGO_BIN_EXE_mittwald-mcp"))
            .args(["--listen", &format!("127.0.0.1:{port}"), "--log", "warn"])
            .args(if kept { &[][..] } else { &["--store", "memory"] })
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let ready = format!("{origin}/readyz");
        let since = Instant::now();
        while !reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(since.elapsed() < START, "{ready} did not answer 200 in time");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Self { url: format!("{origin}/mcp"), origin, child }
    }

    /// Ends it by SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn clients() -> PathBuf {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    for part in [
        "typescript/node_modules",
        "python/.venv",
        "conformance/node_modules",
        "oidc/node_modules",
        "holder/node_modules",
    ] {
        let stamp = clients.join(part).join(".installed");
        assert!(
            stamp.exists(),
            "{part} is not installed: run .ci/test, or examples/mittwald/tests/clients/install.sh"
        );
    }
    clients
}

/// Runs one of the scripts to its end; shows what it said if it failed.
pub(crate) async fn run(program: &Path, arguments: &[&str]) {
    run_with(program, arguments, &[]).await;
}

/// The same, with more environment.
pub(crate) async fn run_with(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) {
    let running = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(clients())
        .env("MCP_TEST_PASSWORD", PASSWORD)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(SCRIPT, running).await.expect("the client took too long").unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {}\n{said}\n{complained}", program.display(), output.status);
    assert!(said.contains("\"ok\""), "the client said nothing: {said}");
}

/// A script that is told one line at a time and answers each by one line of JSON, until it is dropped.
pub(crate) struct Script {
    stdin: ChildStdin,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Script {
    /// Starts it; also what it says first.
    pub(crate) async fn start(arguments: &[&str]) -> (Self, Value) {
        let mut child = Command::new("node")
            .args(arguments)
            .current_dir(clients())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut script = Self { stdin: child.stdin.take().unwrap(), lines, _child: child };
        let first = script.next().await;
        (script, first)
    }

    pub(crate) async fn tell(&mut self, line: &str) -> Value {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        self.stdin.flush().await.unwrap();
        self.next().await
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(START, self.lines.next_line()).await;
        let line = line.expect("the script says nothing").unwrap().expect("the script ended");
        serde_json::from_str(&line).unwrap()
    }
}

/// A real `oidc-provider`, until it is dropped.
pub(crate) struct Issuer {
    pub(crate) issuer: String,
    script: Script,
}

impl Issuer {
    pub(crate) async fn start(more: &[&str]) -> Self {
        let user = format!("{USER}:{PASSWORD}");
        let (script, first) =
            Script::start(&[&["oidc/server.mjs", "--port", "0", "--user", user.as_str()], more].concat())
                .await;
        let issuer = first.get("issuer").and_then(Value::as_str).unwrap().to_owned();
        Self { issuer, script }
    }

    /// `rotate`, `retire` or `opaque URL`.
    pub(crate) async fn tell(&mut self, command: &str) {
        self.script.tell(command).await;
    }
}
