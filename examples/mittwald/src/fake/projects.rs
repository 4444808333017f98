//! `/servers`, `/projects`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Invalid, Problem, check};
use super::model::Project;
use super::page::Window;
use super::seed::new_project;
use super::stack::Stack;
use super::world::Shared;

pub(super) async fn servers(
    State(shared): State<Arc<Shared>>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    window.cut(shared.world().servers.clone())
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    window.cut(shared.world().projects.clone())
}

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Project>, Problem> {
    let mut world = shared.world();
    let project = world
        .projects
        .iter_mut()
        .find(|project| project.id == id || project.short_id == id)
        .ok_or_else(|| Problem::not_found("project"))?;
    project.note_read();
    Ok(Json(project.clone()))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewProject {
    description: Option<String>,
}

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    Path(server): Path<String>,
    body: Result<Json<NewProject>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewProject { description }) = body.map_err(|_| Problem::unreadable())?;
    let description = description.unwrap_or_default();
    let length = description.chars().count();
    check([(
        (1..=300).contains(&length),
        Invalid::new("description", "length", "must be 1 to 300 characters"),
    )])?;
    let mut world = shared.world();
    let server = world
        .servers
        .iter()
        .find(|known| known.id == server || known.short_id == server)
        .map(|known| known.id.clone())
        .ok_or_else(|| Problem::not_found("server"))?;
    let (number, id) = world.next_id();
    let project = new_project(100 + number, id.clone(), &server, &description);
    world.stacks.push(Stack::of_project(&project.id, &project.short_id));
    world.projects.push(project);
    count_projects(&mut world);
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response())
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let mut world = shared.world();
    let id = world
        .projects
        .iter()
        .find(|project| project.id == id || project.short_id == id)
        .map(|project| project.id.clone())
        .ok_or_else(|| Problem::not_found("project"))?;
    world.projects.retain(|project| project.id != id);
    world.apps.retain(|app| app.project_id != id);
    world.databases.retain(|database| database.project_id != id);
    world.stacks.retain(|stack| stack.project_id != id);
    world.backups.retain(|backup| backup.project_id != id);
    world.schedules.retain(|schedule| !schedule.is_of(&id));
    world.domains.retain(|domain| domain.project_id != id);
    count_projects(&mut world);
    Ok(StatusCode::NO_CONTENT)
}

fn count_projects(world: &mut super::world::World) {
    let count = world.projects.len();
    world.customers.iter_mut().for_each(|customer| customer.project_count = count);
}
