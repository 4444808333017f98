//! Answers of the pages, and what they say when something fails.

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use askama::Template;
use mcp_auth_core::store::StoreError;
use mcp_auth_core::verify::api_key::KeyError;

use crate::authority::{LOGIN, NEXT};
use crate::secret::NoRandomness;
use crate::sessions::SessionError;

use super::SETTINGS;

const STYLE: &str = include_str!("../../assets/app.css");
const SCRIPT: &str = include_str!("../../assets/copy.js");
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nobody is signed in.
    #[error("Sign in first.")]
    SignIn,
    /// The form is none of this browser's, or too old.
    #[error("This form is no longer good. Go back, reload the page, and send it again.")]
    Forged,
    /// What was sent is no form.
    #[error("This request cannot be read.")]
    Malformed,
    /// There is no such key, change or application of this user's.
    #[error("There is no such thing here.")]
    NotFound,
    /// The key cannot be changed any more, or was changed at the same time.
    #[error("The key has ended, or was changed at the same time. Look at the list.")]
    Conflict,
    /// What a change left is not as it was.
    #[error("This was changed later, or is undone already. Undo the later changes first.")]
    Changed,
    /// The store, or the machine.
    #[error("This does not work at the moment. Try again later.")]
    Unavailable,
}

impl Failure {
    fn german(&self) -> &'static str {
        match self {
            Self::SignIn => "Melde dich zuerst an.",
            Self::Forged => {
                "Dieses Formular gilt nicht mehr. Geh zurück, lade die Seite neu und sende es noch einmal."
            }
            Self::Malformed => "Diese Anfrage ist nicht lesbar.",
            Self::NotFound => "Das gibt es hier nicht.",
            Self::Conflict => {
                "Der Schlüssel gilt nicht mehr, oder er wurde zugleich geändert. Sieh in der Liste nach."
            }
            Self::Changed => {
                "Das wurde später geändert oder ist schon zurückgenommen. Nimm zuerst die späteren Änderungen zurück."
            }
            Self::Unavailable => "Das geht gerade nicht. Versuche es später noch einmal.",
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
        Self::Unavailable
    }
}

impl From<NoRandomness> for Failure {
    fn from(error: NoRandomness) -> Self {
        tracing::error!(%error, "no session can be made");
        Self::Unavailable
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Store(error) => error.into(),
            SessionError::Randomness(error) => error.into(),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NotFound => Self::NotFound,
            KeyError::Ended | KeyError::Changed => Self::Conflict,
            KeyError::Invalid { .. } => Self::Malformed,
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "a key cannot be managed");
                Self::Unavailable
            }
        }
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::SEE_OTHER,
            Self::Forged => StatusCode::FORBIDDEN,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict | Self::Changed => StatusCode::CONFLICT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if matches!(self, Self::SignIn) {
            return see_other(&format!("{LOGIN}?{NEXT}={SETTINGS}"));
        }
        let problem =
            super::pages::Problem { english: self.to_string(), german: self.german(), settings: SETTINGS };
        page(self.status_code(), &problem)
    }
}

/// A page.
pub(super) fn page(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => safe(status).insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(html),
        Err(error) => {
            tracing::error!(%error, "a page does not render");
            safe(StatusCode::INTERNAL_SERVER_ERROR).finish()
        }
    }
}

/// Sends the browser elsewhere, always with GET.
pub(super) fn see_other(path: &str) -> HttpResponse {
    safe(StatusCode::SEE_OTHER).insert_header((LOCATION, path)).finish()
}

/// Something to keep, under a name.
pub(super) fn file(name: &'static str, kind: &'static str, body: impl MessageBody + 'static) -> HttpResponse {
    let kept = format!("attachment; filename=\"{name}\"");
    safe(StatusCode::OK)
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_DISPOSITION, kept))
        .body(body)
}

pub(super) async fn style(_: HttpRequest) -> HttpResponse {
    asset("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script(_: HttpRequest) -> HttpResponse {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

fn asset(kind: &'static str, text: &'static str) -> HttpResponse {
    let mut builder = safe(StatusCode::OK);
    builder.insert_header((CACHE_CONTROL, "no-cache")).insert_header((CONTENT_TYPE, kind)).body(text)
}

fn safe(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    for header in [
        ("content-security-policy", POLICY),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        builder.insert_header(header);
    }
    builder
}
