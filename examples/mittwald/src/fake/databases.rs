//! `/mysql-databases`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Invalid, Problem, check};
use super::model::Database;
use super::page::Window;
use super::seed::new_database;
use super::world::Shared;

const VERSIONS: [&str; 3] = ["5.7", "8.0", "8.4"];

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let world = shared.world();
    let project = world.project_id(&project)?;
    window.cut(world.databases.iter().filter(|database| database.project_id == project).cloned())
}

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Database>, Problem> {
    let mut world = shared.world();
    let database = world
        .databases
        .iter_mut()
        .find(|database| database.id == id || database.name == id)
        .ok_or_else(|| Problem::not_found("database"))?;
    database.note_read();
    Ok(Json(database.clone()))
}

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    database: Option<NewDatabase>,
    user: Option<NewUser>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct NewDatabase {
    description: Option<String>,
    version: Option<String>,
}

/// The password is checked and forgotten: nothing here ever uses it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewUser {
    password: Option<String>,
    access_level: Option<String>,
}

impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser").field("access_level", &self.access_level).finish_non_exhaustive()
    }
}

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    body: Result<Json<Create>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Create { database, user }) = body.map_err(|_| Problem::unreadable())?;
    let (database, user) = (database.unwrap_or_default(), user.unwrap_or_default());
    let description = database.description.unwrap_or_default();
    let version = database.version.unwrap_or_default();
    let level = user.access_level.unwrap_or_default();
    let password = user.password.unwrap_or_default();
    let strong = password.len() >= 8
        && password.chars().any(|c| c.is_ascii_digit())
        && password.chars().any(|c| c.is_ascii_lowercase())
        && password.chars().any(|c| c.is_ascii_uppercase());
    let mut world = shared.world();
    let project = world.project_id(&project)?;
    check([
        (!description.is_empty(), Invalid::new("database.description", "required", "must not be empty")),
        (
            VERSIONS.contains(&version.as_str()),
            Invalid::new("database.version", "enum", "must be 5.7, 8.0 or 8.4"),
        ),
        (
            ["full", "readonly"].contains(&level.as_str()),
            Invalid::new("user.accessLevel", "enum", "must be full or readonly"),
        ),
        (
            strong,
            Invalid::new("user.password", "strength", "must have 8 characters: digits, upper and lower case"),
        ),
    ])?;
    let (number, id) = world.next_id();
    let database = new_database(100 + number, id, &project, &description, &version);
    let answer = json!({ "id": database.id, "userId": database.main_user.id });
    world.databases.push(database);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let mut world = shared.world();
    let before = world.databases.len();
    world.databases.retain(|database| database.id != id && database.name != id);
    if world.databases.len() < before {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("database"))
    }
}
