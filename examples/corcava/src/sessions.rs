//! Who is signed in, in which browser.
//!
//! 1. A browser is known by a random cookie: `__Host-` and `Secure` on https, `HttpOnly`, `SameSite=Lax`. It is new at each
//!    sign-in, so that nobody can plant one. Its hash names the user in the store, for twelve hours.
//! 2. Every form carries a code over what it is for, made with the cookie as key: a form of another browser does not fit.
//! 3. A session is good while its user may sign in, and with the same password.
//! 4. A form that makes a secret carries a mark with its time, and is answered once and within an hour. Of what a user has answered
//!    only so many marks are kept, whatever the forms say: then no more is answered for a while.
//! 5. The same session answers for the settings pages and for the consent page of the authorization server.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use mcp_auth_core::store::{Key, Store, StoreError, StoreExt};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_provider::LocalUsers;
use zeroize::Zeroizing;

use crate::secret::{self, NoRandomness};

const SESSIONS: &str = "corcava_sessions";
const ANSWERED: &str = "corcava_answered_forms";
const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);
const SECRET_LENGTH: usize = 43;
/// For so long such a form is good, and its mark is remembered.
const FORM_LIFE: Duration = Duration::from_secs(3600);
/// So many of them a user may send in that time.
const MAX_ANSWERED: usize = 60;

/// A browser's secret.
#[derive(Clone)]
pub(crate) struct Browser {
    cookie: Zeroizing<String>,
    pub(crate) is_new: bool,
}

/// Why a session cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Whether a form may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// For the first time.
    First,
    /// It was answered.
    Again,
    /// It is too old, or of no time at all.
    Stale,
    /// The user has sent many.
    TooMany,
}

/// What tells one showing of a form from another.
pub(crate) fn mark(now: Timestamp) -> String {
    format!("{}-{}", now.as_secs(), uuid::Uuid::new_v4().simple())
}

/// Knows browsers again. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    clock: Clock,
    is_secure: bool,
    users: Arc<LocalUsers>,
}

impl Browser {
    /// The code of a form of this browser's.
    pub(crate) fn form_code(&self, purpose: &str) -> String {
        secret::code(&self.cookie, purpose)
    }

    /// True if `code` is that of a form of this browser's, for `purpose`.
    pub(crate) fn is_form_code(&self, purpose: &str, code: &str) -> bool {
        !self.is_new && secret::is_code(&self.cookie, purpose, code)
    }

    fn key(&self) -> Key {
        Key::new(SESSIONS, "", secret::hash(&self.cookie))
    }
}

impl Sessions {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Clock, is_secure: bool, users: Arc<LocalUsers>) -> Self {
        Self { store, clock, is_secure, users }
    }

    fn cookie_name(&self) -> &'static str {
        if self.is_secure { "__Host-corcava" } else { "corcava-dev" }
    }

    /// The browser that a request came from: known by its cookie, or new.
    pub(crate) fn browser(&self, headers: &HeaderMap) -> Result<Browser, NoRandomness> {
        let found = cookies(headers)
            .find(|(name, value)| *name == self.cookie_name() && value.len() == SECRET_LENGTH)
            .map(|(_, value)| Zeroizing::new(value.to_owned()));
        Ok(match found {
            Some(cookie) => Browser { cookie, is_new: false },
            None => Browser { cookie: secret::random()?, is_new: true },
        })
    }

    /// The `Set-Cookie` that makes a browser known.
    pub(crate) fn set_cookie(&self, browser: &Browser) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{}={}; Path=/; HttpOnly; SameSite=Lax{secure}", self.cookie_name(), *browser.cookie)
    }

    /// The subject that is signed in.
    pub(crate) async fn user(&self, browser: &Browser) -> Result<Option<String>, StoreError> {
        if browser.is_new {
            return Ok(None);
        }
        let entry = self.store.get(&browser.key()).await?;
        let session = entry.and_then(|entry| String::from_utf8(entry.value.to_vec()).ok());
        let session = session.as_deref().and_then(|session| session.split_once(' '));
        Ok(session
            .filter(|(mark, subject)| self.users.mark(subject).is_some_and(|now| now == *mark))
            .map(|(_, subject)| subject.to_owned()))
    }

    /// Signs `subject` in: the browser is known by a new cookie from now on.
    pub(crate) async fn sign_in(&self, old: &Browser, subject: &str) -> Result<Browser, SessionError> {
        let browser = Browser { cookie: secret::random()?, is_new: true };
        let until = self.clock.now().plus(SESSION_LIFE);
        let mark = self.users.mark(subject).unwrap_or_default();
        self.store.put(&browser.key(), format!("{mark} {subject}"), Some(until)).await?;
        self.sign_out(old).await?;
        Ok(browser)
    }

    /// Ends the session.
    pub(crate) async fn sign_out(&self, browser: &Browser) -> Result<(), StoreError> {
        if browser.is_new { Ok(()) } else { self.store.remove(&browser.key()).await }
    }

    /// Whether `user` may be answered the form with this mark; asked once for each time that it was sent.
    pub(crate) async fn answer(
        &self,
        browser: &Browser,
        user: &str,
        mark: &str,
    ) -> Result<Answer, StoreError> {
        let now = self.clock.now();
        let shown = mark.split_once('-').and_then(|(secs, _)| secs.parse().ok()).map(Timestamp::from_secs);
        if shown.is_none_or(|shown| shown > now || now.since(shown) >= FORM_LIFE) {
            return Ok(Answer::Stale);
        }
        let partition = secret::hash(user);
        if self.store.scan(ANSWERED, &partition, None, MAX_ANSWERED).await?.len() >= MAX_ANSWERED {
            return Ok(Answer::TooMany);
        }
        let key = Key::new(ANSWERED, partition, secret::code(&browser.cookie, mark));
        let is_first = self.store.insert_new(&key, "", Some(now.plus(FORM_LIFE))).await?;
        Ok(if is_first { Answer::First } else { Answer::Again })
    }
}

/// The cookies of a request.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}
