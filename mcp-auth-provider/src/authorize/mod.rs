//! The authorization endpoint (RFC 6749, section 3.1).
//!
//! 1. The request stands in the URL and is checked anew at each step; nothing is stored before consent, and asking twice with
//!    GET changes nothing.
//! 2. GET shows the sign-in or the consent page; POST is an answer to one of them, with the form's code.
//! 3. Until the redirect is known to be the client's, problems are told to the person and never redirected.
//! 4. Nor is anybody who did not sign in sent to a site that registered itself: anybody can register any site, and this server's
//!    name would lend it trust (RFC 9700, section 4.11.2). They see where the link leads, and choose.

mod consent;
mod request;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};

use crate::answer::{Code, Refused, method_not_allowed, see_other};
use crate::browser::{Browser, Purpose, Session};
use crate::form::Parameters;
use crate::provider::Inner;
use crate::sign_in::Login;
use crate::visit::Wrong;
use consent::place;

pub(crate) use request::AuthorizationRequest;

/// How a step of the flow ends other than with its page.
pub(crate) enum Problem {
    /// Told to the person; the redirect is not to be trusted, or there is none.
    Page(StatusCode, Refused),
    /// Told to the client, through its redirect.
    Redirect(Box<AuthorizationRequest>, Refused),
}

impl Problem {
    fn page(refused: Refused) -> Self {
        let status = if refused.code == Code::TemporarilyUnavailable {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::BAD_REQUEST
        };
        Self::Page(status, refused)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::page(refused)
    }
}

impl Inner {
    pub(crate) async fn authorize(&self, parts: &Parts, body: &[u8]) -> Response<Bytes> {
        let answered = match parts.method {
            Method::GET | Method::HEAD => self.ask(parts).await,
            Method::POST => self.answer(parts, body).await,
            _ => return method_not_allowed("GET, HEAD, POST"),
        };
        match answered {
            Ok(response) => response,
            Err(Problem::Page(status, refused)) => {
                refused.record("authorize", None);
                self.pages.error(status, refused.text)
            }
            Err(Problem::Redirect(request, refused)) => {
                refused.record("authorize", Some(&request.client.id));
                let url = self.error_redirect(&request, &refused);
                if request.leads_anywhere() && !self.is_signed_in(parts).await {
                    let text = format!(
                        "The application asked for something that is not possible: {}.",
                        refused.text
                    );
                    self.pages.error_and_link(&text, &place(&request.redirect), &url)
                } else {
                    see_other(&url)
                }
            }
        }
    }

    /// GET: what is to be asked of the person?
    async fn ask(&self, parts: &Parts) -> Result<Response<Bytes>, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let request = self.read_request(Parameters::from_query(Some(query)).map_err(Refused::from)?).await?;
        let browser = self.browsers.of(parts)?;
        let session = self.current_user(parts, &browser).await?;
        let session = session.filter(|_| !request.prompts("login"));
        let mut response = match session {
            None if request.prompts("none") => {
                let refused = Refused::new(Code::LoginRequired, "login_required", "nobody is signed in");
                return Err(Problem::Redirect(Box::new(request), refused));
            }
            None => match self.sign_in.login() {
                Login::Form => self.sign_in_page(&request, &browser, query, None)?,
                Login::Page { url, return_to } => self.to_login_page(&url, &return_to, query)?,
            },
            Some(_) if request.prompts("none") => {
                let refused =
                    Refused::new(Code::ConsentRequired, "consent_required", "consent is always asked");
                return Err(Problem::Redirect(Box::new(request), refused));
            }
            Some(session) => self.consent_page(&request, &browser, &session.user, query)?,
        };
        if let Some(cookie) = self.browsers.set_cookie(&browser) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// POST: what the person answered.
    async fn answer(&self, parts: &Parts, body: &[u8]) -> Result<Response<Bytes>, Problem> {
        self.check_origin(parts)?;
        let query = parts.uri.query().unwrap_or_default();
        let request = self.read_request(Parameters::from_query(Some(query)).map_err(Refused::from)?).await?;
        let form = Parameters::from_form(&parts.headers, body).map_err(Refused::from)?;
        let browser = self.browsers.of(parts)?;
        let code = form.get("form").unwrap_or_default();
        match form.get("decision") {
            Some(decision) => {
                let Some(session) = self.current_user(parts, &browser).await? else {
                    let refused =
                        Refused::new(Code::AccessDenied, "signed_out", "You are not signed in any more.");
                    return Err(Problem::Page(StatusCode::FORBIDDEN, refused));
                };
                let subject = &session.user.subject;
                self.check_form(&browser, Purpose::Consent { subject }, query, code)?;
                self.decided(request, &session, decision, code).await
            }
            None => {
                self.check_form(&browser, Purpose::SignIn, query, code)?;
                self.signed_in(parts, &request, &browser, query, &form).await
            }
        }
    }

    /// The sign-in form was sent.
    async fn signed_in(
        &self,
        parts: &Parts,
        request: &AuthorizationRequest,
        browser: &Browser,
        query: &str,
        form: &Parameters,
    ) -> Result<Response<Bytes>, Problem> {
        match self.check_password(parts, form).await {
            Ok(session) => {
                let browser = self.browsers.sign_in(browser, &session).await?;
                let mut response =
                    see_other(&format!("{}?{}", self.paths.authorize, without_login_prompt(query)));
                if let Some(cookie) = self.browsers.set_cookie(&browser) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                Ok(response)
            }
            Err(wrong) => Ok(self.sign_in_page(request, browser, query, Some(&wrong))?),
        }
    }

    fn sign_in_page(
        &self,
        request: &AuthorizationRequest,
        browser: &Browser,
        query: &str,
        wrong: Option<&Wrong>,
    ) -> Result<Response<Bytes>, Refused> {
        let action = format!("{}?{query}", self.paths.authorize);
        let code = self.browsers.form_code(browser, Purpose::SignIn, query)?;
        Ok(self.sign_in_form(&action, Some(&request.client_name()), &code, wrong))
    }

    /// The host's own page; it is told to come back to this request.
    fn to_login_page(&self, url: &str, return_to: &str, query: &str) -> Result<Response<Bytes>, Refused> {
        let back = format!("{}?{}", self.paths.authorize, without_login_prompt(query));
        let page = self.login_page(url, return_to, &back).ok_or_else(|| {
            Refused::new(Code::TemporarilyUnavailable, "login_page", "The login page is not configured.")
        })?;
        Ok(see_other(page.as_str()))
    }

    pub(crate) async fn current_user(
        &self,
        parts: &Parts,
        browser: &Browser,
    ) -> Result<Option<Session>, Refused> {
        match self.sign_in.login() {
            Login::Form => {
                let Some(session) = self.browsers.session(browser).await? else { return Ok(None) };
                Ok((!self.grants.is_signed_out(&session).await?).then_some(session))
            }
            Login::Page { .. } => {
                let began = self.clock.now();
                Ok(self.sign_in.user(parts).await.map(|user| Session::new(user, began)))
            }
        }
    }

    /// False also where it cannot be told.
    async fn is_signed_in(&self, parts: &Parts) -> bool {
        let Ok(browser) = self.browsers.of(parts) else { return false };
        matches!(self.current_user(parts, &browser).await, Ok(Some(_)))
    }

    pub(crate) fn check_form(
        &self,
        browser: &Browser,
        purpose: Purpose<'_>,
        query: &str,
        code: &str,
    ) -> Result<(), Problem> {
        if self.browsers.is_form_code(browser, purpose, query, code) {
            return Ok(());
        }
        let text = "This page is too old, or belongs to another browser or user.";
        Err(Problem::Page(StatusCode::FORBIDDEN, Refused::new(Code::AccessDenied, "form_foreign", text)))
    }

    /// A form that another site sends is refused before its code is looked at. `null` is what a browser says that hides where
    /// it comes from; the form's code decides then.
    pub(crate) fn check_origin(&self, parts: &Parts) -> Result<(), Problem> {
        let origins = parts.headers.get_all(header::ORIGIN);
        let foreign = origins.iter().any(|origin| origin != self.origin.as_str() && origin != "null");
        if foreign {
            let refused =
                Refused::new(Code::AccessDenied, "form_origin", "This form was sent from another site.");
            return Err(Problem::Page(StatusCode::FORBIDDEN, refused));
        }
        Ok(())
    }

    /// The client's redirect with an error (section 4.1.2.1) and `iss` (RFC 9207).
    fn error_redirect(&self, request: &AuthorizationRequest, refused: &Refused) -> String {
        self.redirect(request, &[("error", refused.code.as_str()), ("error_description", refused.text)])
    }

    pub(crate) fn redirect(&self, request: &AuthorizationRequest, parameters: &[(&str, &str)]) -> String {
        let mut url = request.redirect.clone();
        {
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(parameters);
            if let Some(state) = &request.state {
                pairs.append_pair("state", state);
            }
            pairs.append_pair("iss", &self.issuer);
        }
        url.into()
    }
}

/// The query for after the sign-in: the person has just signed in, so there is no need to ask for it again.
fn without_login_prompt(query: &str) -> String {
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name == "prompt" {
            let rest: Vec<&str> = value.split(' ').filter(|prompt| *prompt != "login").collect();
            if !rest.is_empty() {
                kept.append_pair("prompt", &rest.join(" "));
            }
        } else {
            kept.append_pair(&name, &value);
        }
    }
    kept.finish()
}
