//! What the tools show of the API's objects. Members are named as in the API's document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A list and how many there are upstream.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// What was read, at most a thousand.
    pub items: Vec<T>,
    /// How many there are.
    pub total: usize,
}

/// A user.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct User {
    pub user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub person: Person,
    #[serde(default)]
    pub customer_memberships: BTreeMap<String, Value>,
    #[serde(default)]
    pub project_memberships: BTreeMap<String, Value>,
}

/// A user's name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Person {
    pub first_name: String,
    pub last_name: String,
}

/// A server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Server {
    pub id: String,
    pub short_id: String,
    pub description: String,
    pub customer_id: String,
    pub status: String,
}

/// A customer, which the tools call organisation.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Customer {
    pub customer_id: String,
    pub customer_number: String,
    pub name: String,
    pub member_count: u64,
    pub project_count: u64,
}

/// A project, in a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ProjectSummary {
    pub id: String,
    pub short_id: String,
    pub description: String,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    pub enabled: bool,
    pub readiness: String,
}

/// A project.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Project {
    #[serde(flatten)]
    pub summary: ProjectSummary,
    pub customer_id: String,
    pub status: String,
    pub is_ready: bool,
    pub directories: BTreeMap<String, String>,
}

/// An installed app.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct App {
    pub id: String,
    pub short_id: String,
    pub app_name: String,
    pub app_version: AppVersion,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_document_root: Option<String>,
    pub phase: String,
    pub disabled: bool,
}

/// An app's versions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs)]
pub struct AppVersion {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    pub desired: String,
}

/// A MySQL database.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Database {
    pub id: String,
    pub name: String,
    pub description: String,
    pub version: String,
    pub hostname: String,
    pub status: String,
    pub is_ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_user: Option<DatabaseUser>,
}

/// A user of a database.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct DatabaseUser {
    pub id: String,
    pub name: String,
    pub access_level: String,
}

/// An API token of the user: what it is, not the token itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ApiToken {
    pub api_token_id: String,
    pub description: String,
    pub roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// The id of what was created.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs)]
pub struct Created {
    pub id: String,
}

/// The ids of a database that was created, and of its user.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct NewDatabase {
    pub id: String,
    pub user_id: String,
}
