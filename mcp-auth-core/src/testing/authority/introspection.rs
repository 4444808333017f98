//! Introspection of opaque tokens (RFC 7662).

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::answer::{Answer, Request};
use super::{Authority, Fault, lock};

#[derive(Debug, Default)]
pub(super) struct Introspection {
    /// Client identifiers and their secrets.
    clients: Mutex<HashMap<String, String>>,
    /// Tokens and what is said of them.
    tokens: Mutex<HashMap<String, Value>>,
    asked: AtomicUsize,
    fault: Mutex<Option<Fault>>,
}

impl Authority {
    /// The URL at which tokens are introspected.
    #[must_use]
    pub fn introspection_endpoint(&self) -> String {
        self.inner.endpoint("/introspect")
    }

    /// Lets this client introspect, by `client_secret_basic` and `client_secret_post`. Nobody else may.
    pub fn introspection_client(&self, id: impl Into<String>, secret: impl Into<String>) {
        lock(&self.inner.introspection.clients).insert(id.into(), secret.into());
    }

    /// Issues an opaque token of which introspection says exactly this, and that it is `active` unless `answer` says
    /// otherwise.
    #[must_use]
    pub fn opaque(&self, answer: Value) -> String {
        let mut bytes = [0; 24];
        // Without randomness the number alone keeps test tokens apart.
        let secret = aws_lc_rs::rand::fill(&mut bytes)
            .map_or_else(|_| String::new(), |()| URL_SAFE_NO_PAD.encode(bytes));
        let token = format!("opaque-{}-{secret}", lock(&self.inner.introspection.tokens).len());
        self.set_opaque(&token, answer);
        token
    }

    /// An opaque token that is good for `audience`, with these scopes, of five minutes for `ada`.
    #[must_use]
    pub fn opaque_for(&self, audience: &str, scope: &str) -> String {
        self.opaque(self.good_answer(audience, scope))
    }

    /// What introspection says of a good token; to be changed and given to [`opaque`](Self::opaque).
    #[must_use]
    pub fn good_answer(&self, audience: &str, scope: &str) -> Value {
        let now = self.inner.clock.now().as_secs();
        json!({
            "active": true,
            "iss": self.issuer(),
            "sub": "ada",
            "aud": audience,
            "client_id": "test-client",
            "scope": scope,
            "token_type": "Bearer",
            "iat": now,
            "exp": now + 300,
        })
    }

    /// Says this of `token` from now on.
    pub fn set_opaque(&self, token: &str, mut answer: Value) {
        if let Some(members) = answer.as_object_mut() {
            members.entry("active").or_insert(json!(true));
        }
        lock(&self.inner.introspection.tokens).insert(token.to_owned(), answer);
    }

    /// Revokes an opaque token: it is not active any more.
    pub fn revoke_opaque(&self, token: &str) {
        lock(&self.inner.introspection.tokens).remove(token);
    }

    /// How often introspection was asked for, refused callers and failures included.
    #[must_use]
    pub fn introspections(&self) -> usize {
        self.inner.introspection.asked.load(Ordering::SeqCst)
    }

    /// Answers introspection with this fault from now on, or with none.
    pub fn set_introspection_fault(&self, fault: Option<Fault>) {
        *lock(&self.inner.introspection.fault) = fault;
    }

    /// Answers introspection with 500 from now on, or no longer.
    pub fn set_introspection_failing(&self, failing: bool) {
        self.set_introspection_fault(failing.then_some(Fault::Failing));
    }
}

impl Introspection {
    pub(super) fn fault(&self) -> Option<Fault> {
        *lock(&self.fault)
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let form = |name: &str| {
            let mut values = form_urlencoded::parse(&request.body).filter(|(key, _)| key == name);
            values.next().map(|(_, value)| value.into_owned())
        };
        if request.method != "POST" || !request.is_form() {
            return Answer::error("400 Bad Request", "invalid_request");
        }
        let basic = request.header("authorization").map(|value| basic(&value));
        let post = form("client_id").zip(form("client_secret"));
        let client = match (basic, post) {
            (Some(_), Some(_)) => return Answer::error("400 Bad Request", "invalid_request"),
            (Some(basic), None) => basic,
            (None, post) => post,
        };
        let is_known = client.is_some_and(|(id, secret)| lock(&self.clients).get(&id) == Some(&secret));
        if !is_known {
            return Answer::error("401 Unauthorized", "invalid_client")
                .with_header("www-authenticate: Basic realm=\"introspection\"");
        }
        let Some(token) = form("token") else {
            return Answer::error("400 Bad Request", "invalid_request");
        };
        let answer = lock(&self.tokens).get(&token).cloned();
        Answer::json(&answer.unwrap_or_else(|| json!({ "active": false })))
    }
}

/// Identifier and secret, each form-encoded (RFC 6749, section 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let encoded = header.strip_prefix("Basic ").or_else(|| header.strip_prefix("basic "))?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| {
        let pair = format!("x={part}");
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}
