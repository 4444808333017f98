//! The shapes of the API's document, written down once more: members that are missing, unknown or of another type fail.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

macro_rules! shape {
    ($name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct $name { $($field: $kind),* }
    };
}

shape!(User {
    user_id: Uuid, email: String, person: Person, is_employee: bool, registered_at: String,
    customer_memberships: BTreeMap<Uuid, Membership>, project_memberships: BTreeMap<Uuid, Membership>,
});
shape!(Person { first_name: String, last_name: String });
shape!(Membership { id: Uuid, role: Role });
shape!(Customer {
    customer_id: Uuid,
    customer_number: String,
    name: String,
    creation_date: String,
    member_count: u64,
    project_count: u64,
});
shape!(Server {
    id: Uuid,
    short_id: String,
    description: String,
    customer_id: Uuid,
    cluster_name: String,
    created_at: String,
    is_ready: bool,
    status: ServerStatus,
    storage: String,
    machine_type: MachineType,
});
shape!(MachineType { name: String, cpu: String, memory: String });
shape!(Project {
    id: Uuid, short_id: String, description: String, created_at: String, customer_id: Uuid, server_id: Uuid,
    enabled: bool, readiness: Readiness, status: ProjectStatus, is_ready: bool, directories: BTreeMap<String, String>,
});
shape!(App {
    id: Uuid, short_id: String, project_id: Uuid, app_id: Uuid, app_name: String, app_version: AppVersion,
    created_at: String, description: String, custom_document_root: Option<String>, installation_path: String,
    phase: Phase, disabled: bool,
});
shape!(AppVersion { current: Option<String>, desired: String });
shape!(Database {
    id: Uuid,
    name: String,
    project_id: Uuid,
    description: String,
    version: String,
    hostname: String,
    external_hostname: String,
    status: DatabaseStatus,
    is_ready: bool,
    created_at: String,
    updated_at: String,
    character_settings: CharacterSettings,
    main_user: MainUser,
});
shape!(CharacterSettings { character_set: String, collation: String });
shape!(MainUser { id: Uuid, name: String, database_id: Uuid, access_level: AccessLevel });
shape!(ApiToken {
    api_token_id: Uuid, description: String, roles: Vec<ApiRole>, created_at: String, expires_at: String,
});
shape!(Stack {
    id: Uuid, project_id: Uuid, description: String, disabled: bool, prefix: String, services: Vec<Service>,
    volumes: Vec<Volume>,
});
shape!(Service {
    id: Uuid, short_id: String, project_id: Uuid, stack_id: Uuid, service_name: String, description: String,
    status: ServiceStatus, status_set_at: String, requires_recreate: bool, restart_policy: Option<RestartPolicy>,
    deploy: Option<Value>, deployed_state: ServiceState, pending_state: ServiceState,
});
shape!(ServiceState {
    image: String, command: Option<Vec<String>>, entrypoint: Option<Vec<String>>, envs: BTreeMap<String, String>,
    ports: Vec<String>, volumes: Vec<String>,
});
shape!(Volume {
    id: Uuid, name: String, stack_id: Uuid, orphaned: bool, linked_services: Vec<Uuid>,
    storage_usage_in_bytes: u64, storage_usage_in_bytes_set_at: String,
});
shape!(Backup {
    id: Uuid, project_id: Uuid, description: Option<String>, status: String, requested_at: String,
    created_at: Option<String>, expires_at: String, deletable: bool,
});
shape!(BackupSchedule {
    id: Uuid, project_id: Uuid, description: Option<String>, schedule: String, ttl: String,
    is_system_backup: bool, created_at: String, updated_at: String,
});
shape!(Domain {
    domain_id: Uuid, domain: String, project_id: Uuid, connected: bool, deleted: bool,
    uses_default_nameserver: bool, nameservers: Vec<String>, handles: Value, auth_code: Option<AuthCode>,
});
shape!(AuthCode { value: String, expires: String });
shape!(Problem { r#type: String, message: String });
shape!(Validation { r#type: String, message: String, validation_errors: Vec<Invalid> });
shape!(Invalid { path: String, r#type: String, message: String });

macro_rules! one_of {
    ($name:ident { $($value:ident),* }) => {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum $name { $($value),* }
    };
}

one_of!(Role { Owner, Member, Accountant, Notset, Emailadmin, External });
one_of!(ServerStatus { Pending, Ready });
one_of!(Readiness { Creating, Ready, ActionRequired, Unready });
one_of!(ProjectStatus { Pending, Preparing, Ready, Disabled });
one_of!(Phase { Creating, Installing, Upgrading, Ready, Disabled });
one_of!(DatabaseStatus { Pending, Ready, Migrating, Importing, Error });
one_of!(AccessLevel { Full, Readonly });

one_of!(ServiceStatus { Running, Stopped, Error, Creating, Starting, Stopping });

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RestartPolicy {
    No,
    Always,
    OnFailure,
    UnlessStopped,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ApiRole {
    ApiRead,
    ApiWrite,
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

pub(crate) fn user(value: &Value) {
    read::<User>(value);
}

pub(crate) fn customer(value: &Value) {
    read::<Customer>(value);
}

pub(crate) fn server(value: &Value) {
    read::<Server>(value);
}

pub(crate) fn project(value: &Value) {
    read::<Project>(value);
}

pub(crate) fn app(value: &Value) {
    read::<App>(value);
}

pub(crate) fn database(value: &Value) {
    read::<Database>(value);
}

pub(crate) fn api_token(value: &Value) {
    read::<ApiToken>(value);
}

pub(crate) fn stack(value: &Value) {
    read::<Stack>(value);
}

pub(crate) fn service(value: &Value) {
    read::<Service>(value);
}

pub(crate) fn backup(value: &Value) {
    read::<Backup>(value);
}

pub(crate) fn backup_schedule(value: &Value) {
    read::<BackupSchedule>(value);
}

pub(crate) fn domain(value: &Value) {
    read::<Domain>(value);
}

pub(crate) fn problem(value: &Value) {
    let problem: Problem = read(value);
    assert!(!problem.r#type.is_empty() && !problem.message.is_empty());
}

/// The paths of the fields that do not hold.
pub(crate) fn validation(value: &Value) -> Vec<String> {
    let validation: Validation = read(value);
    assert_eq!(validation.r#type, "ValidationError");
    validation.validation_errors.into_iter().map(|invalid| invalid.path).collect()
}
