//! Installed apps.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Mittwald;
use super::answer::{done, listed, shown};
use super::projects::OfProject;
use crate::api::Id;

/// An installation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfApp {
    /// The installation's id.
    pub(crate) installation_id: Id,
}

/// Input of `app_update`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AppUpdate {
    /// The installation's id.
    pub(crate) installation_id: Id,
    /// A new description; without it the old one stays.
    pub(crate) description: Option<String>,
    /// A new document root, an absolute path; without it the old one stays.
    pub(crate) document_root: Option<String>,
}

#[tool_router(router = apps, vis = "pub(super)")]
impl Mittwald {
    #[tool(
        name = "mittwald_app_list",
        description = "List the apps that are installed in a project.",
        annotations(title = "List apps", read_only_hint = true, open_world_hint = false)
    )]
    async fn app_list(&self, Parameters(input): Parameters<OfProject>) -> CallToolResult {
        listed("app_list", "apps", self.api.apps(&input.project_id).await)
    }

    #[tool(
        name = "mittwald_app_get",
        description = "Show an installed app: version, phase.",
        annotations(title = "Show app", read_only_hint = true, open_world_hint = false)
    )]
    async fn app_get(&self, Parameters(input): Parameters<OfApp>) -> CallToolResult {
        let app = self.api.app(&input.installation_id).await;
        shown("app_get", |app| format!("{} is {}", app.app_name, app.phase), app)
    }

    #[tool(
        name = "mittwald_app_update",
        description = "Change the description or the document root of an installed app.",
        annotations(
            title = "Change app",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn app_update(&self, Parameters(input): Parameters<AppUpdate>) -> CallToolResult {
        let (description, root) = (input.description.as_deref(), input.document_root.as_deref());
        let result = self.api.update_app(&input.installation_id, description, root).await;
        done("app_update", format!("app {} is changed", input.installation_id), result)
    }

    #[tool(
        name = "mittwald_app_uninstall",
        description = "Uninstall an app with its files. It cannot be undone.",
        annotations(
            title = "Uninstall app",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn app_uninstall(&self, Parameters(input): Parameters<OfApp>) -> CallToolResult {
        let result = self.api.uninstall_app(&input.installation_id).await;
        done("app_uninstall", format!("app {} is uninstalled", input.installation_id), result)
    }
}
