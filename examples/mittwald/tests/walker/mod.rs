//! A person without a browser: signs in, consents, and is sent back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::server::{PASSWORD, USER};

/// Walks from the authorization URL to the client's redirect, and gives the URL it was sent to and the consent page on the way.
pub(crate) async fn walk(url: &str) -> (String, String) {
    let browser = Client::builder().redirect(Policy::none()).build().unwrap();
    let mut cookie = String::new();
    let mut page = keep_cookie(browser.get(url).send().await.unwrap(), &mut cookie);
    let (mut at, mut asked) = (url.to_owned(), String::new());
    for _ in 0..10 {
        if let Some(location) = page.headers().get(LOCATION) {
            let next = url::Url::parse(&at).unwrap().join(location.to_str().unwrap()).unwrap();
            if next.query_pairs().any(|(name, _)| name == "code" || name == "error") {
                return (next.into(), asked);
            }
            at = next.into();
            page = keep_cookie(browser.get(&at).header(COOKIE, &cookie).send().await.unwrap(), &mut cookie);
            continue;
        }
        let html = page.text().await.unwrap();
        let form = between(&html, "name=\"form\" value=\"", "\"").expect("a form");
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("form", form);
        if html.contains("name=\"password\"") {
            body.append_pair("username", USER).append_pair("password", PASSWORD);
        } else {
            body.append_pair("decision", "allow");
            asked.clone_from(&html);
        }
        let answer = browser
            .post(&at)
            .header(COOKIE, &cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish());
        page = keep_cookie(answer.send().await.unwrap(), &mut cookie);
    }
    panic!("the pages lead nowhere");
}

fn keep_cookie(page: Response, cookie: &mut String) -> Response {
    if let Some(set) = page.headers().get(SET_COOKIE) {
        *cookie = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    }
    page
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}
