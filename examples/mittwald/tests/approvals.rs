//! `--approve`: a person decides in a real browser, and the repeated call runs, or says who declined.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod chromium;
mod server;
mod support;
mod walker;

use chromium::Chromium;
use mittwald_mcp::Running;
use serde_json::{Value, json};
use server::{PASSWORD, USER};
use support::{Client, call, connect_as, succeed};

const REDIRECT: &str = "http://127.0.0.1:45997/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const OTHER: &str = "grace";
const PROJECT: &str = "22222222-2222-4222-8222-000000000001";
const DELETES: &str = "project:delete database:delete";
const DECLINE: &str = "button[value=decline]";
const APPROVE: &str = "button[value=approve]";

async fn running() -> Running {
    let (user, other) = (format!("{USER}:{PASSWORD}"), format!("{OTHER}:{PASSWORD}"));
    let tools = "mittwald_project_delete,mittwald_database_mysql_delete";
    support::server(&["--user", &user, "--user", &other, "--approve", tools]).await
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A token of the test user's, by registration, sign-in and consent; and what was asked for consent.
async fn token(running: &Running, scope: &str) -> (String, String) {
    let (origin, http) = (format!("http://{}", running.address()), reqwest::Client::new());
    let client = json!({ "client_name": "A chat application", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let client = http.post(format!("{origin}/register")).json(&client).send().await.unwrap();
    let client: Value = client.json().await.unwrap();
    let id = client["client_id"].as_str().unwrap();
    let resource = running.mcp_url();
    let query = encoded(&[
        ("response_type", "code"),
        ("client_id", id),
        ("redirect_uri", REDIRECT),
        ("scope", scope),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", resource),
    ]);
    let (back, asked) = walker::walk(&format!("{origin}/authorize?{query}")).await;
    let back = url::Url::parse(&back).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = encoded(&[
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]);
    let form = http
        .post(format!("{origin}/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let tokens: Value = form.send().await.unwrap().json().await.unwrap();
    (tokens["access_token"].as_str().unwrap().to_owned(), asked)
}

/// The text of a call's result.
async fn told(client: &Client, tool: &str, arguments: &Value) -> String {
    let result = serde_json::to_value(call(client, tool, arguments.clone()).await.unwrap()).unwrap();
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// The link that a call answers with.
async fn link(client: &Client, tool: &str, arguments: &Value) -> String {
    let text = told(client, tool, arguments).await;
    assert!(text.starts_with("Not run yet."), "{text}");
    let at = text.find("http://").unwrap();
    text[at..].split(' ').next().unwrap().to_owned()
}

async fn sign_in(browser: &mut Chromium, who: &str) {
    assert!(browser.url().await.contains("/sign-in?return_to="), "{}", browser.url().await);
    browser.type_into("#username", who).await;
    browser.type_into("#password", PASSWORD).await;
    browser.click("button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_in_a_browser() {
    let running = running().await;
    let client = connect_as(running.mcp_url(), &token(&running, DELETES).await.0, true, Some(true)).await;
    let project = succeed(&client, "project_list", json!({})).await[0].clone();
    let delete = json!({ "projectId": project["id"] });
    let first = link(&client, "project_delete", &delete).await;

    let mut browser = Chromium::start().await;
    browser.prefers("de-DE,de;q=0.9,en;q=0.5", "light").await;
    browser.open(&first).await;
    browser.picture("sign-in").await;
    sign_in(&mut browser, USER).await;
    assert_eq!(browser.url().await, first, "back where it began");
    let german = browser.text().await;
    assert!(german.contains("mittwald_project_delete ausführen?"), "{german}");
    assert!(german.contains("Angefragt von der Anwendung: A chat application"), "{german}");
    assert!(browser.fits().await);
    browser.picture("question-de-light").await;
    browser.prefers("en", "dark").await;
    browser.open(&first).await;
    let english = browser.text().await;
    assert!(english.contains("Run mittwald_project_delete?"), "{english}");
    assert!(english.contains("Project Bakery website (p-000001) with its files"), "{english}");
    browser.picture("question-en-dark").await;
    assert_eq!(link(&client, "project_delete", &delete).await, first, "looking decides nothing");

    browser.type_into("#reason", "Still in use").await;
    browser.click(DECLINE).await;
    let declined = browser.text().await;
    assert!(declined.contains("Declined."), "{declined}");
    browser.picture("declined-en-dark").await;
    assert_eq!(
        told(&client, "project_delete", &delete).await,
        format!("Not run: declined by {USER}: Still in use")
    );
    succeed(&client, "project_get", delete.clone()).await;

    let second = link(&client, "project_delete", &delete).await;
    assert_ne!(first, second);
    browser.prefers("de", "dark").await;
    browser.open(&second).await;
    browser.picture("question-de-dark").await;
    browser.prefers("en", "light").await;
    browser.open(&second).await;
    browser.picture("question-en-light").await;
    browser.click(APPROVE).await;
    assert!(browser.text().await.contains("Approved."));
    browser.picture("approved-en-light").await;
    succeed(&client, "project_delete", delete.clone()).await;
    let gone = call(&client, "project_get", delete).await.unwrap();
    assert_eq!(gone.is_error, Some(true));
    browser.open(&second).await;
    assert!(browser.text().await.contains("There is nothing here that waits for you"), "used up");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_finds_nothing_and_can_make_room() {
    let running = running().await;
    let client = connect_as(running.mcp_url(), &token(&running, DELETES).await.0, true, Some(false)).await;
    let project = succeed(&client, "project_list", json!({})).await[0].clone();
    let delete = json!({ "projectId": project["id"] });
    let link = link(&client, "project_delete", &delete).await;

    let mut browser = Chromium::start().await;
    browser.prefers("de", "light").await;
    browser.open(&link).await;
    sign_in(&mut browser, OTHER).await;
    let nothing = browser.text().await;
    assert!(nothing.contains("Hier wartet nichts auf Sie") && nothing.contains(OTHER), "{nothing}");
    assert!(!nothing.contains("mittwald_project_delete"), "not even its name");
    assert!(browser.fits().await);
    browser.picture("nothing-de-light").await;
    assert!(told(&client, "project_delete", &delete).await.starts_with("Not run yet."));

    browser.click("a").await;
    sign_in(&mut browser, USER).await;
    browser.click(APPROVE).await;
    assert!(browser.text().await.contains("Freigegeben."));
    succeed(&client, "project_delete", delete).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_names_what_is_let_through() {
    let running = running().await;
    let (token, asked) = token(&running, "stack:delete").await;
    assert!(asked.contains("replace what a stack runs") && asked.contains("See containers"), "{asked}");
    assert!(!asked.contains("See your servers"), "{asked}");
    let client = connect_as(running.mcp_url(), &token, false, Some(true)).await;
    let stack = succeed(&client, "stack_list", json!({ "projectId": PROJECT })).await[0].clone();
    let deploy = json!({ "stackId": stack["id"], "composeYaml": "services: { a: { image: b } }" });
    let declined = told(&client, "stack_deploy", &deploy).await;
    assert!(declined.contains("declined"), "{declined}");
    call(&client, "project_list", json!({})).await.expect_err("nobody was asked about it");
    running.stop().await;
}

#[test]
fn what_is_to_be_approved_is_a_tool_and_has_somebody_to_approve_it() {
    use clap::Parser as _;
    let options = |flags: &[&str]| {
        let flags = [&["mittwald-mcp", "--store", "memory"], flags].concat();
        mittwald_mcp::Options::new(mittwald_mcp::Cli::try_parse_from(flags).unwrap())
    };
    let issuer = ["--approve", "mittwald_project_delete", "--issuer", "https://issuer.example"];
    assert!(options(&issuer).unwrap_err().to_string().contains("--approve"));
    let unknown = options(&["--listen", "127.0.0.1:0", "--approve", "project_delete"]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = runtime.block_on(mittwald_mcp::start(unknown)).unwrap_err().to_string();
    assert!(refused.contains("`project_delete`"), "{refused}");
}
