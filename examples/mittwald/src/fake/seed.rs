//! What there is at the start.

use std::collections::BTreeMap;

use secrecy::SecretString;
use uuid::Uuid;

use super::model::{
    AppInstallation, AppVersion, CharacterSettings, Customer, Database, MachineType, MainUser, Membership,
    Person, Project, Server, User,
};
use super::seed_hosting::{backup, domain, stacks};
use super::tokens::ApiToken;
use super::world::{READS_UNTIL_READY, World};

/// The id of the first server.
pub const FIRST_SERVER: &str = "11111111-1111-4111-8111-111111111111";
/// The id of the token that the service uses; revoking it locks the service out.
pub const SERVICE_TOKEN_ID: &str = "66666666-6666-4666-8666-666666666661";
/// The id of a second token, to be revoked.
pub const SPARE_TOKEN_ID: &str = "66666666-6666-4666-8666-666666666662";

/// A token of the user's own that reads and writes.
pub const DEMO_RW_TOKEN: &str = "11111111-1111-4111-8111-111111111111:demo:rw";
/// Its id.
pub const DEMO_RW_TOKEN_ID: &str = "66666666-6666-4666-8666-666666666663";
/// A token of the user's own that reads only.
pub const DEMO_RO_TOKEN: &str = "11111111-1111-4111-8111-111111111111:demo:ro";
/// Its id.
pub const DEMO_RO_TOKEN_ID: &str = "66666666-6666-4666-8666-666666666664";

const READ_WRITE: &[&str] = &["api_read", "api_write"];
const READ_ONLY: &[&str] = &["api_read"];
const SECOND_SERVER: &str = "11111111-1111-4111-8111-111111111112";
const CUSTOMER: &str = "55555555-5555-4555-8555-555555555551";
const USER: &str = "77777777-7777-4777-8777-777777777771";
pub(super) const EPOCH: &str = "2024-01-15T08:00:00.000Z";

/// A token in the API's form, random.
pub(super) fn service_token() -> SecretString {
    format!("{}:{}:fake", Uuid::new_v4(), Uuid::new_v4().simple()).into()
}

/// The account of one user, named `first_name`.
pub(super) fn world(first_name: &str, token: &SecretString) -> World {
    let projects = vec![
        project(1, FIRST_SERVER, "Bakery website"),
        project(2, FIRST_SERVER, "Cycling club"),
        project(3, SECOND_SERVER, "Booking portal"),
    ];
    let apps = vec![
        app(1, &projects, "WordPress", "6.5.3", "6.5.3"),
        app(2, &projects, "Node.js", "20.0.0", "22.0.0"),
    ];
    let databases = vec![database(1, &projects, "WordPress"), database(2, &projects, "Statistics")];
    World {
        user: user(first_name, &projects),
        tokens: vec![
            ApiToken::new(SERVICE_TOKEN_ID, "MCP server", READ_WRITE, token.clone()),
            ApiToken::new(SPARE_TOKEN_ID, "Spare", READ_WRITE, service_token()),
            ApiToken::new(DEMO_RW_TOKEN_ID, "Demo", READ_WRITE, DEMO_RW_TOKEN.into()),
            ApiToken::new(DEMO_RO_TOKEN_ID, "Demo, reading only", READ_ONLY, DEMO_RO_TOKEN.into()),
        ],
        customers: vec![Customer {
            customer_id: CUSTOMER.to_owned(),
            customer_number: "100001",
            name: "Example Bakery",
            creation_date: EPOCH,
            member_count: 1,
            project_count: projects.len(),
        }],
        servers: vec![
            server(FIRST_SERVER, "s-bakery", "Main server"),
            server(SECOND_SERVER, "s-portal", "Portal"),
        ],
        stacks: stacks(&projects),
        backups: vec![backup(1, &projects, true), backup(2, &projects, false)],
        schedules: Vec::new(),
        domains: vec![
            domain(1, &projects, "bakery.example.test", true),
            domain(2, &projects, "bread.example.test", false),
        ],
        projects,
        apps,
        databases,
        created: 0,
    }
}

fn user(first_name: &str, projects: &[Project]) -> User {
    let membership = |id: &str| (id.to_owned(), Membership { id: id.to_owned(), role: "owner" });
    User {
        user_id: USER.to_owned(),
        email: "owner@example.test".to_owned(),
        person: Person { first_name: first_name.to_owned(), last_name: "Example" },
        is_employee: false,
        registered_at: EPOCH,
        customer_memberships: BTreeMap::from([membership(CUSTOMER)]),
        project_memberships: projects.iter().map(|project| membership(&project.id)).collect(),
    }
}

fn server(id: &str, short_id: &'static str, description: &'static str) -> Server {
    Server {
        id: id.to_owned(),
        short_id,
        description,
        customer_id: CUSTOMER.to_owned(),
        cluster_name: "fake",
        created_at: EPOCH,
        is_ready: true,
        status: "ready",
        storage: "50Gi",
        machine_type: MachineType { name: "shared.small", cpu: "1", memory: "2Gi" },
    }
}

fn project(number: u64, server: &str, description: &str) -> Project {
    let id = format!("22222222-2222-4222-8222-{number:012}");
    Project {
        status: "ready",
        readiness: "ready",
        is_ready: true,
        ..new_project(number, id, server, description)
    }
}

/// A project that was just created: not ready.
pub(super) fn new_project(number: u64, id: String, server: &str, description: &str) -> Project {
    let short_id = format!("p-{number:06}");
    Project {
        directories: BTreeMap::from([
            ("Web", format!("/home/{short_id}/html")),
            ("Home", format!("/home/{short_id}")),
        ]),
        id,
        short_id,
        description: description.to_owned(),
        created_at: EPOCH,
        customer_id: CUSTOMER.to_owned(),
        server_id: server.to_owned(),
        enabled: true,
        readiness: "creating",
        status: "preparing",
        is_ready: false,
        reads: 0,
    }
}

fn app(
    number: u64,
    projects: &[Project],
    name: &'static str,
    current: &'static str,
    desired: &'static str,
) -> AppInstallation {
    let short_id = format!("a-{number:06}");
    AppInstallation {
        id: format!("33333333-3333-4333-8333-{number:012}"),
        project_id: first(projects),
        app_id: "88888888-8888-4888-8888-888888888881",
        app_name: name,
        app_version: AppVersion { current, desired },
        created_at: EPOCH,
        description: name.to_owned(),
        custom_document_root: None,
        installation_path: format!("/html/{short_id}"),
        short_id,
        phase: "ready",
        disabled: false,
    }
}

fn database(number: u64, projects: &[Project], description: &str) -> Database {
    let id = format!("44444444-4444-4444-8444-{number:012}");
    let database = new_database(number, id, &first(projects), description, "8.0");
    Database { status: "ready", is_ready: true, reads: READS_UNTIL_READY, ..database }
}

/// A database that was just created: pending.
pub(super) fn new_database(
    number: u64,
    id: String,
    project: &str,
    description: &str,
    version: &str,
) -> Database {
    let name = format!("mysql_{number:06}");
    Database {
        main_user: MainUser {
            id: format!("44444444-4444-4444-9444-{number:012}"),
            name: format!("dbu_{number:06}"),
            database_id: id.clone(),
            access_level: "full",
        },
        id,
        hostname: format!("mysql-{number}.db.internal"),
        external_hostname: format!("mysql-{number}.db.example.test"),
        name,
        project_id: project.to_owned(),
        description: description.to_owned(),
        version: version.to_owned(),
        status: "pending",
        is_ready: false,
        created_at: EPOCH,
        updated_at: EPOCH,
        character_settings: CharacterSettings { character_set: "utf8mb4", collation: "utf8mb4_unicode_ci" },
        reads: 0,
    }
}

pub(super) fn first(projects: &[Project]) -> String {
    projects.first().map(|project| project.id.clone()).unwrap_or_default()
}
