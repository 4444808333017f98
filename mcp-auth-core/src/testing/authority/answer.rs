//! As much HTTP as an authority needs: one request a connection, one answer.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Discovery, Fault, Inner, lock};

const MAX_REQUEST: usize = 64 * 1024;
const ELSEWHERE: &str = "/elsewhere";

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    path: String,
    headers: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if bytes.len() > MAX_REQUEST || stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let body = bytes.split_off(end + 4);
        let head = String::from_utf8(bytes).ok()?;
        let (line, headers) = head.split_once("\r\n")?;
        let mut words = line.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut request = Self { method, path, headers: headers.to_owned(), body };
        let length: usize = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while request.body.len() < length.min(MAX_REQUEST) {
            if stream.read_buf(&mut request.body).await.ok()? == 0 {
                return None;
            }
        }
        Some(request)
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        let mut headers = self.headers.lines().filter_map(|line| line.split_once(':'));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    }

    pub(super) fn is_form(&self) -> bool {
        let content_type = self.header("content-type").unwrap_or_default();
        content_type.split(';').next().is_some_and(|essence| essence == "application/x-www-form-urlencoded")
    }
}

/// An answer.
pub(super) struct Answer {
    status: &'static str,
    content_type: &'static str,
    headers: String,
    body: String,
}

impl Answer {
    pub(super) fn json(body: &Value) -> Self {
        Self::text(body.to_string())
    }

    pub(super) fn error(status: &'static str, error: &str) -> Self {
        Self { status, ..Self::json(&json!({ "error": error })) }
    }

    pub(super) fn with_header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }

    fn text(body: String) -> Self {
        Self { status: "200 OK", content_type: "application/json", headers: String::new(), body }
    }

    async fn broken_by(self, fault: Option<Fault>, location: &str) -> Self {
        match fault {
            None => self,
            Some(Fault::Failing) => Self::error("500 Internal Server Error", "server_error"),
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                self
            }
            Some(Fault::Garbage) => Self::text("{\"keys\":[{]".to_owned()),
            Some(Fault::Oversized) => Self { body: format!("{}{}", " ".repeat(1 << 20), self.body), ..self },
            Some(Fault::WrongContentType) => Self { content_type: "text/html", ..self },
            Some(Fault::Redirecting) => Self { status: "302 Found", ..Self::text(String::new()) }
                .with_header(&format!("location: {location}")),
        }
    }

    async fn write(self, stream: &mut TcpStream) {
        let Self { status, content_type, headers, body } = self;
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        // A client that has gone needs no answer.
        drop(stream.write_all(head.as_bytes()).await);
        drop(stream.write_all(body.as_bytes()).await);
        drop(stream.shutdown().await);
    }
}

impl Inner {
    pub(super) async fn serve(&self, mut stream: TcpStream) {
        if let Some(request) = Request::read(&mut stream).await {
            self.answer(&request).await.write(&mut stream).await;
        }
    }

    async fn answer(&self, request: &Request) -> Answer {
        let (path, was_redirected) = match request.path.strip_prefix(ELSEWHERE) {
            Some(path) => (path, true),
            None => (request.path.as_str(), false),
        };
        if was_redirected {
            self.redirects_followed.fetch_add(1, Ordering::SeqCst);
        }
        let location = format!("{}{ELSEWHERE}{path}", self.base);
        let is_at = |endpoint: String| format!("{}{path}", self.base) == endpoint;
        if is_at(self.endpoint("/introspect")) {
            let answer = self.introspection.answer(request);
            return answer.broken_by(self.introspection.fault().filter(|_| !was_redirected), &location).await;
        }
        let fault = lock(&self.fault).filter(|_| !was_redirected);
        let is_keys = is_at(self.endpoint("/jwks"));
        if is_keys || fault.is_some() {
            self.fetches.fetch_add(1, Ordering::SeqCst);
        }
        let answer = if is_keys {
            self.keys_answer()
        } else if self.is_metadata(path) {
            Answer::json(&self.metadata())
        } else {
            Answer::error("404 Not Found", "not_found")
        };
        answer.broken_by(fault, &location).await
    }

    fn keys_answer(&self) -> Answer {
        let answer = Answer::text(lock(&self.keys).jwks());
        match *lock(&self.max_age) {
            Some(age) => answer.with_header(&format!("cache-control: public, max-age={}", age.as_secs())),
            None => answer,
        }
    }

    fn is_metadata(&self, path: &str) -> bool {
        let issuer = self.issuer.strip_prefix(&self.base).unwrap_or_default().trim_end_matches('/');
        let is_oauth = path == format!("/.well-known/oauth-authorization-server{issuer}");
        let is_openid = path == format!("{issuer}/.well-known/openid-configuration");
        match self.discovery {
            Discovery::Both => is_oauth || is_openid,
            Discovery::OAuth => is_oauth,
            Discovery::OpenId => is_openid,
        }
    }

    fn metadata(&self) -> Value {
        let mut metadata = json!({
            "issuer": self.issuer,
            "jwks_uri": self.endpoint("/jwks"),
            "introspection_endpoint": self.endpoint("/introspect"),
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        });
        if let Some(members) = metadata.as_object_mut() {
            members.extend(lock(&self.metadata).clone());
        }
        metadata
    }
}
