//! The service's own pages and the provider's, side by side.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod harness;

use harness::{App, Person, REDIRECT, hidden, location, path_of};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

fn ada() -> Person {
    Person::new("ada", "analytical engine")
}

/// An authorization request of a client that registered itself.
async fn request(app: &App) -> String {
    let registered: Value = Client::new()
        .post(app.url("/register"))
        .json(&json!({ "redirect_uris": [REDIRECT], "client_name": "pages", "token_endpoint_auth_method": "none" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let resource = app.url("/mcp");
    let mut url = url::Url::parse(&app.url("/authorize")).unwrap();
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", registered["client_id"].as_str().unwrap()),
        ("redirect_uri", REDIRECT),
        ("scope", "notes:read"),
        ("resource", &resource),
        ("state", "s"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]);
    path_of(app, url.as_str())
}

#[tokio::test]
async fn the_service_works_as_before() {
    let app = App::start().await;
    let ada = ada();
    assert_eq!(location(&ada.get(&app, "/").await), "/login?next=/");
    assert_eq!(ada.get(&app, "/api/notes").await.status(), StatusCode::UNAUTHORIZED);

    let wrong = Person::new("ada", "nanoseconds").sign_in(&app, "/login").await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let nobody = Person::new("eve", "analytical engine").sign_in(&app, "/login").await;
    assert_eq!(nobody.status(), StatusCode::UNPROCESSABLE_ENTITY);

    assert_eq!(location(&ada.sign_in(&app, "/login?next=/").await), "/");
    assert!(ada.text(&app, "/").await.contains("Write to Charles"));
    ada.post(&app, "/", &[("text", "<b>bold</b>")]).await;
    let page = ada.text(&app, "/").await;
    assert!(page.contains("bold") && !page.contains("<b>"), "{page}");

    ada.post(&app, "/logout", &[]).await;
    assert_eq!(location(&ada.get(&app, "/").await), "/login?next=/");
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let app = App::start().await;
    for next in ["https://evil.example/", "//evil.example/", "/%5Cevil.example", "/%09/evil.example", ""] {
        let response = ada().sign_in(&app, &format!("/login?next={next}")).await;
        assert_eq!(location(&response), "/", "{next}");
    }
    // The page is not the only place where it is checked: a form can be sent without it.
    let form = [("username", "ada"), ("password", "analytical engine"), ("next", "//evil.example/")];
    assert_eq!(location(&ada().post(&app, "/login", &form).await), "/");
}

#[tokio::test]
async fn no_other_site_signs_anybody_in() {
    let app = App::start().await;
    let form = [("username", "ada"), ("password", "analytical engine")];
    let foreign = Client::new().post(app.url("/login")).header("sec-fetch-site", "cross-site").form(&form);
    let response = foreign.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(response.headers().get("set-cookie").is_none());
}

#[tokio::test]
async fn consent_is_for_who_is_signed_in_here() {
    let app = App::start().await;
    let asked = request(&app).await;
    let ada = ada();
    let response = ada.get(&app, &asked).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert!(path_of(&app, &location(&response)).starts_with("/login?next=%2Fauthorize%3F"));
    assert!(!response.text().await.unwrap().contains("decision"));

    // A session that the service does not know is none.
    let forged = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let forged = forged.get(app.url(&asked)).header("cookie", "notes-session=AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(forged.send().await.unwrap().status(), StatusCode::SEE_OTHER);

    ada.sign_in(&app, "/login").await;
    let page = ada.text(&app, &asked).await;
    assert!(page.contains("signed in as <strong>ada</strong>"), "{page}");

    // Signed out in another tab: the page that is still open decides nothing.
    ada.post(&app, "/logout", &[]).await;
    let decided = ada.post(&app, &asked, &[("form", &hidden(&page, "form")), ("decision", "allow")]).await;
    assert_eq!(decided.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_new_sign_in_can_be_asked_for() {
    let app = App::start().await;
    let ada = ada();
    ada.sign_in(&app, "/login").await;
    let asked = format!("{}&prompt=login", request(&app).await);
    let login = path_of(&app, &location(&ada.get(&app, &asked).await));
    let back = location(&ada.sign_in(&app, &login).await);
    assert!(back.starts_with("/authorize?") && !back.contains("prompt"), "{back}");
    assert!(ada.text(&app, &back).await.contains("signed in as <strong>ada</strong>"));
}

#[tokio::test]
async fn each_page_has_its_own_policy() {
    let app = App::start().await;
    let ada = ada();
    ada.sign_in(&app, "/login").await;
    let policy = async |path: &str| {
        let response = ada.get(&app, path).await;
        let policies = response.headers().get_all("content-security-policy");
        let policies: Vec<_> = policies.iter().map(|policy| policy.to_str().unwrap().to_owned()).collect();
        assert_eq!(policies.len(), 1, "{path}: {policies:?}");
        policies[0].clone()
    };
    assert!(policy("/").await.contains("form-action 'self';"));
    // The provider's must let the answer's redirect pass.
    assert!(policy(&request(&app).await).await.contains("http://127.0.0.1:9"));
}

#[tokio::test]
async fn who_was_asked_is_who_answers() {
    let app = App::start().await;
    let asked = request(&app).await;
    let browser = ada();
    browser.sign_in(&app, "/login").await;
    let page = browser.text(&app, &asked).await;
    // In another tab of the same browser, somebody else signs in.
    browser.post(&app, "/login", &[("username", "grace"), ("password", "nanoseconds")]).await;
    let form = [("form", hidden(&page, "form")), ("decision", "allow".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = browser.post(&app, &asked, &form).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "grace was never asked");
}
