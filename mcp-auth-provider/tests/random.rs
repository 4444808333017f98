//! Whatever is sent, nobody is redirected to a place that was not registered, and nothing fails inside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Fixture, REDIRECT, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::header::{COOKIE, LOCATION};

const CASES: usize = 300;

/// A parameter: a name that means something, and a value that nearly does.
fn parameter() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        Just("client_id"),
        Just("redirect_uri"),
        Just("response_type"),
        Just("code_challenge"),
        Just("code_challenge_method"),
        Just("resource"),
        Just("scope"),
        Just("state"),
        Just("prompt"),
        Just("form"),
        Just("decision"),
        Just("username"),
        Just("grant_type"),
        Just("code"),
        Just("refresh_token"),
        Just("token"),
        Just("code_verifier"),
    ];
    let value = prop_oneof![
        Just("public".to_owned()),
        Just("code".to_owned()),
        Just("S256".to_owned()),
        Just(REDIRECT.to_owned()),
        Just("allow".to_owned()),
        "https?://[a-z127.0@:/\\\\%#?]{0,20}",
        "http://127\\.0\\.0\\.1:7777[@:/a-z%.#?\\\\]{0,12}(callback)?",
        "\\PC{0,40}",
        "[A-Za-z0-9_.-]{43}",
    ];
    (name.prop_map(str::to_owned), value)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_requests_lead_nowhere() {
    let fixture = Fixture::start().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let strategy = (vec(parameter(), 0..10), vec(parameter(), 0..5), "[ -~]{0,60}", 0..4_usize);
    let mut runner = TestRunner::deterministic();
    for _ in 0..CASES {
        let (query, form, cookie, which) = strategy.new_tree(&mut runner).unwrap().current();
        let pairs = |all: &[(String, String)]| {
            encode(&all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>())
        };
        let (query, form) = (pairs(&query), pairs(&form));
        let request = match which {
            0 => client.get(fixture.at(&format!("/authorize?{query}"))),
            1 => client.post(fixture.at(&format!("/authorize?{query}"))).body(form.clone()),
            2 => client.post(fixture.at("/token")).body(form.clone()),
            _ => client.post(fixture.at("/revoke")).body(form.clone()),
        };
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.header(COOKIE, format!("mcp-auth-dev={}", cookie.trim())).send().await.unwrap();
        assert!(!answer.status().is_server_error(), "{}: {query} {form}", answer.status());
        if let Some(location) = answer.headers().get(LOCATION) {
            let location = url::Url::parse(location.to_str().unwrap()).unwrap();
            let host = (location.scheme(), location.host_str(), location.path());
            assert!(
                matches!(host, ("http", Some("127.0.0.1" | "localhost" | "[::1]"), "/callback")),
                "{location}"
            );
        }
    }
}
