//! Signing in and out.

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, SET_COOKIE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use mcp_auth_provider::{SignIn, SignInError};
use secrecy::SecretString;
use url::Position;

use super::answer::{Failure, page, see_other};
use super::form::Form;
use super::pages::{Chrome, LoginPage, with_cookies};
use super::{Answered, SETTINGS, Visit, Web};
use crate::authority::{LOGIN, NEXT};

const SIGN_IN: &str = "sign-in";
pub(super) const SIGN_OUT: &str = "sign-out";

pub(super) async fn show(web: Data<Web>, request: HttpRequest) -> Answered {
    let visit = web.visit(&request)?;
    let next = Form::read(request.query_string().as_bytes())?.get(NEXT)?.to_owned();
    Ok(form(&web, &visit, StatusCode::OK, &next, "", None))
}

pub(super) async fn sign_in(web: Data<Web>, request: HttpRequest, body: Bytes) -> Answered {
    let visit = web.visit(&request)?;
    web.check_origin(&visit)?;
    let sent = Form::read(&body)?;
    if !visit.browser.is_form_code(SIGN_IN, sent.get("form")?) {
        return Err(Failure::Forged);
    }
    let (name, next) = (sent.get("username")?, sent.get(NEXT)?);
    let password = SecretString::from(sent.get("password")?);
    let texts = visit.language.texts();
    let checked = web.users.check(name, &password, visit.address).await;
    match &checked {
        Ok(user) => tracing::info!(user = user.subject, address = ?visit.address, "a user signed in"),
        Err(error) => {
            metrics::counter!("corcava_sign_in_failed_total").increment(1);
            tracing::info!(kind = "sign_in_failed", address = ?visit.address, "refused: {error}");
        }
    }
    match checked {
        Ok(user) => {
            let browser = web.sessions.sign_in(&visit.browser, &user.subject).await?;
            let mut answer = see_other(&way(&web, next));
            if let Ok(cookie) = web.sessions.set_cookie(&browser).parse() {
                answer.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(answer)
        }
        Err(SignInError::Throttled { retry_after }) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut answer = form(&web, &visit, status, next, name, Some(texts.throttled));
            answer.headers_mut().insert(RETRY_AFTER, retry_after.as_secs().max(1).into());
            Ok(answer)
        }
        Err(SignInError::Wrong) => {
            Ok(form(&web, &visit, StatusCode::UNAUTHORIZED, next, name, Some(texts.wrong)))
        }
        Err(_) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Ok(form(&web, &visit, status, next, name, Some(texts.unavailable)))
        }
    }
}

pub(super) async fn sign_out(web: Data<Web>, request: HttpRequest, body: Bytes) -> Answered {
    let visit = web.visit(&request)?;
    web.check_origin(&visit)?;
    if !visit.browser.is_form_code(SIGN_OUT, Form::read(&body)?.get("form")?) {
        return Err(Failure::Forged);
    }
    web.sessions.sign_out(&visit.browser).await?;
    Ok(see_other(LOGIN))
}

fn form(
    web: &Web,
    visit: &Visit,
    status: StatusCode,
    next: &str,
    name: &str,
    problem: Option<&str>,
) -> HttpResponse {
    let shown = LoginPage {
        chrome: Chrome::new(visit, None, LOGIN),
        action: LOGIN,
        code: visit.browser.form_code(SIGN_IN),
        next,
        name,
        problem,
    };
    with_cookies(web, visit, page(status, &shown))
}

/// Where to go after signing in: a path on this origin, or the settings. A path that begins with two slashes would be
/// another host to a browser, and dot segments can leave one.
fn way(web: &Web, next: &str) -> String {
    let url =
        web.origin.join(next).ok().filter(|url| !next.is_empty() && url.origin() == web.origin.origin());
    let path = url.as_ref().map(|url| &url[Position::BeforePath..Position::AfterQuery]);
    path.filter(|path| !path.starts_with("//")).unwrap_or(SETTINGS).to_owned()
}
