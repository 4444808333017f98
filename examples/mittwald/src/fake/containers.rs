//! `/projects/{id}/services`, `/projects/{id}/stacks`, and the services of a stack.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;

use super::answer::{Invalid, Problem, check};
use super::declare::{self, Declaration};
use super::page::Window;
use super::stack::{Service, Stack};
use super::world::{Shared, World};

pub(super) async fn services(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let mut world = shared.world();
    let project = world.project_id(&project)?;
    let stacks = world.stacks.iter_mut().filter(|stack| stack.project_id == project);
    window.cut(stacks.flat_map(|stack| stack.services.iter_mut().map(Service::read)))
}

pub(super) async fn stacks(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let mut world = shared.world();
    let project = world.project_id(&project)?;
    window.cut(world.stacks.iter_mut().filter(|stack| stack.project_id == project).map(Stack::read))
}

pub(super) async fn stack(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Stack>, Problem> {
    find(&mut shared.world(), &id).map(|stack| Json(stack.read()))
}

pub(super) async fn declare(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Result<Json<Declaration>, JsonRejection>,
) -> Result<Json<Stack>, Problem> {
    let Json(declaration) = body.map_err(|_| Problem::unreadable())?;
    let mut world = shared.world();
    find(&mut world, &id)?;
    declare::check(&declaration)?;
    let numbers: Vec<_> =
        (0..declaration.services.len() + declaration.volumes.len()).map(|_| world.next_id()).collect();
    let stack = find(&mut world, &id)?;
    stack.declare(declaration, numbers);
    Ok(Json(stack.read()))
}

/// How many lines, as it was written.
#[derive(Debug, Deserialize)]
pub(super) struct Tail {
    tail: Option<String>,
}

pub(super) async fn logs(
    State(shared): State<Arc<Shared>>,
    Path((stack, id)): Path<(String, String)>,
    query: Result<Query<Tail>, QueryRejection>,
) -> Result<Response, Problem> {
    let tail = query.map_err(|_| Problem::unreadable())?.0.tail;
    let tail = tail.map(|tail| tail.parse::<usize>());
    check([(
        tail.as_ref().is_none_or(|tail| tail.as_ref().is_ok_and(|tail| *tail > 0)),
        Invalid::new("tail", "range", "must be an integer of at least 1"),
    )])?;
    let mut world = shared.world();
    let lines = service(&mut world, &stack, &id)?.logs();
    let tail = tail.and_then(Result::ok).unwrap_or(lines.len());
    let text: String =
        lines.iter().skip(lines.len().saturating_sub(tail)).map(|line| format!("{line}\n")).collect();
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

pub(super) async fn restart(
    State(shared): State<Arc<Shared>>,
    Path((stack, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    service(&mut shared.world(), &stack, &id)?.restart();
    Ok(StatusCode::NO_CONTENT)
}

fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Stack, Problem> {
    world.stacks.iter_mut().find(|stack| stack.id == id).ok_or_else(|| Problem::not_found("stack"))
}

fn service<'a>(world: &'a mut World, stack: &str, id: &str) -> Result<&'a mut Service, Problem> {
    find(world, stack)?
        .services
        .iter_mut()
        .find(|service| service.id == id || service.short_id == id)
        .ok_or_else(|| Problem::not_found("service"))
}
