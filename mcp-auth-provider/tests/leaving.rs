//! Who is sent away to a site that anybody may have registered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Browser, Fixture, REDIRECT, location, query};
use mcp_auth_provider::Client;
use reqwest::header::LOCATION;
use serde_json::json;
use url::Url;

const ELSEWHERE: &str = "https://elsewhere.example/callback";
const CURSOR: &str = "cursor://anysphere.cursor-mcp/oauth/callback";

/// What is wrong with a request, and what the client is told.
const WRONG: [((&str, &str), &str); 3] = [
    (("response_type", "token"), "unsupported_response_type"),
    (("scope", "nothing:known"), "invalid_scope"),
    (("prompt", "none"), "login_required"),
];

#[tokio::test]
async fn nobody_is_sent_to_a_site_that_registered_itself_before_they_signed_in() {
    let fixture = Fixture::start().await;
    let metadata =
        json!({ "redirect_uris": [ELSEWHERE, REDIRECT, CURSOR], "token_endpoint_auth_method": "none" });
    let (_, client) = fixture.register(&metadata).await;
    let id = client["client_id"].as_str().unwrap();
    let request = |redirect, wrong| fixture.request(&[("client_id", id), ("redirect_uri", redirect), wrong]);
    for (wrong, error) in WRONG {
        let stranger = Browser::new();
        let answer = stranger.get(request(ELSEWHERE, wrong).as_str()).await;
        assert_eq!(answer.status(), 400, "{wrong:?}");
        assert!(answer.headers().get(LOCATION).is_none(), "{wrong:?}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("<code>https://elsewhere.example</code>"), "{page}");
        let (_, link) = page.split_once("href=\"").expect("a link");
        let link = link.split_once('"').unwrap().0.replace("&#38;", "&").replace("&amp;", "&");
        let link = Url::parse(&link).unwrap();
        assert!(link.as_str().starts_with(ELSEWHERE), "{link}");
        assert_eq!(query(&link, "error").as_deref(), Some(error));
        assert_eq!(query(&link, "state").as_deref(), Some("s t&a"));
        let posted = stranger.post(request(ELSEWHERE, wrong).as_str(), &[("decision", "deny")]).await;
        assert!(posted.headers().get(LOCATION).is_none(), "{wrong:?}");

        // To the own machine, and to what the host listed, as always.
        for redirect in [REDIRECT, CURSOR] {
            assert!(location(&stranger.get(request(redirect, wrong).as_str()).await).starts_with(redirect));
        }
        let known = Browser::new();
        known.sign_in(&fixture.request(&[]), "ada").await;
        let answer = known.get(request(ELSEWHERE, wrong).as_str()).await;
        assert_eq!(answer.status(), 303, "{wrong:?}");
        assert!(location(&answer).starts_with(ELSEWHERE));
    }
}

#[tokio::test]
async fn a_configured_client_is_told_at_once() {
    let fixture = Fixture::with(|builder| builder.client(Client::public("site", [ELSEWHERE]))).await;
    for (wrong, error) in WRONG {
        let request = fixture.request(&[("client_id", "site"), ("redirect_uri", ELSEWHERE), wrong]);
        let back = Url::parse(&location(&Browser::new().get(request.as_str()).await)).unwrap();
        assert_eq!(query(&back, "error").as_deref(), Some(error));
    }
}
