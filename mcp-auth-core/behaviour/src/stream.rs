//! An event stream, message by message.

use std::time::Duration;

use serde_json::Value;

/// What comes on a stream.
pub struct Stream {
    response: reqwest::Response,
    all: String,
    read: usize,
}

impl Stream {
    /// The stream that a request was answered with.
    #[must_use]
    pub fn new(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, all: String::new(), read: 0 }
    }

    /// The next message; none at the end.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = self.all[self.read..].find("\n\n") {
                let event = self.all[self.read..self.read + end].to_owned();
                self.read += end + 2;
                let data: String = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                if let Ok(message) = serde_json::from_str(data.trim()) {
                    return Some(message);
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.response.chunk());
            let chunk = chunk.await.expect("the stream neither ends nor says anything").ok().flatten()?;
            self.all.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}
