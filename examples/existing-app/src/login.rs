//! The service's own sign-in.
//!
//! 1. The form is shown also to who is signed in: a person may be asked to sign in again.
//! 2. Afterwards it goes to `next`, if that is a path of this service; otherwise to the first page.

use askama::Template;
use axum::Form;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_login::AuthSession;
use serde::Deserialize;

use crate::app::html;
use crate::users::{Credentials, Users};

/// What axum-login's layer puts into each request.
pub(crate) type Session = AuthSession<Users>;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    next: &'a str,
    problem: Option<&'a str>,
}

#[derive(Deserialize)]
pub(crate) struct Next {
    next: Option<String>,
}

/// GET /login
pub(crate) async fn form(Query(Next { next }): Query<Next>) -> Response {
    html(&LoginPage { next: local(next.as_deref()), problem: None })
}

/// POST /login
pub(crate) async fn sign_in(mut session: Session, Form(credentials): Form<Credentials>) -> Response {
    let next = local(credentials.next.as_deref()).to_owned();
    let signed_in = match session.authenticate(credentials).await {
        Ok(Some(user)) => session.login(&user).await.map(|()| true),
        Ok(None) => Ok(false),
        Err(error) => Err(error),
    };
    match signed_in {
        Ok(true) => Redirect::to(&next).into_response(),
        Ok(false) => {
            let problem = Some("The name or the password is wrong.");
            (StatusCode::UNPROCESSABLE_ENTITY, html(&LoginPage { next: &next, problem })).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// POST /logout
pub(crate) async fn sign_out(mut session: Session) -> Response {
    match session.logout().await {
        Ok(_) => Redirect::to("/login").into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// `next`, if it is a path of this service, else the first page. Browsers read `//host`, `/\host` and `/<tab>/host` as another
/// host; what is written in visible ASCII with one slash at the start and no backslash is none of them.
fn local(next: Option<&str>) -> &str {
    next.filter(|path| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    })
    .unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn only_paths_of_this_service_are_gone_to() {
        for path in ["/", "/authorize?client_id=a&state=%2F%5C", "/a//b"] {
            assert_eq!(local(Some(path)), path);
        }
        let foreign = [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "javascript:alert(1)",
            "evil.example",
            "",
            "/é",
        ];
        for next in foreign {
            assert_eq!(local(Some(next)), "/", "{next:?}");
        }
        assert_eq!(local(None), "/");
    }
}
