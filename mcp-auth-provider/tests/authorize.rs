//! The authorization endpoint, as a browser and an attacker see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Browser, Fixture, PASSWORD, REDIRECT, encode, form_code, location, query};
use mcp_auth_core::ScopeHierarchy;
use mcp_auth_provider::{HostSession, User};
use reqwest::header::{LOCATION, ORIGIN};
use url::Url;

#[tokio::test]
async fn a_person_signs_in_consents_and_is_sent_back() {
    let fixture = Fixture::start().await;
    let back = Browser::new().walk(&fixture.request(&[])).await;
    assert!(back.as_str().starts_with(REDIRECT));
    assert_eq!(query(&back, "state").as_deref(), Some("s t&a"));
    assert_eq!(query(&back, "iss").as_deref(), Some(fixture.origin.as_str()));
    assert!(query(&back, "code").unwrap().len() >= 43);
}

#[tokio::test]
async fn who_is_unknown_is_never_redirected() {
    let fixture = Fixture::start().await;
    for changes in [
        [("client_id", "nobody")],
        [("client_id", "")],
        [("redirect_uri", "https://evil.example/callback")],
        [("redirect_uri", "http://127.0.0.1:7777/other")],
        [("redirect_uri", "http://127.0.0.1:7777@evil.example/callback")],
        [("redirect_uri", "http://127.0.0.1:7777/callback#x")],
        [("redirect_uri", "javascript:alert(1)")],
    ] {
        let answer = Browser::new().get(fixture.request(&changes).as_str()).await;
        assert_eq!(answer.status(), 400, "{changes:?}");
        assert!(answer.headers().get(LOCATION).is_none());
        assert!(!answer.text().await.unwrap().contains("evil.example"));
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example%2F", fixture.request(&[]));
    let answer = Browser::new().get(&twice).await;
    assert_eq!(answer.status(), 400);
    assert!(answer.headers().get(LOCATION).is_none());
}

#[tokio::test]
async fn what_is_wrong_behind_a_good_redirect_is_told_to_the_client() {
    let fixture = Fixture::start().await;
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("resource", "https://other.example/mcp"), "invalid_target"),
        (("resource", &format!("{}/mcp/", fixture.origin)), "invalid_target"),
        (("scope", "nothing:known"), "invalid_scope"),
        (("scope", "a\"b"), "invalid_scope"),
        (("request", "eyJ"), "invalid_request"),
        (("prompt", "none"), "login_required"),
    ] {
        let answer = Browser::new().get(fixture.request(&[change]).as_str()).await;
        assert_eq!(answer.status(), 303, "{change:?}");
        let back = Url::parse(&location(&answer)).unwrap();
        assert_eq!(query(&back, "error").as_deref(), Some(error), "{change:?}");
        assert_eq!(query(&back, "state").as_deref(), Some("s t&a"));
        assert_eq!(query(&back, "iss").as_deref(), Some(fixture.origin.as_str()));
        assert!(back.as_str().starts_with(REDIRECT));
    }
}

#[tokio::test]
async fn what_may_differ_may_differ() {
    let fixture = Fixture::start().await;
    let upper = fixture.at("/mcp").replace("http://", "HTTP://");
    for changes in [
        vec![("redirect_uri", "http://localhost:5555/callback")],
        vec![("redirect_uri", "http://127.0.0.1/callback")],
        vec![("redirect_uri", "")],
        vec![("state", "")],
        vec![("scope", "")],
        vec![("scope", "notes:read offline_access unknown")],
        vec![("resource", "")],
        vec![("resource", upper.as_str())],
    ] {
        let answer = Browser::new().get(fixture.request(&changes).as_str()).await;
        assert_eq!(answer.status(), 200, "{changes:?}");
    }
    let back = Browser::new().walk(&fixture.request(&[("state", "")])).await;
    assert_eq!(query(&back, "state"), None);
}

#[tokio::test]
async fn asking_twice_changes_nothing() {
    let fixture = Fixture::start().await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    let first = browser.sign_in(&request, "ada").await;
    let cookie = browser.cookie();
    let second = browser.get(request.as_str()).await.text().await.unwrap();
    assert_eq!(browser.cookie(), cookie);
    // Two tabs: each page can be answered, each once.
    for page in [&first, &second] {
        assert_eq!(browser.decide(&request, page, "allow").await.status(), 303);
        let again = browser.decide(&request, page, "allow").await;
        assert_eq!(again.status(), 400, "a double click");
        assert!(again.headers().get(LOCATION).is_none());
    }
}

#[tokio::test]
async fn what_a_scope_implies_is_asked_about_too() {
    let rules = ScopeHierarchy::new().action_implies("write", "read");
    let fixture = Fixture::with(|builder| builder.hierarchy(rules)).await;
    let asked = async |scope| Browser::new().sign_in(&fixture.request(&[("scope", scope)]), "ada").await;
    let page = asked("notes:write").await;
    assert!(page.contains("Read your notes") && page.contains("Write notes"), "{page}");
    let page = asked("notes:read").await;
    assert!(page.contains("Read your notes") && !page.contains("Write notes"), "{page}");
}

#[tokio::test]
async fn denying_is_told_to_the_client() {
    let fixture = Fixture::start().await;
    let request = fixture.request(&[]);
    for decision in ["deny", "perhaps"] {
        let browser = Browser::new();
        let page = browser.sign_in(&request, "ada").await;
        let answer = browser.decide(&request, &page, decision).await;
        let back = Url::parse(&location(&answer)).unwrap();
        assert_eq!(query(&back, "error").as_deref(), Some("access_denied"));
        assert_eq!(query(&back, "iss").as_deref(), Some(fixture.origin.as_str()));
        assert_eq!(query(&back, "code"), None);
    }
}

#[tokio::test]
async fn a_form_belongs_to_its_browser_user_request_and_time() {
    let fixture = Fixture::start().await;
    let request = fixture.request(&[]);
    let (ada, mallory) = (Browser::new(), Browser::new());
    let page = ada.sign_in(&request, "ada").await;
    let theirs = mallory.sign_in(&request, "grace").await;
    // Mallory's form in ada's browser, and the reverse.
    assert_eq!(ada.decide(&request, &theirs, "allow").await.status(), 403);
    assert_eq!(mallory.decide(&request, &page, "allow").await.status(), 403);
    // Without any cookie.
    assert_eq!(Browser::new().decide(&request, &page, "allow").await.status(), 403);
    // For another request.
    let other = fixture.request(&[("scope", "notes:write")]);
    assert_eq!(ada.decide(&other, &page, "allow").await.status(), 403);
    // The sign-in form's code is no consent.
    let sign_in = Browser::new();
    let form = sign_in.get(request.as_str()).await.text().await.unwrap();
    assert_ne!(sign_in.decide(&request, &form, "allow").await.status(), 303);
    // In the same browser somebody else signs in: what ada was asked is not theirs to answer.
    ada.get(request.as_str()).await;
    let asked = page.clone();
    let relogin = fixture.request(&[("prompt", "login")]);
    ada.sign_in(&relogin, "grace").await;
    assert_eq!(ada.decide(&request, &asked, "allow").await.status(), 403);
    // Too old.
    let late = Browser::new();
    let page = late.sign_in(&request, "ada").await;
    fixture.advance(601);
    assert_eq!(late.decide(&request, &page, "allow").await.status(), 403);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let fixture = Fixture::start().await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    let page = browser.sign_in(&request, "ada").await;
    let form = encode(&[("form", &form_code(&page)), ("decision", "allow")]);
    for (origin, status) in [("https://evil.example", 403), (fixture.origin.as_str(), 303)] {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let post = client.post(request.as_str()).header("cookie", browser.cookie()).header(ORIGIN, origin);
        let answer = post
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{origin}");
    }
}

#[tokio::test]
async fn pages_cannot_be_framed_cached_or_scripted() {
    let fixture = Fixture::start().await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    let answer = browser.get(request.as_str()).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );
    browser.sign_in(&request, "ada").await;
    let answer = browser.get(request.as_str()).await;
    let headers = answer.headers();
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:7777;"), "{policy}");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["cache-control"], "no-store");
    let page = answer.text().await.unwrap();
    assert!(
        !page.contains("<script")
            && page.contains("Read your notes")
            && page.contains("http://127.0.0.1:7777")
    );
    assert!(!page.contains("nobody has verified"), "a configured client is known");
}

#[tokio::test]
async fn a_registered_client_is_shown_as_unverified_and_without_tricks() {
    let fixture = Fixture::start().await;
    let name = "<b>Claude</b>\u{202e} Code";
    let metadata = serde_json::json!({ "redirect_uris": [REDIRECT], "client_name": name, "token_endpoint_auth_method": "none" });
    let (_, registered) = fixture.register(&metadata).await;
    let request = fixture.request(&[("client_id", registered["client_id"].as_str().unwrap())]);
    let page = Browser::new().sign_in(&request, "ada").await;
    assert!(page.contains("nobody has verified"));
    assert!(!page.contains("<b>") && !page.contains('\u{202e}'), "{page}");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same_and_are_throttled() {
    let fixture = Fixture::start().await;
    let (browser, request) = (Browser::new(), fixture.request(&[]));
    let mut pages = Vec::new();
    for (user, password) in [("ada", "wrong"), ("nobody", PASSWORD)] {
        let page = browser.get(request.as_str()).await.text().await.unwrap();
        let form =
            [("form", form_code(&page)), ("username", user.to_owned()), ("password", password.to_owned())];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = browser.post(request.as_str(), &form).await;
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.unwrap();
        pages.push(text.replace(&form_code(&text), "").replace(user, ""));
    }
    assert_eq!(pages[0], pages[1]);
    let mut last = 200;
    for _ in 0..15 {
        let page = browser.get(request.as_str()).await.text().await.unwrap();
        let answer = browser
            .post(
                request.as_str(),
                &[("form", &form_code(&page)), ("username", "ada"), ("password", "wrong")],
            )
            .await;
        last = answer.status().as_u16();
        if last == 429 {
            assert!(answer.headers().contains_key("retry-after"));
            break;
        }
    }
    assert_eq!(last, 429);
    // The right password has to wait, too.
    let page = browser.get(request.as_str()).await.text().await.unwrap();
    let answer = browser
        .post(request.as_str(), &[("form", &form_code(&page)), ("username", "ada"), ("password", PASSWORD)])
        .await;
    assert_eq!(answer.status(), 429);
}

#[tokio::test]
async fn the_hosts_own_session_signs_in() {
    let fixture = Fixture::with(|builder| {
        builder.sign_in(
            HostSession::new(|parts| {
                let user = parts.headers.get("x-host-user").map(|user| User::new(user.to_str().unwrap()));
                async move { user }
            })
            .login_page("/login", "next"),
        )
    })
    .await;
    let request = fixture.request(&[("prompt", "login consent")]);
    let answer = Browser::new().get(request.as_str()).await;
    assert_eq!(answer.status(), 303);
    let page = Url::parse(&location(&answer)).unwrap();
    assert_eq!(page.path(), "/login");
    let next = query(&page, "next").unwrap();
    assert!(next.starts_with("/authorize?") && !next.contains("login"), "{next}");
    let client = reqwest::Client::new();
    let consent = client.get(fixture.at(&next)).header("x-host-user", "ada").send().await.unwrap();
    assert!(consent.text().await.unwrap().contains("<strong>ada</strong>"));
}

#[tokio::test]
async fn other_methods_are_refused() {
    let fixture = Fixture::start().await;
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = reqwest::Client::new().request(method, fixture.at("/authorize")).send().await.unwrap();
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers()["allow"], "GET, HEAD, POST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_are_no_more_than_one_after_the_other() {
    let fixture = std::sync::Arc::new(Fixture::start().await);
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..24 {
        let fixture = std::sync::Arc::clone(&fixture);
        guesses.spawn(async move {
            let (browser, request) = (Browser::new(), fixture.request(&[]));
            let page = browser.get(request.as_str()).await.text().await.unwrap();
            let (form, password) = (form_code(&page), guess.to_string());
            let form = [("form", form.as_str()), ("username", "ada"), ("password", &password)];
            browser.post(request.as_str(), &form).await.status().as_u16()
        });
    }
    let statuses = guesses.join_all().await;
    let tried = statuses.iter().filter(|status| **status == 200).count();
    assert!((10..=12).contains(&tried), "{tried} passwords were tried");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 24 - tried);
}
