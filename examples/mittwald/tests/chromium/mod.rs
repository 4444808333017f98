//! Debian's Chromium without a window, driven over its debugging pipe: what a person sees, clicks and types.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PATIENCE: Duration = Duration::from_secs(60);
/// A phone's.
const WIDTH: u32 = 390;
const HEIGHT: u32 = 844;

/// One tab, without cookies of others and without script, until it is dropped.
pub(crate) struct Chromium {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    last: u64,
    session: String,
    _child: Child,
    _profile: tempfile::TempDir,
}

impl Chromium {
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The pipe is at descriptors 3 and 4.
        let script = "exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --disable-background-networking --remote-debugging-pipe --user-data-dir=\"$0\" \
                      3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (last, session) = (0, String::new());
        let mut chromium = Self { stdin, stdout, last, session, _child: child, _profile: profile };
        let target = chromium.ask("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = chromium.ask("Target.attachToTarget", attach).await;
        chromium.session = attached["sessionId"].as_str().unwrap().to_owned();
        chromium.ask("Page.enable", json!({})).await;
        chromium.ask("Network.enable", json!({})).await;
        chromium.ask("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        let phone = json!({ "width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 2, "mobile": true });
        chromium.ask("Emulation.setDeviceMetricsOverride", phone).await;
        chromium
    }

    /// How the person likes it.
    pub(crate) async fn prefers(&mut self, language: &str, scheme: &str) {
        let headers = json!({ "headers": { "Accept-Language": language } });
        self.ask("Network.setExtraHTTPHeaders", headers).await;
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask("Emulation.setEmulatedMedia", scheme).await;
    }

    pub(crate) async fn open(&mut self, url: &str) {
        self.send("Page.navigate", json!({ "url": url })).await;
        self.loaded().await;
    }

    /// Clicks what this selector finds, and waits for the page that follows.
    pub(crate) async fn click(&mut self, selector: &str) {
        let find = format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{ block: 'center' }}); \
             const r = e.getClientRects()[0]; return [r.x + r.width / 2, r.y + r.height / 2] }})()",
            json!(selector)
        );
        let at = self.eval(&find).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse = json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
            self.send("Input.dispatchMouseEvent", mouse).await;
        }
        self.loaded().await;
    }

    /// Types into what this selector finds.
    pub(crate) async fn type_into(&mut self, selector: &str, text: &str) {
        self.eval(&format!("document.querySelector({}).focus()", json!(selector))).await;
        self.ask("Input.insertText", json!({ "text": text })).await;
    }

    /// What the page says.
    pub(crate) async fn text(&mut self) -> String {
        self.eval("document.body.innerText").await.as_str().unwrap().to_owned()
    }

    pub(crate) async fn url(&mut self) -> String {
        self.eval("location.href").await.as_str().unwrap().to_owned()
    }

    /// True if nothing is wider than the phone.
    pub(crate) async fn fits(&mut self) -> bool {
        self.eval("document.documentElement.scrollWidth <= innerWidth").await == true
    }

    /// Puts a picture of the whole page into the directory that `MCP_AUTH_SCREENSHOTS` names, if it does.
    pub(crate) async fn picture(&mut self, name: &str) {
        let Some(directory) = std::env::var_os("MCP_AUTH_SCREENSHOTS") else { return };
        let all = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.ask("Page.captureScreenshot", all).await;
        let png = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&directory).join(format!("{name}.png")), png).unwrap();
    }

    async fn eval(&mut self, expression: &str) -> Value {
        let what = json!({ "expression": expression, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", what).await;
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Sends a command and gives its result.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.until(|message| message["id"] == id).await["result"].clone()
    }

    async fn loaded(&mut self) {
        self.until(|message| message["method"] == "Page.loadEventFired").await;
    }

    async fn send(&mut self, method: &str, params: Value) -> u64 {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.stdin.write_all(format!("{message}\0").as_bytes()).await.unwrap();
        self.stdin.flush().await.unwrap();
        self.last
    }

    async fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let mut message = Vec::new();
                let read = self.stdout.read_until(0, &mut message).await.unwrap();
                assert!(read > 0, "is Chromium installed? (Debian: apt-get install chromium)");
                let message: Value = serde_json::from_slice(message.strip_suffix(b"\0").unwrap()).unwrap();
                assert!(message.get("error").is_none(), "{message}");
                if is_it(&message) {
                    return message;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("Chromium does not answer")
    }
}
