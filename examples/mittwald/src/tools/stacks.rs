//! Stacks of containers.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Mittwald;
use super::answer::{listed, shown};
use super::projects::OfProject;
use crate::api::{ApiError, Declaration, Id};

/// A stack.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfStack {
    /// The stack's id.
    pub(crate) stack_id: Id,
}

/// Input of `stack_deploy`. It has no `Debug`: environments hold passwords.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StackDeploy {
    /// The stack's id.
    pub(crate) stack_id: Id,
    /// A Compose file with all that the stack is to run: `services` (image, command, entrypoint, environment, ports,
    /// volumes, restart, limits under deploy) and named `volumes`. Up to 64 KiB, without anchors and variables.
    #[schemars(length(min = 1, max = 65536), extend("x-mcp-auth-redact" = true))]
    pub(crate) compose_yaml: String,
}

#[tool_router(router = stacks, vis = "pub(super)")]
impl Mittwald {
    #[tool(
        name = "mittwald_stack_list",
        description = "List the stacks of a project with their containers and volumes.",
        annotations(title = "List stacks", read_only_hint = true, open_world_hint = false)
    )]
    async fn stack_list(&self, Parameters(input): Parameters<OfProject>) -> CallToolResult {
        listed("stack_list", "stacks", self.api.stacks(&input.project_id).await)
    }

    #[tool(
        name = "mittwald_stack_deploy",
        description = "Replace what a stack runs by a Compose file. Containers that are not in it are removed, \
                       volumes that are not in it are detached: list the stack first.",
        annotations(
            title = "Deploy stack",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn stack_deploy(&self, Parameters(input): Parameters<StackDeploy>) -> CallToolResult {
        let stack = match declaration(&input.compose_yaml) {
            Ok(declaration) => self.api.declare_stack(&input.stack_id, &declaration).await,
            Err(error) => Err(error),
        };
        shown("stack_deploy", |stack| format!("the stack runs {} services", stack.services.len()), stack)
    }

    #[tool(
        name = "mittwald_stack_delete",
        description = "Remove every container of a stack. Its volumes are detached and keep their data.",
        annotations(
            title = "Delete stack",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn stack_delete(&self, Parameters(input): Parameters<OfStack>) -> CallToolResult {
        let stack = self.api.declare_stack(&input.stack_id, &Declaration::default()).await;
        shown("stack_delete", |stack| format!("stack {} runs nothing any more", stack.id), stack)
    }
}

/// What a Compose file says.
pub(crate) fn declaration(compose_yaml: &str) -> Result<Declaration, ApiError> {
    super::compose::read(compose_yaml).map_err(|error| ApiError::unsendable("composeYaml", error.to_string()))
}
