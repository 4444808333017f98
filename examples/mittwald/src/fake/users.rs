//! `/users`, `/customers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;

use super::answer::Problem;
use super::model::User;
use super::page::Window;
use super::world::Shared;

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<User>, Problem> {
    let world = shared.world();
    if id == "self" || id == world.user.user_id {
        Ok(Json(world.user.clone()))
    } else {
        Err(Problem::not_found("user"))
    }
}

pub(super) async fn customers(
    State(shared): State<Arc<Shared>>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    window.cut(shared.world().customers.clone())
}
