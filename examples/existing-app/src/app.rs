//! The service as it was: a page, a small JSON API, sessions.

use askama::Template;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use axum_login::{AuthManagerLayer, AuthManagerLayerBuilder};
use tower_sessions::cookie::SameSite;
use tower_sessions::{MemoryStore, SessionManagerLayer};

use crate::login::{self, Session};
use crate::notes::Notes;
use crate::users::Users;

/// The service's routes. They expect the layer of [`sessions`] around them.
pub(crate) fn routes(notes: Notes) -> Router {
    Router::new()
        .route("/", get(page).post(add))
        .route("/api/notes", get(list))
        .route("/login", get(login::form).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .with_state(notes)
        .layer(DefaultBodyLimit::max(16 * 1024))
        .layer(from_fn(same_site))
        .layer(map_response(with_policy))
}

/// The layer that knows users by a cookie. `Lax`, because a sign-in may begin on another site.
pub(crate) fn sessions(users: Users, is_https: bool) -> AuthManagerLayer<Users, MemoryStore> {
    let sessions = SessionManagerLayer::new(MemoryStore::default())
        .with_name("notes-session")
        .with_same_site(SameSite::Lax)
        .with_secure(is_https);
    AuthManagerLayerBuilder::new(users, sessions).build()
}

#[derive(Template)]
#[template(path = "notes.html")]
struct NotesPage<'a> {
    name: &'a str,
    notes: &'a [String],
}

async fn page(session: Session, State(notes): State<Notes>) -> Response {
    match session.user {
        Some(user) => html(&NotesPage { name: &user.name, notes: &notes.of(&user.id) }),
        None => Redirect::to("/login?next=/").into_response(),
    }
}

#[derive(serde::Deserialize)]
struct NewNote {
    text: String,
}

async fn add(session: Session, State(notes): State<Notes>, Form(note): Form<NewNote>) -> Response {
    match session.user {
        Some(user) if notes.add(&user.id, &note.text) => Redirect::to("/").into_response(),
        Some(_) => StatusCode::INSUFFICIENT_STORAGE.into_response(),
        None => Redirect::to("/login?next=/").into_response(),
    }
}

async fn list(session: Session, State(notes): State<Notes>) -> Result<Json<Vec<String>>, StatusCode> {
    let user = session.user.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(notes.of(&user.id)))
}

/// Renders a page.
pub(crate) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Refuses what a browser says another site has sent: nobody is signed in or out, or given a note, from elsewhere.
async fn same_site(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    match site {
        Some(b"cross-site" | b"same-site") if !request.method().is_safe() => {
            StatusCode::FORBIDDEN.into_response()
        }
        _ => next.run(request).await,
    }
}

/// The service's own pages: no script, no frame, forms to itself.
async fn with_policy(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
