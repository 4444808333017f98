//! The pages that a person sees: sign-in, consent, and what went wrong.
//!
//! 1. No script. One style sheet, inside the page, allowed by its hash.
//! 2. `form-action` names the page's own origin and, where a form's answer leads to a redirect, that redirect's origin or
//!    scheme: Chromium checks it after the form was sent, too.
//! 3. Nobody may frame them. They work on a phone, in light and in dark.
//! 4. What a client says of itself is text, bounded and without control or direction characters.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use url::Url;

const STYLE: &str = include_str!("../templates/style.css");

/// The sign-in page.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage<'a> {
    pub(crate) style: &'a str,
    pub(crate) action: &'a str,
    /// Who wants to be connected; none if the user comes for a page of this origin.
    pub(crate) client: Option<&'a str>,
    pub(crate) code: &'a str,
    pub(crate) name: &'a str,
    pub(crate) problem: Option<&'a str>,
}

/// The consent page.
#[derive(Template)]
#[template(path = "consent.html")]
pub(crate) struct ConsentPage<'a> {
    pub(crate) style: &'a str,
    pub(crate) action: &'a str,
    pub(crate) client: &'a str,
    pub(crate) is_unverified: bool,
    pub(crate) user: &'a str,
    pub(crate) redirect: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) scopes: &'a [(String, String)],
    pub(crate) code: &'a str,
}

/// What went wrong, for a person.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) style: &'a str,
    pub(crate) text: &'a str,
    /// Where the client is told, with its URL, if the person wants to go there.
    pub(crate) back: Option<(&'a str, &'a str)>,
}

/// Renders pages.
#[derive(Debug)]
pub(crate) struct Pages {
    style_source: String,
}

impl Pages {
    pub(crate) fn new() -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
        Self { style_source: format!("'sha256-{}'", STANDARD.encode(digest)) }
    }

    pub(crate) fn style(&self) -> &'static str {
        STYLE
    }

    /// Answers with a page whose forms may lead to `redirect`.
    pub(crate) fn answer(
        &self,
        status: StatusCode,
        page: &impl Template,
        redirect: Option<&str>,
    ) -> Response<Bytes> {
        let (status, html) = match page.render() {
            Ok(html) => (status, html),
            Err(error) => {
                tracing::error!(%error, "a page does not render");
                (StatusCode::INTERNAL_SERVER_ERROR, String::new())
            }
        };
        let mut response = Response::new(Bytes::from(html));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let leads_to = redirect.and_then(form_action).map(|source| format!(" {source}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src {}; form-action 'self'{leads_to}; frame-ancestors 'none'; base-uri 'none'",
            self.style_source
        );
        if let Ok(policy) = HeaderValue::try_from(policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "same-origin"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    /// A page that says what went wrong.
    pub(crate) fn error(&self, status: StatusCode, text: &str) -> Response<Bytes> {
        self.answer(status, &ErrorPage { style: self.style(), text, back: None }, None)
    }

    /// The same, with a link to the client at `place`.
    pub(crate) fn error_and_link(&self, text: &str, place: &str, url: &str) -> Response<Bytes> {
        let page = ErrorPage { style: self.style(), text, back: Some((place, url)) };
        self.answer(StatusCode::BAD_REQUEST, &page, None)
    }
}

/// The source expression for a redirect: its origin, or its scheme where it has no origin.
fn form_action(redirect: &str) -> Option<String> {
    let url = Url::parse(redirect).ok()?;
    let origin = url.origin();
    Some(if origin.is_tuple() { origin.ascii_serialization() } else { format!("{}:", url.scheme()) })
}

/// Text of a client's own, made safe to show: at most `max` characters, none that moves, hides or reverses others.
pub(crate) fn plain(text: &str, max: usize) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(*c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
            && !('\u{e0000}'..='\u{e007f}').contains(c)
    };
    text.chars().filter(is_shown).take(max).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_turn_the_page_around() {
        assert_eq!(plain(" Cl\u{202e}aude\n\u{200b} ", 200), "Claude");
        assert_eq!(plain("abc", 2), "ab");
    }

    #[test]
    fn private_schemes_are_sources_too() {
        assert_eq!(form_action("cursor://anysphere.cursor-mcp/oauth/callback").as_deref(), Some("cursor:"));
        assert_eq!(form_action("http://127.0.0.1:5000/callback").as_deref(), Some("http://127.0.0.1:5000"));
    }
}
