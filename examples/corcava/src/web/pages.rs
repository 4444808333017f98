//! The pages' contents.

use actix_web::HttpResponse;
use actix_web::http::header::SET_COOKIE;
use askama::Template;
use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::api_key::ApiKey;

use super::connections::Connected;
use super::login::SIGN_OUT;
use super::texts::Texts;
use super::{AUDIT, CHANGES, SETTINGS, Visit, Web};
use crate::environment::Environment;
use crate::policies::SCOPES;
use crate::sessions::mark;

/// What is around every page.
pub(super) struct Chrome<'a> {
    pub(super) t: &'static Texts,
    pub(super) user: Option<&'a str>,
    pub(super) sign_out: String,
    /// Where the page is, for the other language.
    pub(super) path: &'a str,
    pub(super) settings: &'static str,
    pub(super) audit: &'static str,
    pub(super) changes: &'static str,
}

impl<'a> Chrome<'a> {
    pub(super) fn new(visit: &Visit, user: Option<&'a str>, path: &'a str) -> Self {
        let (t, sign_out) = (visit.language.texts(), visit.browser.form_code(SIGN_OUT));
        Self { t, user, sign_out, path, settings: SETTINGS, audit: AUDIT, changes: CHANGES }
    }
}

#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage<'a> {
    pub(super) chrome: Chrome<'a>,
    pub(super) action: &'a str,
    pub(super) code: String,
    pub(super) next: &'a str,
    pub(super) name: &'a str,
    pub(super) problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "keys.html")]
pub(super) struct KeysPage<'a> {
    pub(super) chrome: Chrome<'a>,
    pub(super) settings: &'static str,
    pub(super) mcp_url: &'a str,
    pub(super) taken: &'static str,
    pub(super) form: KeyForm<'a>,
    pub(super) problem: Option<&'a str>,
    pub(super) keys: Vec<Shown>,
    pub(super) connections: Vec<Connected>,
}

/// The form for a new key, as it was filled in.
pub(super) struct KeyForm<'a> {
    pub(super) code: String,
    pub(super) mark: String,
    pub(super) name: &'a str,
    pub(super) environments: Vec<Choice>,
    pub(super) lifetimes: Vec<Choice>,
    pub(super) scopes: Vec<Choice>,
}

/// One of several.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) words: String,
    pub(super) is_chosen: bool,
}

#[derive(Template)]
#[template(path = "secret.html")]
pub(super) struct SecretPage<'a> {
    pub(super) chrome: Chrome<'a>,
    pub(super) settings: &'static str,
    pub(super) mcp_url: &'a str,
    pub(super) title: &'static str,
    pub(super) name: &'a str,
    pub(super) secret: &'a str,
}

#[derive(Template)]
#[template(path = "problem.html")]
pub(super) struct Problem {
    pub(super) english: String,
    pub(super) german: &'static str,
    pub(super) settings: &'static str,
}

/// A key, in words.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) environment: &'static str,
    pub(super) state: State,
    pub(super) scopes: Vec<String>,
    pub(super) created: Moment,
    pub(super) last_used: Option<Moment>,
    pub(super) address: Option<String>,
    pub(super) due_at: Option<Moment>,
    pub(super) expires_at: Option<Moment>,
    pub(super) overlap_until: Option<Moment>,
    pub(super) rotate_code: String,
    pub(super) rotate_mark: String,
    pub(super) revoke_code: String,
}

/// Whether a key is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Due,
    Revoked,
    Expired,
}

impl State {
    pub(super) fn is_active(self) -> bool {
        matches!(self, Self::Active | Self::Due)
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Active => "good",
            Self::Due => "due",
            Self::Revoked | Self::Expired => "over",
        }
    }

    pub(super) fn words(self, t: &Texts) -> &'static str {
        match self {
            Self::Active => t.active,
            Self::Due => t.due,
            Self::Revoked => t.revoked,
            Self::Expired => t.expired,
        }
    }
}

/// A time, for people and for programs.
pub(super) struct Moment {
    pub(super) exact: String,
    pub(super) words: String,
}

impl Moment {
    /// What lies behind, in words.
    pub(super) fn past(at: Timestamp, now: Timestamp, t: &Texts) -> Self {
        Self { exact: exact(at), words: t.ago(now.since(at)) }
    }

    /// What lies ahead, to the day or to the minute.
    fn ahead(at: Timestamp, is_day: bool) -> Self {
        let exact = exact(at);
        let shown = exact.get(..if is_day { 10 } else { 16 }).unwrap_or_default();
        let words = if is_day { shown.to_owned() } else { shown.replace('T', " ") + " UTC" };
        Self { words, exact }
    }
}

fn exact(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

impl Shown {
    pub(super) fn new(key: ApiKey, visit: &Visit, now: Timestamp) -> Self {
        let t = visit.language.texts();
        let state = if key.revoked_at.is_some() {
            State::Revoked
        } else if !key.is_active(now) {
            State::Expired
        } else if key.is_due(now) {
            State::Due
        } else {
            State::Active
        };
        Self {
            environment: environment(&key.environment, t),
            state,
            scopes: key.scopes.iter().map(str::to_owned).collect(),
            created: Moment::past(key.created_at, now, t),
            last_used: key.last_used.map(|used| Moment::past(used.at, now, t)),
            address: key.last_used.and_then(|used| used.address).map(|address| address.to_string()),
            due_at: key.rotation_due.map(|at| Moment::ahead(at, true)),
            expires_at: key.expires_at.map(|at| Moment::ahead(at, true)),
            overlap_until: key.overlap_until.filter(|until| *until > now).map(|at| Moment::ahead(at, false)),
            rotate_code: visit.browser.form_code(&format!("rotate {}", key.id)),
            rotate_mark: mark(now),
            revoke_code: visit.browser.form_code(&format!("revoke {}", key.id)),
            id: key.id,
            name: key.name,
        }
    }
}

/// What an environment is called.
pub(super) fn environment(name: &str, t: &Texts) -> &'static str {
    let known = Environment::ALL.iter().zip(t.environments).find(|(known, _)| known.as_str() == name);
    known.map_or("—", |(_, words)| words)
}

/// What each scope allows.
pub(super) fn scopes(t: &Texts) -> impl Iterator<Item = (&'static str, &'static str)> {
    SCOPES.iter().zip(t.scope_words).map(|((name, _), words)| (*name, words))
}

/// Adds what makes browser and language known again.
pub(super) fn with_cookies(web: &Web, visit: &Visit, mut answer: HttpResponse) -> HttpResponse {
    let browser = visit.browser.is_new.then(|| web.sessions.set_cookie(&visit.browser));
    for cookie in browser.into_iter().chain(visit.language.set_cookie()) {
        if let Ok(cookie) = cookie.parse() {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    answer
}
