//! A server that answers as it is told, and counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What it got and what it says.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) origin: String,
    answers: Arc<Mutex<HashMap<String, String>>>,
    requests: Arc<Mutex<Vec<String>>>,
    open: watch::Sender<bool>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            answers: Arc::default(),
            requests: Arc::default(),
            open: watch::Sender::new(true),
        };
        let shared = server.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let server = shared.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let mut chunk = [0; 4096];
                    while !is_whole(&bytes) {
                        let read = stream.read(&mut chunk).await.unwrap_or(0);
                        if read == 0 {
                            return;
                        }
                        bytes.extend_from_slice(&chunk[..read]);
                    }
                    let request = String::from_utf8_lossy(&bytes).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    server.requests.lock().unwrap().push(request);
                    server.open.subscribe().wait_for(|open| *open).await.unwrap();
                    let answer = server.answers.lock().unwrap().get(&path).cloned();
                    let answer = answer.unwrap_or_else(|| response("404 Not Found", "{}"));
                    drop(stream.write_all(answer.as_bytes()).await);
                });
            }
        });
        server
    }

    pub(crate) fn answers(&self, path: &str, status: &str, json: &str) {
        self.answers_raw(path, &response(status, json));
    }

    pub(crate) fn answers_raw(&self, path: &str, raw: &str) {
        self.answers.lock().unwrap().insert(path.to_owned(), raw.to_owned());
    }

    /// Holds answers back, or lets them go.
    pub(crate) fn hold(&self, held: bool) {
        self.open.send_replace(!held);
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) async fn asked(&self, times: usize) {
        let asked = async {
            while self.requests().len() < times {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), asked).await.unwrap();
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

pub(crate) fn response(status: &str, json: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{json}",
        json.len()
    )
}
