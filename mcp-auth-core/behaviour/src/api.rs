//! The service's own API on loopback: it knows tokens, counts who shows one, and fails as a case wants it.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Tells at `/self` whose a token is: `svc:<user>:<role>` is good, and of that user with that role. It ends with the case.
#[derive(Clone)]
pub struct Api {
    /// Where it listens, without a path.
    pub origin: String,
    shown: Arc<Mutex<Vec<String>>>,
    fault: Arc<Mutex<Option<String>>>,
}

impl Api {
    /// One that answers.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let api = Self { origin, shown: Arc::default(), fault: Arc::default() };
        let shared = api.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let api = shared.clone();
                tokio::spawn(async move { api.answer(stream).await });
            }
        });
        api
    }

    /// The requests since the last asking: path and token.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        std::mem::take(&mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers with this status line, header lines and body from now on, or as it should.
    pub fn set_fault(&self, fault: Option<(&str, &str, &str)>) {
        let fault = fault.map(|(status, headers, body)| response(status, headers, body));
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let token = head.lines().find_map(|line| line.strip_prefix("x-access-token: ")).unwrap_or_default();
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{path} {token}"));
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = fault.filter(|_| path == "/self").unwrap_or_else(|| {
            match token.split(':').collect::<Vec<_>>()[..] {
                ["svc", user, role] => {
                    response("200 OK", "", &json!({ "id": user, "role": role }).to_string())
                }
                _ => response("401 Unauthorized", "", "{}"),
            }
        });
        // Whoever has gone needs no answer.
        drop(stream.write_all(answer.as_bytes()).await);
    }
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
