//! `/app-installations`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::answer::{Invalid, Problem, check};
use super::model::AppInstallation;
use super::page::Window;
use super::world::{Shared, World};

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let world = shared.world();
    let project = world.project_id(&project)?;
    window.cut(world.apps.iter().filter(|app| app.project_id == project).cloned())
}

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<AppInstallation>, Problem> {
    find(&mut shared.world(), &id).map(|app| Json(app.clone()))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    description: Option<String>,
    custom_document_root: Option<String>,
}

pub(super) async fn update(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Result<Json<Update>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(update) = body.map_err(|_| Problem::unreadable())?;
    let mut world = shared.world();
    let app = find(&mut world, &id)?;
    let root = update.custom_document_root.as_deref();
    check([
        (
            update.description.as_deref().is_none_or(|text| !text.is_empty()),
            Invalid::new("description", "length", "must not be empty"),
        ),
        (
            root.is_none_or(|root| root.starts_with('/') && !root.contains("..")),
            Invalid::new("customDocumentRoot", "pattern", "must be an absolute path"),
        ),
    ])?;
    if let Some(description) = update.description {
        app.description = description;
    }
    if update.custom_document_root.is_some() {
        app.custom_document_root = update.custom_document_root;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn uninstall(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let mut world = shared.world();
    let id = find(&mut world, &id)?.id.clone();
    world.apps.retain(|app| app.id != id);
    Ok(StatusCode::NO_CONTENT)
}

fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut AppInstallation, Problem> {
    world
        .apps
        .iter_mut()
        .find(|app| app.id == id || app.short_id == id)
        .ok_or_else(|| Problem::not_found("app installation"))
}
