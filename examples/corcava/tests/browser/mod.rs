//! A browser without script, and an application that connects with one.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use url::Url;

use crate::support::Server;

pub(crate) const SETTINGS: &str = "/settings/integrations/public-api";
const REDIRECT: &str = "http://127.0.0.1:45998/callback";

pub(crate) struct Browser {
    client: Client,
    origin: String,
    cookies: Mutex<HashMap<String, String>>,
}

pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) location: Option<String>,
    pub(crate) policy: Option<String>,
}

impl Page {
    pub(crate) fn between(&self, from: &str, to: &str) -> Option<String> {
        let rest = &self.text[self.text.find(from)? + from.len()..];
        Some(rest[..rest.find(to)?].to_owned())
    }

    /// The hidden fields of the form whose action ends so.
    pub(crate) fn form(&self, action: &str) -> Vec<(String, String)> {
        let at = self.text.find(&format!("{action}\">")).unwrap();
        let form = &self.text[at..at + self.text[at..].find("</form>").unwrap()];
        let hidden = form.split("type=\"hidden\" name=\"").skip(1);
        let fields = hidden.map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
        });
        fields.collect()
    }

    /// The key that the page shows.
    pub(crate) fn key(&self) -> Option<String> {
        let text = self.between("id=\"key\"", "</code>")?;
        Some(text.split_once('>')?.1.to_owned())
    }
}

impl Browser {
    pub(crate) fn new(server: &Server) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, origin: server.at(""), cookies: Mutex::default() }
    }

    /// A browser in which `name` has signed in.
    pub(crate) async fn signed_in(server: &Server, name: &str) -> Self {
        let browser = Self::new(server);
        let page = browser.get("/login").await;
        let password = format!("{name}-password");
        let answer = browser
            .send("/login", &page.form("/login"), &[("username", name), ("password", &password)])
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.go(self.client.get(format!("{}{path}", self.origin))).await
    }

    pub(crate) async fn send(&self, path: &str, form: &[(String, String)], fields: &[(&str, &str)]) -> Page {
        self.send_from(&self.origin, path, form, fields).await
    }

    pub(crate) async fn send_from(
        &self,
        origin: &str,
        path: &str,
        form: &[(String, String)],
        fields: &[(&str, &str)],
    ) -> Page {
        let hidden = form.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = encoded(hidden.chain(fields.iter().copied()));
        let request = self.client.post(format!("{}{path}", self.origin)).header("origin", origin);
        self.go(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// Fills in the form for a new key.
    pub(crate) async fn create(&self, page: &Page, name: &str, scopes: &[&str]) -> Page {
        let mut fields = vec![("name", name), ("environment", "production"), ("lifetime", "90")];
        fields.extend(scopes.iter().map(|scope| ("scope", *scope)));
        self.send(&format!("{SETTINGS}/keys"), &page.form("/keys"), &fields).await
    }

    /// Asks for something, and does not read it yet.
    pub(crate) async fn open(&self, path: &str) -> Response {
        self.begin(self.client.get(format!("{}{path}", self.origin))).await
    }

    async fn begin(&self, request: RequestBuilder) -> Response {
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.header("cookie", cookies.join("; ")).send().await.unwrap()
    }

    async fn go(&self, request: RequestBuilder) -> Page {
        let answer = self.begin(request).await;
        for cookie in answer.headers().get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (location, policy) = (header("location"), header("content-security-policy"));
        Page { status: answer.status().as_u16(), location, policy, text: answer.text().await.unwrap() }
    }
}

fn encoded<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

impl Server {
    /// The status of a call with this token.
    pub(crate) async fn status_with(&self, token: &str) -> u16 {
        let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2025-11-25",
            "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
        let request = Client::new().post(self.url()).bearer_auth(token).json(&hello);
        request
            .header("accept", "application/json, text/event-stream")
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }
}

/// An application that registers, sends `user` through sign-in and consent, and gets a token.
pub(crate) async fn authorize(server: &Server, user: &str, scope: &str) -> String {
    let client = Client::new();
    let registration =
        json!({ "client_name": "app", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let registered = client.post(server.at("/register")).json(&registration).send().await.unwrap();
    let registered: Value = registered.json().await.unwrap();
    let id = registered["client_id"].as_str().unwrap();
    let verifier = "v".repeat(43);
    let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    let asked = encoded(
        [
            ("response_type", "code"),
            ("client_id", id),
            ("redirect_uri", REDIRECT),
            ("scope", scope),
            ("state", "s"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("resource", server.url()),
        ]
        .into_iter(),
    );
    let browser = Browser::new(server);
    let sent = browser.get(&format!("/authorize?{asked}")).await;
    let login = sent.location.unwrap();
    let login = login.strip_prefix(&server.at("")).unwrap_or(&login);
    assert!(login.starts_with("/login?next="), "{login}");
    let page = browser.get(login).await;
    let password = format!("{user}-password");
    let form: Vec<_> = page
        .form("/login")
        .into_iter()
        .map(|(name, value)| (name, value.replace("&#38;", "&").replace("&amp;", "&")))
        .collect();
    let back = browser.send("/login", &form, &[("username", user), ("password", &password)]).await;
    let consent = browser.get(&back.location.unwrap()).await;
    assert!(consent.text.contains("See tasks and comments"), "{}", consent.text);
    let action = consent.between("action=\"", "\"").unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let action = action.strip_prefix(&server.at("")).unwrap_or(&action).to_owned();
    let code = consent.between("name=\"form\" value=\"", "\"").unwrap();
    let allowed = browser.send(&action, &[("form".to_owned(), code)], &[("decision", "allow")]).await;
    let back = Url::parse(&allowed.location.unwrap()).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let body = encoded(
        [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("client_id", id),
            ("code_verifier", &verifier),
            ("resource", server.url()),
        ]
        .into_iter(),
    );
    let token = client.post(server.at("/token")).header("content-type", "application/x-www-form-urlencoded");
    let token: Value = token.body(body).send().await.unwrap().json().await.unwrap();
    token["access_token"].as_str().unwrap().to_owned()
}
