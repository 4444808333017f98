//! Pages and redirects.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::Pending;
use super::words::Words;

const STYLE: &str = include_str!("../../../../templates/approval.css");

#[derive(Template)]
#[template(path = "approval.html")]
struct Page<'a> {
    style: &'a str,
    words: &'a Words,
    title: &'a str,
    text: Option<&'a str>,
    form: Option<&'a Form<'a>>,
    visitor: Option<&'a Visitor>,
}

/// The question, and where its answer goes.
pub(super) struct Form<'a> {
    pub(super) asked: &'a Pending,
    /// Safe to show.
    pub(super) client_name: Option<String>,
    pub(super) action: &'a str,
    pub(super) id: &'a str,
    pub(super) code: &'a str,
    /// What was wrong with the last answer.
    pub(super) problem: Option<&'a str>,
}

/// Who looks at a page.
pub(super) struct Visitor {
    /// Safe to show.
    pub(super) name: String,
    /// Where somebody else signs in.
    pub(super) other: Option<String>,
}

/// Renders what a person sees.
pub(super) struct Answers {
    policy: HeaderValue,
}

impl Answers {
    pub(super) fn new() -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            STANDARD.encode(digest)
        );
        // Base64 is always a header's value; without a style the page still works.
        let plain = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
        Self { policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(plain)) }
    }

    /// A page that says one thing, and to whom.
    pub(super) fn message(
        &self,
        status: StatusCode,
        words: &Words,
        text: &str,
        visitor: Option<&Visitor>,
    ) -> Response<Bytes> {
        let (title, text) = (words.title, Some(text));
        self.render(status, &Page { style: STYLE, words, title, text, form: None, visitor })
    }

    /// The question.
    pub(super) fn question(&self, words: &Words, form: &Form<'_>, visitor: &Visitor) -> Response<Bytes> {
        let title = words.question.replace("{}", &form.asked.tool);
        let status = if form.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let (form, visitor) = (Some(form), Some(visitor));
        self.render(status, &Page { style: STYLE, words, title: &title, text: None, form, visitor })
    }

    /// Neither GET nor POST.
    pub(super) fn not_allowed(&self, words: &Words) -> Response<Bytes> {
        let mut response = self.message(StatusCode::METHOD_NOT_ALLOWED, words, words.nothing, None);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        response
    }

    /// Leads the browser on with a GET.
    pub(super) fn redirect(&self, url: &str) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        match HeaderValue::try_from(url) {
            Ok(url) => {
                *response.status_mut() = StatusCode::SEE_OTHER;
                response.headers_mut().insert(header::LOCATION, url);
            }
            Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        }
        self.protect(response)
    }

    fn render(&self, status: StatusCode, page: &Page<'_>) -> Response<Bytes> {
        let (status, html) = match page.render() {
            Ok(html) => (status, html),
            Err(error) => {
                tracing::error!(%error, "a page does not render");
                (StatusCode::INTERNAL_SERVER_ERROR, String::new())
            }
        };
        let mut response = Response::new(Bytes::from(html));
        *response.status_mut() = status;
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        self.protect(response)
    }

    fn protect(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "same-origin"),
            (header::VARY, "Accept-Language, Cookie"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
