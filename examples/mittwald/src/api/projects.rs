//! What belongs to a project besides: backups and domains.

use std::time::SystemTime;

use humantime::format_rfc3339_millis;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Api, ApiError, Id, Listed};

/// A backup.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Backup {
    pub id: String,
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub requested_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    pub deletable: bool,
}

/// A schedule by which backups are made.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs)]
pub struct BackupSchedule {
    pub id: String,
    pub schedule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

/// A domain. The code that lets it move to another registrar is not read, nor are its owner's data.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Domain {
    pub domain_id: String,
    pub domain: String,
    pub connected: bool,
    pub nameservers: Vec<String>,
}

/// Each may fail with any [`ApiError`].
#[allow(clippy::missing_errors_doc)]
impl Api {
    /// `GET /projects/{id}/backups`
    pub async fn backups(&self, project: &Id) -> Result<Listed<Backup>, ApiError> {
        self.list(&["projects", project.as_str(), "backups"]).await
    }

    /// `POST /projects/{id}/backups`
    pub async fn create_backup(
        &self,
        project: &Id,
        expires: SystemTime,
        description: Option<&str>,
    ) -> Result<Backup, ApiError> {
        let mut body = json!({ "expirationTime": format_rfc3339_millis(expires).to_string() });
        if let (Some(text), Some(members)) = (description, body.as_object_mut()) {
            members.insert("description".to_owned(), text.into());
        }
        self.post(&["projects", project.as_str(), "backups"], &body).await
    }

    /// `GET /project-backups/{id}`
    pub async fn backup(&self, id: &Id) -> Result<Backup, ApiError> {
        self.get(&["project-backups", id.as_str()]).await
    }

    /// `DELETE /project-backups/{id}`
    pub async fn delete_backup(&self, id: &Id) -> Result<(), ApiError> {
        self.delete(&["project-backups", id.as_str()]).await
    }

    /// `POST /projects/{id}/backup-schedules`
    pub async fn create_backup_schedule(
        &self,
        project: &Id,
        schedule: &str,
        ttl: &str,
    ) -> Result<BackupSchedule, ApiError> {
        let body = json!({ "schedule": schedule, "ttl": ttl });
        self.post(&["projects", project.as_str(), "backup-schedules"], &body).await
    }

    /// `GET /domains`, of one project.
    pub async fn domains(&self, project: &Id) -> Result<Listed<Domain>, ApiError> {
        self.list_where(&["domains"], &[("projectId", project.as_str())]).await
    }
}
