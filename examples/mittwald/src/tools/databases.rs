//! MySQL databases.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::Mittwald;
use super::answer::{done, listed, shown};
use super::projects::OfProject;
use crate::api::Id;

/// A database.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfDatabase {
    /// The database's id.
    pub(crate) database_id: Id,
}

/// Input of `database_mysql_create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DatabaseCreate {
    /// The project to create it in.
    project_id: Id,
    /// What people call it.
    #[schemars(length(min = 1, max = 300))]
    description: String,
    /// MySQL's version, such as 8.0.
    version: String,
}

#[tool_router(router = databases, vis = "pub(super)")]
impl Mittwald {
    #[tool(
        name = "mittwald_database_mysql_list",
        description = "List the MySQL databases of a project.",
        annotations(title = "List databases", read_only_hint = true, open_world_hint = false)
    )]
    async fn database_mysql_list(&self, Parameters(input): Parameters<OfProject>) -> CallToolResult {
        listed("database_mysql_list", "databases", self.api.databases(&input.project_id).await)
    }

    #[tool(
        name = "mittwald_database_mysql_get",
        description = "Show a MySQL database: host, version, status, main user.",
        annotations(title = "Show database", read_only_hint = true, open_world_hint = false)
    )]
    async fn database_mysql_get(&self, Parameters(input): Parameters<OfDatabase>) -> CallToolResult {
        let database = self.api.database(&input.database_id).await;
        shown("database_mysql_get", |database| format!("{} is {}", database.name, database.status), database)
    }

    #[tool(
        name = "mittwald_database_mysql_create",
        description = "Create a MySQL database with a user. The answer holds the password, this once only.",
        annotations(
            title = "Create database",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn database_mysql_create(&self, Parameters(input): Parameters<DatabaseCreate>) -> CallToolResult {
        let password = password();
        let created =
            self.api.create_database(&input.project_id, &input.description, &input.version, &password).await;
        let shown_once = created.map(
            |created| json!({ "id": created.id, "userId": created.user_id, "password": password.expose_secret() }),
        );
        shown(
            "database_mysql_create",
            |_| "the database is being created; keep the password".to_owned(),
            shown_once,
        )
    }

    #[tool(
        name = "mittwald_database_mysql_delete",
        description = "Delete a MySQL database with its data. It cannot be undone.",
        annotations(
            title = "Delete database",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn database_mysql_delete(&self, Parameters(input): Parameters<OfDatabase>) -> CallToolResult {
        let result = self.api.delete_database(&input.database_id).await;
        done("database_mysql_delete", format!("database {} is deleted", input.database_id), result)
    }
}

/// 122 random bits, with a character of each kind that password rules ask for.
fn password() -> SecretString {
    format!("Db-{}", Uuid::new_v4().simple()).into()
}
