//! HTTP/2 without TLS, as between a proxy and the service. Not in the suite: an adapter's test serves such a service.

use reqwest::{Client, RequestBuilder, Version};
use serde_json::{Value, json};

use crate::{Fixture, Serve, Setup, message};

/// One connection, by HTTP/2 from the first byte.
#[must_use]
pub fn client() -> Client {
    let client = Client::builder().no_proxy().http2_prior_knowledge();
    client.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A call of a tool, without a token.
pub fn post(client: &Client, fixture: &Fixture, call: &Value) -> RequestBuilder {
    client
        .post(fixture.url())
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", message::MODERN)
        .header("mcp-method", "tools/call")
        .header("mcp-name", call["params"]["name"].as_str().unwrap())
        .body(call.to_string())
}

/// The authority counts as host, and no other may be named beside it.
pub async fn the_authority_is_the_host<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let (client, call) = (client(), message::call("list_notes", json!({})));
    let refused = post(&client, &fixture, &call).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.version()), (401, Version::HTTP_2));
    // Two names for one server: nobody knows which of them was checked.
    let two = post(&client, &fixture, &call).bearer_auth(fixture.reader()).header("host", "evil.example");
    assert_eq!(two.send().await.unwrap().status().as_u16(), 400);
    fixture.nothing_ran();
    let good = post(&client, &fixture, &call).bearer_auth(fixture.reader()).send().await.unwrap();
    assert_eq!((good.status().as_u16(), good.version()), (200, Version::HTTP_2));
    assert!(good.text().await.unwrap().contains("Buy milk"));
    assert_eq!(fixture.ran.take(), ["list_notes"]);
}

/// A stream that is reset, and a connection that is lost, before the answer has begun.
pub async fn a_client_that_leaves_cancels<S: Serve>() {
    let fixture = Fixture::with::<S>(Setup { json: true, ..Setup::default() }).await;
    let call = message::call("wait", json!({}));
    for is_lost in [false, true] {
        let client = client();
        let asking = tokio::spawn(post(&client, &fixture, &call).bearer_auth(fixture.reader()).send());
        fixture.ran.wait_for("wait").await.unwrap();
        assert!(!asking.is_finished());
        asking.abort();
        if is_lost {
            drop(client);
        }
        fixture.ran.wait_for("wait dropped").await.unwrap();
        fixture.ran.take();
    }
}
