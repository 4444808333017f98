//! Somebody with a good key, in a session of the older era.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::{Client, RequestBuilder};

use crate::flood::BODY;

pub(crate) struct User {
    client: Client,
    url: String,
    key: String,
    session: String,
}

impl User {
    pub(crate) async fn connected(from: Ipv4Addr, url: &str, key: &str) -> Self {
        // Whoever waits longer is not served.
        let client = Client::builder().local_address(IpAddr::V4(from)).timeout(Duration::from_secs(20));
        let mut user = Self {
            client: client.build().unwrap(),
            url: url.to_owned(),
            key: key.to_owned(),
            session: String::new(),
        };
        let answer = user.post(BODY).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        user.session = answer.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let ready = user.in_session(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).send().await;
        assert_eq!(ready.unwrap().status(), 202);
        user
    }

    pub(crate) async fn lists_tools(&self) {
        let answer =
            self.in_session(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().contains("create_task"));
    }

    fn in_session(&self, body: &'static str) -> RequestBuilder {
        self.post(body).header("mcp-session-id", &self.session).header("mcp-protocol-version", "2025-11-25")
    }

    fn post(&self, body: &'static str) -> RequestBuilder {
        let request = self.client.post(&self.url).bearer_auth(&self.key).body(body);
        let request = request.header("content-type", "application/json");
        request.header("accept", "application/json, text/event-stream")
    }
}
