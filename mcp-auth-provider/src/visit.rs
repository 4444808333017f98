//! Signing in with name and password: for an authorization, or to see another page of this origin.
//!
//! 1. `GET /sign-in?return_to=…` shows the form, also to who is signed in: it may be somebody else's turn.
//! 2. What it leads back to is a path of this origin; anything else is refused.
//! 3. `POST` checks what was typed, with the form's code, and sends the browser there.
//! 4. Where the host signs its users in itself there is no such page: its own is named instead.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use secrecy::SecretString;
use std::time::Duration;
use url::{Position, Url};

use crate::answer::{Refused, method_not_allowed, see_other};
use crate::authorize::Problem;
use crate::browser::{Purpose, Session};
use crate::form::Parameters;
use crate::pages::{SignInPage, plain};
use crate::provider::Inner;
use crate::sign_in::{Login, SignInError};

/// The name of the query parameter.
const RETURN_TO: &str = "return_to";
/// The longest path that is led back to.
const MAX_RETURN: usize = 2048;

/// A sign-in that did not succeed, as the person is told.
pub(crate) struct Wrong {
    name: String,
    status: StatusCode,
    text: &'static str,
    retry_after: Option<Duration>,
}

impl Inner {
    pub(crate) fn has_sign_in_page(&self) -> bool {
        self.sign_in.login() == Login::Form
    }

    /// Where to sign in and come back to this request, a GET of this origin's.
    pub(crate) fn sign_in_url(&self, request: &Parts) -> Option<String> {
        let back = request.uri.path_and_query().map_or("/", |path| path.as_str());
        match self.sign_in.login() {
            Login::Form => {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.append_pair(RETURN_TO, back);
                Some(format!("{}?{}", self.paths.sign_in, query.finish()))
            }
            Login::Page { url, return_to } => self.login_page(&url, &return_to, back).map(Into::into),
        }
    }

    /// The host's own page, told to come back to the path `back`.
    pub(crate) fn login_page(&self, url: &str, return_to: &str, back: &str) -> Option<Url> {
        let mut page = Url::parse(&self.origin).and_then(|origin| origin.join(url)).ok()?;
        page.query_pairs_mut().append_pair(return_to, back);
        Some(page)
    }

    pub(crate) async fn visit(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        match self.visited(parts, body).await {
            Ok(response) => response,
            Err(Problem::Page(status, refused)) => {
                refused.record("sign_in", None);
                self.pages.error(status, refused.text)
            }
            // Only an authorization has a client to send it to.
            Err(Problem::Redirect(_, refused)) => self.pages.error(StatusCode::BAD_REQUEST, refused.text),
        }
    }

    async fn visited(&self, parts: &Parts, body: &[u8]) -> Result<Response<Bytes>, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let parameters = Parameters::from_query(Some(query)).map_err(Refused::from)?;
        let Some(back) = parameters.get(RETURN_TO).and_then(|back| self.own_url(back)) else {
            return Ok(self.pages.error(StatusCode::BAD_REQUEST, "This link leads nowhere."));
        };
        let browser = self.browsers.of(parts)?;
        let action = format!("{}?{query}", self.paths.sign_in);
        let (browser, mut response) = match parts.method {
            Method::GET | Method::HEAD => {
                let code = self.browsers.form_code(&browser, Purpose::Visit, query)?;
                (Some(browser), self.sign_in_form(&action, None, &code, None))
            }
            Method::POST => {
                self.check_origin(parts)?;
                let form = Parameters::from_form(&parts.headers, body).map_err(Refused::from)?;
                self.check_form(&browser, Purpose::Visit, query, form.get("form").unwrap_or_default())?;
                match self.check_password(parts, &form).await {
                    Ok(session) => (Some(self.browsers.sign_in(&browser, &session).await?), see_other(&back)),
                    Err(wrong) => {
                        let code = self.browsers.form_code(&browser, Purpose::Visit, query)?;
                        (None, self.sign_in_form(&action, None, &code, Some(&wrong)))
                    }
                }
            }
            _ => return Ok(method_not_allowed("GET, HEAD, POST")),
        };
        if let Some(cookie) = browser.and_then(|browser| self.browsers.set_cookie(&browser)) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// The whole URL of a path of this origin, as a URL parser reads it: for browsers a backslash is a slash.
    fn own_url(&self, path: &str) -> Option<String> {
        if !path.starts_with('/') || path.len() > MAX_RETURN {
            return None;
        }
        let url = Url::parse(&self.origin).and_then(|origin| origin.join(path)).ok()?;
        let is_own = url.origin().ascii_serialization() == self.origin;
        is_own.then(|| format!("{}{}", self.origin, &url[Position::BeforePath..Position::AfterQuery]))
    }

    /// Who typed this name and password.
    pub(crate) async fn check_password(&self, parts: &Parts, form: &Parameters) -> Result<Session, Wrong> {
        let began = self.clock.now();
        let name = form.get("username").unwrap_or_default();
        let password = SecretString::from(form.get("password").unwrap_or_default());
        let address = self.address(parts);
        let error = match self.sign_in.check(name, &password, address).await {
            Ok(user) => {
                tracing::info!(user = user.subject, ?address, "a user signed in");
                return Ok(Session::new(user, began));
            }
            Err(error) => error,
        };
        metrics::counter!("mcp_auth_provider_sign_in_failed_total").increment(1);
        tracing::info!(kind = "sign_in_failed", ?address, "refused: {error}");
        let (status, text) = match error {
            SignInError::Wrong => (StatusCode::OK, "The name or the password is wrong."),
            SignInError::Throttled { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Wait a minute.")
            }
            SignInError::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "Sign-in is not possible now. Try again.")
            }
        };
        let retry_after = match error {
            SignInError::Throttled { retry_after } => Some(retry_after),
            _ => None,
        };
        Err(Wrong { name: plain(name, 128), status, text, retry_after })
    }

    /// The page with the form, and what was wrong with what was typed last.
    pub(crate) fn sign_in_form(
        &self,
        action: &str,
        client: Option<&str>,
        code: &str,
        wrong: Option<&Wrong>,
    ) -> Response<Bytes> {
        let page = SignInPage {
            style: self.pages.style(),
            action,
            client,
            code,
            name: wrong.map_or("", |wrong| &wrong.name),
            problem: wrong.map(|wrong| wrong.text),
        };
        let mut response = self.pages.answer(wrong.map_or(StatusCode::OK, |wrong| wrong.status), &page, None);
        if let Some(wait) = wrong.and_then(|wrong| wrong.retry_after) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}
