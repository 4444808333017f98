//! `/users/self/api-tokens`, and which of them a request presents.
//!
//! 1. A token has roles: `api_read` is needed for everything, `api_write` for what changes something.
//! 2. `POST /users/self/credentials/token` names the token that is presented, `GET /users/self/api-tokens/{id}` its roles.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::{Extension, Json};
use http::StatusCode;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Problem;
use super::page::Window;
use super::seed::EPOCH;
use super::world::Shared;

/// An API token of the user.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiToken {
    #[serde(rename = "apiTokenId")]
    pub(super) id: &'static str,
    pub(super) description: &'static str,
    pub(super) roles: &'static [&'static str],
    pub(super) created_at: &'static str,
    pub(super) expires_at: &'static str,
    #[serde(skip)]
    pub(super) secret: SecretString,
}

impl ApiToken {
    pub(super) fn new(
        id: &'static str,
        description: &'static str,
        roles: &'static [&'static str],
        secret: SecretString,
    ) -> Self {
        Self { id, description, roles, created_at: EPOCH, expires_at: "2099-12-31T00:00:00.000Z", secret }
    }
}

/// The token that a request presents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presented {
    pub(super) id: &'static str,
    roles: &'static [&'static str],
}

impl Presented {
    pub(super) fn may_read(self) -> bool {
        self.roles.contains(&"api_read")
    }

    pub(super) fn may_write(self) -> bool {
        self.roles.contains(&"api_write")
    }
}

impl From<&ApiToken> for Presented {
    fn from(token: &ApiToken) -> Self {
        Self { id: token.id, roles: token.roles }
    }
}

pub(super) async fn check(Extension(presented): Extension<Presented>) -> Json<Value> {
    Json(json!({ "id": presented.id }))
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    window.cut(shared.world().tokens.clone())
}

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<ApiToken>, Problem> {
    let world = shared.world();
    let token = world.tokens.iter().find(|token| token.id == id);
    token.map(|token| Json(token.clone())).ok_or_else(|| Problem::not_found("token"))
}

pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let mut world = shared.world();
    let before = world.tokens.len();
    world.tokens.retain(|token| token.id != id);
    if world.tokens.len() < before { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("token")) }
}
