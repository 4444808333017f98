//! What the API answers with, as its OpenAPI document describes it (the members that clients read).

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub(super) user_id: String,
    pub(super) email: String,
    pub(super) person: Person,
    pub(super) is_employee: bool,
    pub(super) registered_at: &'static str,
    pub(super) customer_memberships: BTreeMap<String, Membership>,
    pub(super) project_memberships: BTreeMap<String, Membership>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    pub(super) first_name: String,
    pub(super) last_name: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Membership {
    pub(super) id: String,
    pub(super) role: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Customer {
    pub(super) customer_id: String,
    pub(super) customer_number: &'static str,
    pub(super) name: &'static str,
    pub(super) creation_date: &'static str,
    pub(super) member_count: usize,
    pub(super) project_count: usize,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) short_id: &'static str,
    pub(super) description: &'static str,
    pub(super) customer_id: String,
    pub(super) cluster_name: &'static str,
    pub(super) created_at: &'static str,
    pub(super) is_ready: bool,
    pub(super) status: &'static str,
    pub(super) storage: &'static str,
    pub(super) machine_type: MachineType,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct MachineType {
    pub(super) name: &'static str,
    pub(super) cpu: &'static str,
    pub(super) memory: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) short_id: String,
    pub(super) description: String,
    pub(super) created_at: &'static str,
    pub(super) customer_id: String,
    pub(super) server_id: String,
    pub(super) enabled: bool,
    pub(super) readiness: &'static str,
    pub(super) status: &'static str,
    pub(super) is_ready: bool,
    pub(super) directories: BTreeMap<&'static str, String>,
    #[serde(skip)]
    pub(super) reads: u32,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppInstallation {
    pub(super) id: String,
    pub(super) short_id: String,
    pub(super) project_id: String,
    pub(super) app_id: &'static str,
    pub(super) app_name: &'static str,
    pub(super) app_version: AppVersion,
    pub(super) created_at: &'static str,
    pub(super) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom_document_root: Option<String>,
    pub(super) installation_path: String,
    pub(super) phase: &'static str,
    pub(super) disabled: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct AppVersion {
    pub(super) current: &'static str,
    pub(super) desired: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Database {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) project_id: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) hostname: String,
    pub(super) external_hostname: String,
    pub(super) status: &'static str,
    pub(super) is_ready: bool,
    pub(super) created_at: &'static str,
    pub(super) updated_at: &'static str,
    pub(super) character_settings: CharacterSettings,
    pub(super) main_user: MainUser,
    #[serde(skip)]
    pub(super) reads: u32,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CharacterSettings {
    pub(super) character_set: &'static str,
    pub(super) collation: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MainUser {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) database_id: String,
    pub(super) access_level: &'static str,
}
