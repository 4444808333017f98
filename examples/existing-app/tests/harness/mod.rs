//! The service as a process, and persons with browsers.

#![allow(dead_code)]

use std::process::Stdio;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, header};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;

/// Where the MCP client says it listens. Nothing does: the walk ends at the redirect to it.
pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/callback";

/// The running service, on a free port. Ends with the value.
pub(crate) struct App {
    origin: String,
    /// Kept, so that the service may go on printing.
    _output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl App {
    pub(crate) async fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_existing-app"))
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        let line = line.expect("the service says where it is").unwrap().unwrap();
        let url = line.split_whitespace().nth(1).unwrap();
        Self { origin: url.trim_end_matches('/').to_owned(), _output: lines, _process: process }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// Somebody with a browser: it keeps cookies, and looks at each redirect before it follows.
pub(crate) struct Person {
    browser: Client,
    name: &'static str,
    password: &'static str,
}

impl Person {
    pub(crate) fn new(name: &'static str, password: &'static str) -> Self {
        let browser = Client::builder().cookie_store(true).redirect(Policy::none()).build().unwrap();
        Self { browser, name, password }
    }

    pub(crate) async fn get(&self, app: &App, path: &str) -> Response {
        self.browser.get(app.url(path)).send().await.unwrap()
    }

    pub(crate) async fn text(&self, app: &App, path: &str) -> String {
        let response = self.get(app, path).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.text().await.unwrap()
    }

    pub(crate) async fn post(&self, app: &App, path: &str, form: &[(&str, &str)]) -> Response {
        self.browser.post(app.url(path)).form(form).send().await.unwrap()
    }

    /// Signs in on the service's own page, as its form says.
    pub(crate) async fn sign_in(&self, app: &App, page: &str) -> Response {
        let page = self.text(app, page).await;
        assert!(page.contains("Sign in to Notes"), "{page}");
        let next = hidden(&page, "next");
        let form = [("username", self.name), ("password", self.password), ("next", &next)];
        self.post(app, "/login", &form).await
    }

    /// From the authorization URL to the redirect with the code: by the service's login page, if nobody is signed in.
    pub(crate) async fn walk(&self, app: &App, authorization_url: &str) -> String {
        let asked = path_of(app, authorization_url);
        let mut response = self.get(app, &asked).await;
        if response.status() == StatusCode::SEE_OTHER {
            let login = path_of(app, &location(&response));
            assert!(login.starts_with("/login?next="), "{login}");
            let signed_in = self.sign_in(app, &login).await;
            assert_eq!(signed_in.status(), StatusCode::SEE_OTHER);
            response = self.get(app, &path_of(app, &location(&signed_in))).await;
        }
        assert_eq!(response.status(), StatusCode::OK);
        let path = response.url()[url::Position::BeforePath..].to_owned();
        let page = response.text().await.unwrap();
        assert!(page.contains(&format!("signed in as <strong>{}</strong>", self.name)), "{page}");
        let decided = self.post(app, &path, &[("form", &hidden(&page, "form")), ("decision", "allow")]).await;
        assert_eq!(decided.status(), StatusCode::SEE_OTHER);
        let callback = location(&decided);
        assert!(callback.starts_with(REDIRECT), "{callback}");
        callback
    }
}

pub(crate) fn location(response: &Response) -> String {
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

/// The path and query of a URL of `app`'s, or of a path.
pub(crate) fn path_of(app: &App, url: &str) -> String {
    let origin = Url::parse(&app.origin).unwrap();
    let url = origin.join(url).unwrap();
    assert_eq!(url.origin(), origin.origin(), "{url}");
    url[url::Position::BeforePath..].to_owned()
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let value = page.split_once(&start).and_then(|(_, rest)| rest.split_once('"')).expect("the field").0;
    value.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'")
}
