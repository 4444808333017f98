//! Asking over HTTP, and what is to be said about the answer.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::message::MODERN;

/// A request in the making.
#[derive(Clone)]
#[must_use = "nothing is asked before `send`"]
pub struct Ask {
    client: reqwest::Client,
    method: http::Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(client: reqwest::Client, method: &str, url: String) -> Self {
        let method = method.parse().unwrap();
        Self { client, method, url, headers: HeaderMap::new(), body: Vec::new() }
    }

    /// The message as the body, with the headers that belong to it.
    pub fn message(mut self, message: &Value) -> Self {
        self.body = message.to_string().into_bytes();
        self = self
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        let params = &message["params"];
        if params["_meta"]["io.modelcontextprotocol/protocolVersion"] == MODERN {
            self = self.header("mcp-protocol-version", MODERN);
            self = self.header("mcp-method", message["method"].as_str().unwrap_or_default());
            if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
                self = self.header("mcp-name", name);
            }
            if let Some(folder) = params["arguments"]["folder"].as_str() {
                self = self.header("mcp-param-folder", folder);
            }
        }
        self
    }

    /// A bearer token.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sets a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// Sets a header to bytes that need not be text.
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        self
    }

    /// Adds a header beside those of the same name.
    pub fn add_header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// Leaves a header out.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Another body; the headers stay.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Another method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = method.parse().unwrap();
        self
    }

    /// Adds to the URL.
    pub fn query(mut self, query: &str) -> Self {
        self.url = format!("{}?{query}", self.url);
        self
    }

    /// Sends it; the answer's head is there, the body is not read.
    pub async fn open(self) -> reqwest::Response {
        let request = self.client.request(self.method, &self.url).headers(self.headers).body(self.body);
        tokio::time::timeout(std::time::Duration::from_secs(20), request.send()).await.unwrap().unwrap()
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        let response = self.open().await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = tokio::time::timeout(std::time::Duration::from_secs(20), response.bytes());
        Answer { status, headers, body: body.await.unwrap().unwrap().to_vec() }
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON-RPC message: the body, or the last event of a stream.
    #[must_use]
    pub fn json(&self) -> Value {
        let text = self.text();
        let last = text.lines().filter_map(|line| line.strip_prefix("data:")).rfind(|data| data.len() > 2);
        serde_json::from_str(last.unwrap_or(&text)).unwrap_or(Value::Null)
    }

    /// A header, empty if it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text that a tool gave.
    #[must_use]
    pub fn tool_text(&self) -> String {
        self.json()["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// Fails unless the status is this, and the JSON-RPC error code (none: no error).
    #[track_caller]
    pub fn is(&self, status: u16, code: impl Into<Option<i64>>) -> &Self {
        let got = (self.status, self.json()["error"]["code"].as_i64());
        assert_eq!(got, (status, code.into()), "{:?} {}", self.headers, self.text());
        self
    }

    /// Fails unless there is a challenge with this error and these scopes.
    #[track_caller]
    pub fn challenges(&self, error: &str, scope: &str) -> &Self {
        let challenge = self.header("www-authenticate");
        assert!(challenge.starts_with("Bearer "), "no challenge: {challenge:?}");
        assert_eq!(parameter(challenge, "error"), error, "{challenge}");
        assert_eq!(parameter(challenge, "scope"), scope, "{challenge}");
        let metadata = parameter(challenge, "resource_metadata");
        assert!(metadata.ends_with("/.well-known/oauth-protected-resource/mcp"), "{challenge}");
        self
    }

    /// Fails if there is a challenge.
    #[track_caller]
    pub fn does_not_challenge(&self) -> &Self {
        assert_eq!(self.header("www-authenticate"), "");
        self
    }
}

/// A parameter of a challenge, empty if it is absent.
#[must_use]
pub fn parameter(challenge: &str, name: &str) -> String {
    let start = format!("{name}=\"");
    let rest = challenge
        .match_indices(&start)
        .find(|(at, _)| challenge[..*at].ends_with([' ', ',']))
        .map(|(at, _)| &challenge[at + start.len()..]);
    rest.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}
