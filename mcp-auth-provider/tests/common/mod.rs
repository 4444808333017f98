//! A provider on loopback, and a browser and a client that talk to it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_auth_core::store::{MemoryStore, Store};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::{TokenVerifier, VerifyContext};
use mcp_auth_core::{Credential, Principal};
use mcp_auth_provider::{Client, LocalUsers, Provider, ProviderBuilder};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

pub(crate) const REDIRECT: &str = "http://127.0.0.1:7777/callback";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const PASSWORD: &str = "analytical engine";
pub(crate) const SECRET: &str = "a-secret-of-a-confidential-client";

/// A provider at `origin`, by a clock that tests move.
pub(crate) struct Fixture {
    pub(crate) origin: String,
    pub(crate) clock: Clock,
    pub(crate) provider: Provider,
    pub(crate) store: Arc<dyn Store>,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(more: impl FnOnce(ProviderBuilder) -> ProviderBuilder) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_500));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock.clone(), 100_000));
        let builder = Provider::builder(&origin)
            .resource(format!("{origin}/mcp"))
            .scopes([("notes:read", "Read your notes"), ("notes:write", "Write notes")])
            .sign_in(LocalUsers::new().user("ada", PASSWORD).user("grace", PASSWORD))
            .client(Client::public("public", [REDIRECT]))
            .client(Client::confidential("confidential", SECRET, [REDIRECT]))
            .allowed_private_redirects(["cursor://anysphere.cursor-mcp/oauth/callback"])
            .store(Arc::clone(&store))
            .clock(clock.clone());
        let (provider, background) = more(builder).build().unwrap();
        tokio::spawn(background);
        let app = mcp_auth_axum::routes(&provider).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { origin, clock, provider, store }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// A good authorization request of the client `public`, with some parameters replaced; an empty value removes one.
    pub(crate) fn request(&self, changes: &[(&str, &str)]) -> Url {
        let resource = self.at("/mcp");
        let good = [
            ("response_type", "code"),
            ("client_id", "public"),
            ("redirect_uri", REDIRECT),
            ("scope", "notes:read"),
            ("state", "s t&a"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
        ];
        let mut url = Url::parse(&self.at("/authorize")).unwrap();
        for (name, value) in good {
            let value =
                changes.iter().find(|(changed, _)| *changed == name).map_or(value, |(_, value)| value);
            if !value.is_empty() {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        for (name, value) in changes.iter().filter(|(name, _)| !good.iter().any(|(have, _)| have == name)) {
            url.query_pairs_mut().append_pair(name, value);
        }
        url
    }

    /// Posts a form to an endpoint.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        reqwest::Client::new()
            .post(self.at(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encode(form))
            .send()
            .await
            .unwrap()
    }

    /// A code for `public`, by a new browser of ada's.
    pub(crate) async fn code(&self) -> String {
        let back = Browser::new().walk(&self.request(&[])).await;
        query(&back, "code").unwrap()
    }

    /// Redeems a code of `public`'s.
    pub(crate) async fn redeem(&self, code: &str) -> (StatusCode, Value) {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", "public"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, token: &str) -> (StatusCode, Value) {
        self.token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", token)])
            .await
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.post("/token", form).await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status(), answer.json().await.unwrap())
    }

    /// Tokens of a new grant.
    pub(crate) async fn tokens(&self) -> Value {
        let (status, tokens) = self.redeem(&self.code().await).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// What the provider's verifier says of an access token.
    pub(crate) async fn verify(&self, tokens: &Value) -> Result<Principal, String> {
        let credential = Credential::bearer(tokens["access_token"].as_str().unwrap());
        let resource = self.at("/mcp");
        let verifier = self.provider.verifier();
        let context = VerifyContext { resource: &resource, now: self.clock.now(), address: None };
        let verified = verifier.verify(&credential, context).await.map_err(|error| error.to_string())?;
        let principal = verified.principal().clone();
        let revoked = verifier.revocations()[0].is_revoked(&principal).await.unwrap();
        if revoked { Err("revoked".to_owned()) } else { Ok(principal) }
    }

    pub(crate) async fn register(&self, metadata: &Value) -> (StatusCode, Value) {
        let answer = reqwest::Client::new().post(self.at("/register")).json(metadata).send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or(json!(null)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A person's browser: keeps one cookie, follows nothing by itself.
pub(crate) struct Browser {
    client: reqwest::Client,
    cookie: Mutex<String>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self { client: client(), cookie: Mutex::default() }
    }

    pub(crate) async fn get(&self, url: &str) -> Response {
        self.keep(self.client.get(url).header(COOKIE, self.cookie()).send().await.unwrap())
    }

    pub(crate) async fn post(&self, url: &str, form: &[(&str, &str)]) -> Response {
        let post = self.client.post(url).header(COOKIE, self.cookie()).body(encode(form));
        self.keep(post.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap())
    }

    /// Signs in as `user` and gives the consent page.
    pub(crate) async fn sign_in(&self, request: &Url, user: &str) -> String {
        let page = self.get(request.as_str()).await.text().await.unwrap();
        let form = form_code(&page);
        let answer =
            self.post(request.as_str(), &[("form", &form), ("username", user), ("password", PASSWORD)]).await;
        assert_eq!(answer.status(), 303);
        let next = request.join(&location(&answer)).unwrap();
        self.get(next.as_str()).await.text().await.unwrap()
    }

    pub(crate) async fn decide(&self, request: &Url, page: &str, decision: &str) -> Response {
        self.post(request.as_str(), &[("form", &form_code(page)), ("decision", decision)]).await
    }

    /// Signs in as ada, allows, and gives the client's redirect.
    pub(crate) async fn walk(&self, request: &Url) -> Url {
        let page = self.sign_in(request, "ada").await;
        let answer = self.decide(request, &page, "allow").await;
        assert_eq!(answer.status(), 303);
        Url::parse(&location(&answer)).unwrap()
    }

    pub(crate) fn cookie(&self) -> String {
        self.cookie.lock().unwrap().clone()
    }

    fn keep(&self, answer: Response) -> Response {
        if let Some(set) = answer.headers().get(SET_COOKIE) {
            *self.cookie.lock().unwrap() = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        answer
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(crate) fn encode(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

pub(crate) fn location(answer: &Response) -> String {
    answer.headers().get(LOCATION).expect("a redirect").to_str().unwrap().to_owned()
}

pub(crate) fn form_code(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"form\" value=\"").expect("a form");
    rest.split_once('"').unwrap().0.to_owned()
}

pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(have, _)| have == name).map(|(_, value)| value.into_owned())
}
