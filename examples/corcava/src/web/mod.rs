//! The pages: sign-in, Settings → Integrations → Public API, and Settings → Audit log.
//!
//! 1. Everything works without script; the one script copies a key to the clipboard. Styles and script come from this origin,
//!    and nothing else is allowed to run.
//! 2. Every form carries a code of its browser's; one that makes a secret is answered once, within an hour.
//! 3. A key is shown in the answer to the form that made it, and never again. Answers are not cached.
//! 4. Another user's key is answered as one that does not exist.
//! 5. What is done here is recorded before it is done; revoking does not wait for a record that cannot be written.

mod activity;
mod activity_texts;
mod answer;
mod connections;
mod form;
mod incident;
mod keys;
mod language;
mod login;
mod pages;
mod texts;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use http::HeaderMap;
use mcp_auth_core::audit::Ticket;
use mcp_auth_core::http::TrustedProxies;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::api_key::ApiKeys;
use mcp_auth_provider::{LocalUsers, Provider};
use url::Url;

use crate::activity::{Activity, Deed};
use crate::domain::Domain;
use crate::environment::Environment;
use crate::sessions::{Browser, Sessions};
use answer::Failure;
use language::Language;

/// Where the keys are managed.
pub(crate) const SETTINGS: &str = "/settings/integrations/public-api";

/// What was called, by what, and how it ended.
pub(crate) const AUDIT: &str = "/settings/audit";

/// What was changed, and the way back.
pub(crate) const CHANGES: &str = "/settings/changes";

const MAX_FORM: usize = 16 * 1024;

/// What the pages work with.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) sessions: Sessions,
    pub(crate) users: Arc<LocalUsers>,
    pub(crate) keys: ApiKeys,
    pub(crate) environment: Environment,
    pub(crate) origin: Url,
    pub(crate) mcp_url: String,
    pub(crate) proxies: TrustedProxies,
    pub(crate) clock: Clock,
    pub(crate) domain: Domain,
    pub(crate) provider: Provider,
    pub(crate) activity: Option<Activity>,
}

/// A request, as the pages read it.
struct Visit {
    headers: HeaderMap,
    browser: Browser,
    language: Language,
    address: Option<IpAddr>,
}

impl Web {
    /// Mounts the pages.
    pub(crate) fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + Clone + use<> {
        let web = web::Data::new(self.clone());
        move |config| {
            let at = |path: &str| web::resource(format!("{SETTINGS}{path}"));
            config
                .app_data(web)
                .app_data(web::PayloadConfig::new(MAX_FORM))
                .route("/", web::get().to(|| async { answer::see_other(SETTINGS) }))
                .route("/assets/app.css", web::get().to(answer::style))
                .route("/assets/copy.js", web::get().to(answer::script))
                .service(
                    web::resource(crate::authority::LOGIN)
                        .route(web::get().to(login::show))
                        .route(web::post().to(login::sign_in)),
                )
                .route("/logout", web::post().to(login::sign_out))
                .service(at("").route(web::get().to(keys::list)))
                .service(at("/keys").route(web::post().to(keys::create)))
                .service(at("/keys/{id}").route(web::get().to(incident::show)))
                .route(CHANGES, web::get().to(incident::changes))
                .route(&format!("{CHANGES}/{{id}}/undo"), web::post().to(incident::undo))
                .service(at("/connections/{id}/end").route(web::post().to(connections::end)))
                .route(AUDIT, web::get().to(activity::show))
                .route(&format!("{AUDIT}/export"), web::get().to(activity::export))
                .service(at("/keys/{id}/rotate").route(web::post().to(keys::rotate)))
                .service(at("/keys/{id}/revoke").route(web::post().to(keys::revoke)));
        }
    }

    fn visit(&self, request: &HttpRequest) -> Result<Visit, Failure> {
        let headers = headers(request)?;
        let peer = request.peer_addr().map(|address| address.ip());
        Ok(Visit {
            browser: self.sessions.browser(&headers)?,
            language: Language::of(request.query_string(), &headers),
            address: peer.map(|peer| self.proxies.client(peer, &headers)),
            headers,
        })
    }

    /// The user who is signed in, or the way to the sign-in page.
    async fn signed_in(&self, visit: &Visit) -> Result<String, Failure> {
        self.sessions.user(&visit.browser).await?.ok_or(Failure::SignIn)
    }

    /// Records what `user` is about to do.
    async fn record(&self, visit: &Visit, user: &str, deed: Deed<'_>) -> Result<Option<Ticket>, Failure> {
        let Some(activity) = &self.activity else { return Ok(None) };
        let begun = activity.begin(self.provider.issuer(), user, visit.address, &deed).await;
        begun.map(Some).map_err(|error| {
            tracing::error!(%error, what = deed.what(), "it cannot be recorded");
            Failure::Unavailable
        })
    }

    /// Refuses a form that a page of another origin sent.
    fn check_origin(&self, visit: &Visit) -> Result<(), Failure> {
        let origin = visit.headers.get(http::header::ORIGIN);
        let own = self.origin.origin().ascii_serialization();
        match origin {
            Some(origin) if origin.as_bytes() != own.as_bytes() => Err(Failure::Forged),
            _ => Ok(()),
        }
    }
}

/// What the pages read of a request's head.
fn headers(request: &HttpRequest) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for name in ["cookie", "origin", "accept-language", "x-forwarded-for"] {
        for value in request.headers().get_all(name) {
            let value = http::HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Failure::Malformed)?;
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// What the handlers answer.
type Answered = Result<HttpResponse, Failure>;
