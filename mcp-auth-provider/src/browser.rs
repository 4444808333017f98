//! The browser that an authorization request came from.
//!
//! 1. A browser is known by a random cookie: `__Host-` and `Secure` on https, `HttpOnly`, `SameSite=Lax`.
//! 2. Every form carries a code over its purpose, its request and, for consent, its user, made with the cookie as key: another
//!    browser's form, request's or user's does not fit. Nothing is stored for it, and any process can check it.
//! 3. With local users the cookie is also the session: its hash names the user in the store, for twelve hours. It changes at
//!    sign-in, so that nobody can plant one.
//! 4. A user is signed in with 32 browsers at most, across processes: for one more, the oldest session ends. So nobody fills the
//!    store by signing in. A session is noted before it begins, so that none is ever missing there.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, header};
use mcp_auth_core::store::{Key, Store, StoreExt};
use mcp_auth_core::time::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::answer::Refused;
use crate::grants::{TRIES, lost_race};
use crate::secret;
use crate::sign_in::User;

const SESSIONS: &str = "browsers";
/// The sessions of a user, the oldest first.
const HELD: &str = "held_sessions";
const MOST_OF_USER: usize = 32;
const ANSWERED: &str = "answered_forms";
const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);
/// How long a form may be answered.
const FORM_LIFE: Duration = Duration::from_secs(600);

/// What a form is for; its code fits no other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    SignIn,
    /// The same, for another page of this origin.
    Visit,
    /// Only the user who was asked can answer: in the same browser another may have signed in meanwhile.
    Consent {
        subject: &'a str,
    },
}

/// A browser's secret.
pub(crate) struct Browser {
    cookie: Zeroizing<String>,
    is_new: bool,
}

/// A user, and since when they are signed in.
#[derive(Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) user: User,
    pub(crate) since: Timestamp,
}

impl Session {
    /// `began` is before anything was looked at, so that what is revoked meanwhile is revoked. In whole seconds, as tokens say it:
    /// a session that outlives a revocation gives no token that does not.
    pub(crate) fn new(user: User, began: Timestamp) -> Self {
        Self { user, since: Timestamp::from_secs(began.as_secs()) }
    }
}

/// Knows browsers again.
pub(crate) struct Browsers {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) secure: bool,
}

impl Browsers {
    fn cookie_name(&self) -> &'static str {
        if self.secure { "__Host-mcp-auth" } else { "mcp-auth-dev" }
    }

    /// The browser of a request; a new one if it shows no cookie of ours.
    pub(crate) fn of(&self, request: &Parts) -> Result<Browser, Refused> {
        let lines = request.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let ours = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, value)| *name == self.cookie_name() && value.len() == 43)
            .map(|(_, value)| Zeroizing::new(value.to_owned()));
        match ours {
            Some(cookie) => Ok(Browser { cookie, is_new: false }),
            None => Ok(Browser { cookie: secret::random()?, is_new: true }),
        }
    }

    /// The `Set-Cookie` that makes a new browser known.
    pub(crate) fn set_cookie(&self, browser: &Browser) -> Option<HeaderValue> {
        if !browser.is_new {
            return None;
        }
        let secure = if self.secure { "; Secure" } else { "" };
        let text =
            format!("{}={}; Path=/; HttpOnly; SameSite=Lax{secure}", self.cookie_name(), &*browser.cookie);
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The local user who is signed in.
    pub(crate) async fn session(&self, browser: &Browser) -> Result<Option<Session>, Refused> {
        if browser.is_new {
            return Ok(None);
        }
        let Some(entry) = self.store.get(&session_key(browser)).await? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&entry.value)?))
    }

    /// Signs a local user in; the browser is known by a new cookie from now on.
    pub(crate) async fn sign_in(&self, old: &Browser, session: &Session) -> Result<Browser, Refused> {
        let browser = Browser { cookie: secret::random()?, is_new: true };
        let until = self.clock.now().plus(SESSION_LIFE);
        self.make_room(&session.user.subject, old, &browser).await?;
        self.store.put(&session_key(&browser), serde_json::to_vec(session)?, Some(until)).await?;
        if !old.is_new {
            self.store.remove(&session_key(old)).await?;
        }
        Ok(browser)
    }

    /// Notes the session of `new` in the place of that of `old`, and ends what is too much before.
    async fn make_room(&self, subject: &str, old: &Browser, new: &Browser) -> Result<(), Refused> {
        let key = Key::new(HELD, "", secret::hash(subject));
        let (old, new) = (session_key(old).id, session_key(new).id);
        for _ in 0..TRIES {
            let entry = self.store.get(&key).await?;
            let held = entry.as_ref().map(|entry| serde_json::from_slice::<Vec<String>>(&entry.value));
            let mut held = held.transpose()?.unwrap_or_default();
            held.retain(|id| *id != old);
            held.push(new.clone());
            for id in held.drain(..held.len().saturating_sub(MOST_OF_USER)) {
                self.store.remove(&Key::new(SESSIONS, "", id)).await?;
            }
            let (value, until) = (serde_json::to_vec(&held)?, self.clock.now().plus(SESSION_LIFE));
            let is_noted = match entry {
                Some(entry) => self.store.replace(&key, entry.version, value, Some(until)).await?,
                None => self.store.insert_new(&key, value, Some(until)).await?,
            };
            if is_noted {
                return Ok(());
            }
        }
        Err(lost_race())
    }

    /// A code for a form of this browser's, about `request`.
    pub(crate) fn form_code(
        &self,
        browser: &Browser,
        purpose: Purpose<'_>,
        request: &str,
    ) -> Result<String, Refused> {
        let (nonce, at) = (secret::random_id()?, self.clock.now().as_secs());
        let code = Self::authenticate(browser, purpose, &nonce, at, request);
        Ok(format!("{nonce}.{at}.{code}"))
    }

    /// True if `code` was made for this browser, purpose and request, and is fresh.
    pub(crate) fn is_form_code(
        &self,
        browser: &Browser,
        purpose: Purpose<'_>,
        request: &str,
        code: &str,
    ) -> bool {
        let mut parts = code.splitn(3, '.');
        let (Some(nonce), Some(Ok(at)), Some(code)) =
            (parts.next(), parts.next().map(str::parse::<u64>), parts.next())
        else {
            return false;
        };
        let fresh = self.clock.now().since(Timestamp::from_secs(at)) < FORM_LIFE;
        fresh
            && !browser.is_new
            && secret::equal(&Self::authenticate(browser, purpose, nonce, at, request), code)
    }

    /// True for the first answer to a form; a second click changes nothing.
    pub(crate) async fn is_first_answer(&self, code: &str) -> Result<bool, Refused> {
        let key = Key::new(ANSWERED, "", secret::hash(code));
        Ok(self.store.insert_new(&key, "", Some(self.clock.now().plus(FORM_LIFE))).await?)
    }

    fn authenticate(browser: &Browser, purpose: Purpose<'_>, nonce: &str, at: u64, request: &str) -> String {
        let (purpose, subject) = match purpose {
            Purpose::SignIn => ("sign-in", ""),
            Purpose::Visit => ("visit", ""),
            Purpose::Consent { subject } => ("consent", subject),
        };
        secret::authenticate(&browser.cookie, &[purpose, subject, nonce, &at.to_string(), request])
    }
}

fn session_key(browser: &Browser) -> Key {
    Key::new(SESSIONS, "", secret::hash(&browser.cookie))
}
