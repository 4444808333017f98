//! `/projects/{id}/backups`, `/projects/{id}/backup-schedules`, `/project-backups/{id}`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::{Invalid, Problem, check};
use super::page::Window;
use super::seed::EPOCH;
use super::world::{READS_UNTIL_READY, Shared};

const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Backup {
    pub(super) id: String,
    pub(super) project_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) status: &'static str,
    pub(super) requested_at: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<&'static str>,
    pub(super) expires_at: String,
    pub(super) deletable: bool,
    #[serde(skip)]
    pub(super) reads: u32,
}

impl Backup {
    fn read(&mut self) -> Self {
        self.reads = self.reads.saturating_add(1);
        if self.reads > READS_UNTIL_READY {
            (self.status, self.created_at) = ("Completed", Some(EPOCH));
        }
        self.clone()
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    id: String,
    project_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    schedule: String,
    ttl: String,
    is_system_backup: bool,
    created_at: &'static str,
    updated_at: &'static str,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let mut world = shared.world();
    let project = world.project_id(&project)?;
    window.cut(world.backups.iter_mut().filter(|backup| backup.project_id == project).map(Backup::read))
}

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Backup>, Problem> {
    let mut world = shared.world();
    let backup = world.backups.iter_mut().find(|backup| backup.id == id);
    backup.map(|backup| Json(backup.read())).ok_or_else(|| Problem::not_found("backup"))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewBackup {
    description: Option<String>,
    expiration_time: Option<String>,
}

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    body: Result<Json<NewBackup>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewBackup { description, expiration_time }) = body.map_err(|_| Problem::unreadable())?;
    let expires_at = expiration_time.unwrap_or_default();
    let left =
        humantime::parse_rfc3339(&expires_at).ok().and_then(|at| at.duration_since(SystemTime::now()).ok());
    // A minute for the way here.
    let within = left.is_some_and(|left| (7 * DAY..=366 * DAY).contains(&(left + Duration::from_secs(60))));
    let mut world = shared.world();
    let project_id = world.project_id(&project)?;
    check([
        (
            within,
            Invalid::new("expirationTime", "range", "must be a time in at least 7 days and at most one year"),
        ),
        (
            description.as_deref().is_none_or(|text| !text.is_empty()),
            Invalid::new("description", "length", "must not be empty"),
        ),
    ])?;
    let (_, id) = world.next_id();
    let backup = Backup {
        id,
        project_id,
        description,
        status: "Pending",
        requested_at: EPOCH,
        created_at: None,
        expires_at,
        deletable: true,
        reads: 0,
    };
    world.backups.push(backup.clone());
    Ok((StatusCode::CREATED, Json(backup)).into_response())
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let mut world = shared.world();
    let backup = world.backups.iter().find(|backup| backup.id == id);
    if !backup.ok_or_else(|| Problem::not_found("backup"))?.deletable {
        return Err(Problem::forbidden());
    }
    world.backups.retain(|backup| backup.id != id);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct NewSchedule {
    description: Option<String>,
    schedule: Option<String>,
    ttl: Option<String>,
}

pub(super) async fn schedule(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    body: Result<Json<NewSchedule>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewSchedule { description, schedule, ttl }) = body.map_err(|_| Problem::unreadable())?;
    let (schedule, ttl) = (schedule.unwrap_or_default(), ttl.unwrap_or_default());
    let mut world = shared.world();
    let project_id = world.project_id(&project)?;
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let hourly = fields.first().is_some_and(|minute| minute.parse::<u8>().is_ok_and(|minute| minute < 60));
    let days = ttl.strip_suffix('d').and_then(|days| days.parse::<u16>().ok());
    check([
        (fields.len() == 5 && hourly, Invalid::new("schedule", "cron", "must be due at most once an hour")),
        (
            days.is_some_and(|days| (7..=365).contains(&days)),
            Invalid::new("ttl", "range", "must be 7d to 365d"),
        ),
    ])?;
    let (_, id) = world.next_id();
    let schedule = Schedule {
        id,
        project_id,
        description,
        schedule,
        ttl,
        is_system_backup: false,
        created_at: EPOCH,
        updated_at: EPOCH,
    };
    world.schedules.push(schedule.clone());
    Ok((StatusCode::CREATED, Json(schedule)).into_response())
}

/// Every schedule of a project.
pub(super) async fn schedules(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let world = shared.world();
    let project = world.project_id(&project)?;
    window.cut(world.schedules.iter().filter(|schedule| schedule.project_id == project).cloned())
}

impl Schedule {
    pub(super) fn is_of(&self, project: &str) -> bool {
        self.project_id == project
    }
}
